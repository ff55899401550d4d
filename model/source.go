package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source is a model as its files describe it, whatever their format: shards,
// tensor records, and metadata to take the hyper-parameters from.
type Source struct {
	Path    string // what the user named
	Format  string // "gguf", "safetensors" or "config"
	Arch    string // general.architecture, or the class name in config.json
	Shards  []Shard
	Tensors []Record // empty when planned from a config.json alone
	GGUF    *File    // nil for the other formats
	meta    metadata
}

// metadata gives the number, text or truth value of a field whose name differs
// between formats. found is false when the field is absent; a field of the
// wrong type is an error that names it.
type metadata interface {
	number(k key) (v float64, found bool, err error)
	text(k key) (v string, found bool, err error)
	truth(k key) (v, found bool, err error)
	list(k key) (v []string, found bool, err error)
	where(k key) string // the field's name, for errors
}

// key names one field in both formats. The GGUF name is below the architecture
// ("block_count" for "llama.block_count") unless it has a dot-free prefix of its
// own, given with a leading "/". Empty: the format has no such field.
type key struct {
	gguf string
	hf   string // alternatives separated by "|"
}

// Load reads what a model's files say without reading any weight. path is a
// .gguf file (any shard), a .safetensors file or its index, a config.json, or a
// folder that holds one of these.
func Load(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return loadFolder(path)
	}
	base := strings.ToLower(filepath.Base(path))
	switch {
	case strings.HasSuffix(base, ".gguf"):
		return loadGGUF(path)
	case strings.HasSuffix(base, ".safetensors"), strings.HasSuffix(base, ".safetensors.index.json"):
		return loadSafetensors(path)
	case strings.HasSuffix(base, ".json"):
		return loadConfig(path)
	}
	if isGGUF(path) { // files of a blob store have no extension
		return loadGGUF(path)
	}
	return nil, fmt.Errorf("%s: not a model that can be read: expected a .gguf or .safetensors file, a config.json, or a folder with one of them", path)
}

func isGGUF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	n, _ := f.Read(magic[:])
	return string(magic[:n]) == "GGUF"
}

// loadFolder prefers weights to a bare config, and safetensors (which say what
// they belong to) to GGUF, of which a folder may hold several.
func loadFolder(dir string) (*Source, error) {
	for _, name := range []string{"model.safetensors.index.json", "model.safetensors"} {
		p := filepath.Join(dir, name)
		if _, err := os.Stat(p); err == nil {
			return loadSafetensors(p)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	ggufs, err := filepath.Glob(filepath.Join(dir, "*.gguf"))
	if err != nil {
		return nil, err
	}
	var first []string
	for _, p := range ggufs {
		if m := splitName.FindStringSubmatch(filepath.Base(p)); m == nil || m[2] == "00001" {
			first = append(first, p)
		}
	}
	switch len(first) {
	case 1:
		return loadGGUF(first[0])
	case 0:
	default:
		return nil, fmt.Errorf("%s: holds %d GGUF models, name one of them: %s", dir, len(first), strings.Join(baseNames(first), ", "))
	}
	config := filepath.Join(dir, "config.json")
	if _, err := os.Stat(config); err == nil {
		return loadConfig(config)
	}
	return nil, fmt.Errorf("%s: holds no model: expected model.safetensors, model.safetensors.index.json, a .gguf file or config.json", dir)
}

func baseNames(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.Base(p)
	}
	return out
}

func loadGGUF(path string) (*Source, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return FromGGUF(f, path)
}

// FromGGUF makes a Source of a GGUF header that is already read.
func FromGGUF(f *File, path string) (*Source, error) {
	arch, err := f.Text("general.architecture")
	if err != nil {
		return nil, err
	}
	return &Source{
		Path: path, Format: "gguf", Arch: arch, Shards: f.Shards, Tensors: f.Tensors,
		GGUF: f, meta: ggufMetadata{f, arch},
	}, nil
}

// ggufMetadata reads fields of one architecture.
type ggufMetadata struct {
	f    *File
	arch string
}

func (m ggufMetadata) where(k key) string {
	if name, global := strings.CutPrefix(k.gguf, "/"); global {
		return name
	}
	return m.arch + "." + k.gguf
}

func (m ggufMetadata) has(k key) bool { return k.gguf != "" && m.f.Has(m.where(k)) }

func (m ggufMetadata) number(k key) (float64, bool, error) {
	if !m.has(k) {
		return 0, false, nil
	}
	name := m.where(k)
	v := m.f.values[name]
	if v.kind != typeArray {
		x, err := m.f.Float(name)
		return x, true, err
	}
	// Some files give one number a layer; only equal numbers are one number.
	xs, err := m.f.Floats(name)
	if err != nil {
		return 0, true, err
	}
	if len(xs) == 0 {
		return 0, true, fmt.Errorf("%s: metadata %s is an empty array", m.f.Shards[0].Path, name)
	}
	for i, x := range xs {
		if x != xs[0] {
			return 0, true, fmt.Errorf("%s: metadata %s differs between layers (%g in layer 0, %g in layer %d): such models are not known yet", m.f.Shards[0].Path, name, xs[0], x, i)
		}
	}
	return xs[0], true, nil
}

func (m ggufMetadata) text(k key) (string, bool, error) {
	if !m.has(k) {
		return "", false, nil
	}
	s, err := m.f.Text(m.where(k))
	return s, true, err
}

func (m ggufMetadata) truth(k key) (bool, bool, error) {
	if !m.has(k) {
		return false, false, nil
	}
	b, err := m.f.Bool(m.where(k))
	return b, true, err
}

func (m ggufMetadata) list(k key) ([]string, bool, error) {
	if !m.has(k) {
		return nil, false, nil
	}
	s, err := m.f.Texts(m.where(k))
	return s, true, err
}
