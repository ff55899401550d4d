package model

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds on JSON files. A real config.json stays below 100 kB, an index below
// 30 MB even with two hundred thousand tensors.
const (
	maxConfigBytes = 4 << 20
	maxIndexBytes  = 64 << 20
)

// configMetadata reads fields of a Hugging Face config.json. Multimodal models
// keep the text model's fields in text_config, which then come first.
type configMetadata struct {
	path   string
	layers []map[string]any
}

// withDefaults gives the source whose absent config.json fields are the class's.
func (s *Source) withDefaults(fam *family) *Source {
	m, ok := s.meta.(configMetadata)
	if !ok || fam.HFDefaults == nil {
		return s
	}
	m.layers = append(slices.Clip(m.layers), fam.HFDefaults)
	out := *s
	out.meta = m
	return &out
}

// readConfig parses config.json and finds the class name.
func readConfig(path string) (m configMetadata, arch string, err error) {
	raw, err := readBounded(path, maxConfigBytes)
	if err != nil {
		return m, "", err
	}
	return parseConfig(raw, path)
}

func parseConfig(raw []byte, path string) (m configMetadata, arch string, err error) {
	var top map[string]any
	if err := json.Unmarshal(raw, &top); err != nil {
		return m, "", fmt.Errorf("%s: not a model configuration: %w", path, err)
	}
	m = configMetadata{path: path, layers: []map[string]any{top}}
	if text, ok := top["text_config"].(map[string]any); ok {
		m.layers = []map[string]any{text, top}
	}
	classes, ok := top["architectures"].([]any)
	if !ok || len(classes) == 0 {
		return m, "", fmt.Errorf("%s: architectures is missing: expected a list with the model's class name", path)
	}
	if arch, ok = classes[0].(string); !ok {
		return m, "", fmt.Errorf("%s: architectures[0] is %T, expected a string", path, classes[0])
	}
	return m, arch, nil
}

func loadConfig(path string) (*Source, error) {
	m, arch, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	return &Source{Path: path, Format: "config", Arch: arch, meta: m}, nil
}

// besideWeights reads the config.json in the folder of a safetensors file.
func besideWeights(path string) (configMetadata, string, error) {
	return readConfig(filepath.Join(filepath.Dir(path), "config.json"))
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are accepted", path, info.Size(), most)
	}
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s: more than %d bytes", path, most)
	}
	return raw, err
}

// get finds the first of a field's names. null counts as absent.
func (m configMetadata) get(k key) (string, any, bool) {
	if k.hf == "" {
		return "", nil, false
	}
	for _, layer := range m.layers {
		for name := range strings.SplitSeq(k.hf, "|") {
			v := any(layer)
			for part := range strings.SplitSeq(name, ".") {
				object, ok := v.(map[string]any)
				if !ok {
					v = nil
					break
				}
				v = object[part]
			}
			if v != nil {
				return name, v, true
			}
		}
	}
	return "", nil, false
}

func (m configMetadata) where(k key) string {
	if k.hf == "" {
		return k.gguf
	}
	return strings.ReplaceAll(k.hf, "|", " or ")
}

func (m configMetadata) wrong(name string, v any, want string) error {
	return fmt.Errorf("%s: %s is %s, expected %s", m.path, name, brief(v), want)
}

// brief prints a JSON value of any size in a few characters.
func brief(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 40 {
			return fmt.Sprintf("%.40q…", v)
		}
		return fmt.Sprintf("%q", v)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(v)
}

func (m configMetadata) number(k key) (float64, bool, error) {
	name, v, found := m.get(k)
	if !found {
		return 0, false, nil
	}
	if list, ok := v.([]any); ok && len(list) > 0 { // several end-of-text tokens
		v = list[0]
	}
	x, ok := v.(float64)
	if !ok {
		return 0, true, m.wrong(name, v, "a number")
	}
	return x, true, nil
}

func (m configMetadata) text(k key) (string, bool, error) {
	name, v, found := m.get(k)
	if !found {
		return "", false, nil
	}
	s, ok := v.(string)
	if !ok {
		return "", true, m.wrong(name, v, "a string")
	}
	return s, true, nil
}

func (m configMetadata) truth(k key) (bool, bool, error) {
	name, v, found := m.get(k)
	if !found {
		return false, false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, true, m.wrong(name, v, "true or false")
	}
	return b, true, nil
}

// list reads a list of strings or numbers, numbers as text.
func (m configMetadata) list(k key) ([]string, bool, error) {
	name, v, found := m.get(k)
	if !found {
		return nil, false, nil
	}
	items, ok := v.([]any)
	if !ok {
		return nil, true, m.wrong(name, v, "a list")
	}
	out := make([]string, len(items))
	for i, item := range items {
		switch item := item.(type) {
		case string:
			out[i] = item
		case float64:
			out[i] = fmt.Sprint(item)
		default:
			return nil, true, m.wrong(fmt.Sprintf("%s[%d]", name, i), item, "a string or a number")
		}
	}
	return out, true, nil
}
