package workflow

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"strata/malloc"
	"strata/model"
	"strata/projects"
)

// Limits of what a project keeps of a model.
const (
	maxHeader    = 128 << 20 // bytes of one file before its weights
	maxAllHeader = 256 << 20
)

// ModelHeaders is what a project keeps of a model: of each file the bytes before
// its first tensor, and the whole of the configuration files beside safetensors
// (before these: the index first, then config.json).
func ModelHeaders(m *Model, ref *malloc.ModelRef) (*projects.Model, error) {
	src := m.Source
	out := &projects.Model{ModelRef: *ref, Format: src.Format, Architecture: src.Arch}
	first := make([]int64, len(src.Shards)) // where weights begin
	for i := range src.Shards {
		first[i] = src.Shards[i].Bytes
	}
	for i := range src.Tensors {
		if r := &src.Tensors[i]; r.Offset >= 0 {
			first[r.Shard] = min(first[r.Shard], r.Offset)
		}
	}
	all := int64(0)
	add := func(path string, bytes, header int64) error {
		if all += header; header > maxHeader || all > maxAllHeader {
			return Badf("%s: %d bytes before its weights are too many for a project", path, header)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if bytes < 0 { // the whole file
			info, err := f.Stat()
			if err != nil {
				return err
			}
			if bytes, header = info.Size(), info.Size(); header > maxHeader {
				return Badf("%s: %d bytes are too many for a project", path, header)
			}
			all += header
		}
		b := make([]byte, header)
		if _, err := io.ReadFull(f, b); err != nil {
			return err
		}
		out.Files = append(out.Files, projects.ModelFile{Name: filepath.Base(path), Bytes: bytes, Header: b})
		return nil
	}
	var whole []string
	switch src.Format {
	case "config":
		whole = []string{src.Path}
	case "safetensors":
		if strings.HasSuffix(strings.ToLower(src.Path), ".json") {
			whole = append(whole, src.Path)
		}
		whole = append(whole, filepath.Join(filepath.Dir(src.Path), "config.json"))
	}
	for _, path := range whole {
		if err := add(path, -1, 0); err != nil {
			return nil, err
		}
	}
	for i, s := range src.Shards {
		if err := add(s.Path, s.Bytes, first[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// KnownHeader is what a project keeps of a GGUF model whose file is not at hand,
// of which only header was read; m.Known identifies it.
func KnownHeader(m *Model, header []byte) *projects.Model {
	return &projects.Model{ModelRef: *m.Known, Format: m.Source.Format, Architecture: m.Source.Arch,
		Files: []projects.ModelFile{{Name: m.Known.Name, Bytes: m.Known.Bytes, Header: header}}}
}

// notHere is the folder that the files of a model have of which only the headers
// are kept: nothing can be read from it.
const notHere = "(not on this machine)"

// OpenStoredModel opens a model of which only the headers are kept. Everything
// works but running it. Call release when the model is not used any more.
func OpenStoredModel(pm *projects.Model) (m *Model, release func(), err error) {
	release = func() {}
	if len(pm.Files) == 0 {
		return nil, release, Badf("%s: its headers are not kept, only its digest: open the project where the model is", pm.Name)
	}
	known := pm.ModelRef
	if f := pm.Files[0]; len(pm.Files) == 1 && pm.Format == "gguf" {
		if m, err = OpenHeader(bytes.NewReader(f.Header), f.Bytes, filepath.Join(notHere, f.Name)); err == nil {
			m.Known = &known
		}
		return m, release, err
	}
	// Models of several files are read by path: give them files that end where
	// the weights begin, but are as long as the real ones.
	dir, err := os.MkdirTemp("", "strata-headers")
	if err != nil {
		return nil, release, err
	}
	release = func() { _ = os.RemoveAll(dir) }
	fail := func(err error) (*Model, func(), error) {
		release()
		return nil, func() {}, err
	}
	for _, f := range pm.Files {
		if f.Name != filepath.Base(f.Name) || !filepath.IsLocal(f.Name) {
			return fail(Badf("%s: file name %q is not a name in one folder", pm.Name, f.Name))
		}
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Header, 0o600); err != nil {
			return fail(err)
		}
		if err := os.Truncate(path, f.Bytes); err != nil { // a hole, not bytes
			return fail(err)
		}
	}
	open := pm.Files[0].Name
	if pm.Format == "safetensors" && !strings.HasSuffix(open, ".index.json") {
		open = pm.Files[1%len(pm.Files)].Name
	}
	if m, err = OpenModel(filepath.Join(dir, open)); err != nil {
		return fail(err)
	}
	m.Known = &known
	m.Path = filepath.Join(notHere, open)
	m.Source.Path = m.Path
	shards := make([]model.Shard, len(m.Source.Shards))
	for i, s := range m.Source.Shards {
		shards[i] = model.Shard{Path: filepath.Join(notHere, filepath.Base(s.Path)), Bytes: s.Bytes}
	}
	m.Source.Shards = shards
	return m, release, nil
}
