package workflow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strata/convert"
	"strata/convert/generate"
	"strata/costmodel"
	"strata/malloc"
)

// ConvertRequest says what becomes a memory-mapping problem, on which machine.
type ConvertRequest struct {
	Input string // a file, or a folder of a model
	From  string // one of ConvertFormats; "": by content
	// Generate makes a schedule of that kind from Seed, and no input is read.
	Generate string
	Seed     uint64
	Request  Request
	Scale    float64 // multiplies bytes and work, or a generated schedule's layers; 0: 1

	// Where the input comes from, kept in the instance.
	Repo, Commit, License string
}

// Converted is an instance and what it was made from.
type Converted struct {
	From         string    `json:"from"`
	Name         string    `json:"name"`
	Instructions int       `json:"instructions"`
	Buffers      int       `json:"buffers"`
	Touches      int       `json:"touches"`
	Loops        int       `json:"loops"`
	TensorBytes  int64     `json:"tensor_bytes"` // of all buffers
	LargestBytes int64     `json:"largest_bytes"`
	LowerBoundS  float64   `json:"lower_bound_s"`
	Tiers        []TierUse `json:"tiers"` // used_bytes: of buffers homed there
	License      string    `json:"license"`
	Notes        []string  `json:"notes"`
	SHA256       string    `json:"sha256"`

	Program *malloc.Program `json:"-"`
}

// maxConvertBytes is the largest input that is read, unpacked.
const maxConvertBytes = 1 << 30

// ModelFormat is the name under which --from knows this program's own models.
const ModelFormat = "model"

// converter is a format that strata convert reads.
type converter struct {
	name   string
	detect func(path string, data []byte) bool
	read   func(data []byte, r *ConvertRequest) (*convert.Schedule, error)
}

// ConvertFormats lists what --from knows.
func ConvertFormats() []string {
	var names []string
	for _, c := range converters {
		names = append(names, c.name)
	}
	return append(names, ModelFormat)
}

// Convert reads a schedule or a model and puts it on the request's machine.
func Convert(r ConvertRequest) (*Converted, error) {
	if r.Generate != "" {
		s, err := generate.Generate(r.Generate, r.Seed, r.Scale)
		if err != nil {
			return nil, bad(err)
		}
		r.Scale = 1
		return r.finish("generate", s)
	}
	if r.From == ModelFormat || r.From == "" && isModel(r.Input) {
		return convertModel(r)
	}
	data, err := readConvertible(r.Input)
	if err != nil {
		return nil, err
	}
	c, err := r.format(data)
	if err != nil {
		return nil, err
	}
	s, err := c.read(data, &r)
	if err != nil {
		return nil, Badf("%s: %w", r.Input, err)
	}
	s.Source.Path = filepath.Base(r.Input)
	if s.Name == "" {
		s.Name = s.Source.Path
	}
	return r.finish(c.name, s)
}

// finish lowers a schedule and describes the instance.
func (r *ConvertRequest) finish(from string, s *convert.Schedule) (*Converted, error) {
	for _, f := range []struct {
		to   *string
		from string
	}{{&s.Source.Repo, r.Repo}, {&s.Source.Commit, r.Commit}, {&s.Source.License, r.License}} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	var hw *costmodel.Profile
	if s.Machine == nil {
		var err error
		if hw, err = LoadMachine(r.Request.HW); err != nil {
			return nil, err
		}
	}
	capacities, err := r.Request.capacities(s)
	if err != nil {
		return nil, err
	}
	p, err := convert.Lower(s, hw, convert.Options{Capacities: capacities, Threads: r.Request.Threads, Scale: r.Scale})
	if err != nil {
		return nil, bad(err)
	}
	return describe(from, p)
}

// capacities are the tiers' sizes in bytes; a share is of all values.
func (r *Request) capacities(s *convert.Schedule) (map[string]int64, error) {
	var all float64
	for i := range s.Values {
		all += float64(s.Values[i].Bytes)
	}
	out := map[string]int64{}
	for name, size := range r.Tiers {
		out[name] = size.Bytes
		if size.IsShare {
			v := size.Percent / 100 * all
			if v > malloc.MaxSizeBytes {
				return nil, Badf("tier %s: %g %% of all values is more than 2^53-1 bytes", name, size.Percent)
			}
			out[name] = int64(math.Ceil(v/4096)) * 4096
		}
	}
	if r.Dram.Set {
		if _, ok := out["dram"]; ok {
			return nil, Badf("--dram and --tier dram=… name the same tier: use one")
		}
		out["dram"] = r.Dram.Bytes
		if r.Dram.IsShare {
			out["dram"] = int64(math.Ceil(r.Dram.Percent/100*all/4096)) * 4096
		}
	}
	return out, nil
}

// convertModel lowers a model of this program's own families.
func convertModel(r ConvertRequest) (*Converted, error) {
	if r.Request.Prompt == 0 || r.Request.Gen == 0 {
		return nil, Badf("converting a model needs the workload: --prompt N --gen N")
	}
	if r.Scale != 0 && r.Scale != 1 {
		return nil, Badf("--scale %g: a model's bytes are its file's; only schedules can be scaled", r.Scale)
	}
	m, err := OpenModel(r.Input)
	if err != nil {
		return nil, err
	}
	j, err := Lower(m, r.Request)
	if err != nil {
		return nil, err
	}
	p := j.Program()
	// Without an origin the instance is the one that plans of this model are for.
	if r.Repo != "" || r.Commit != "" || r.License != "" {
		p.Source = &malloc.Source{Repo: r.Repo, Commit: r.Commit, License: r.License, Path: filepath.Base(m.Path), Converter: "model graph"}
	}
	return describe(ModelFormat, p)
}

func describe(from string, p *malloc.Program) (*Converted, error) {
	bound, err := costmodel.LowerBound(p)
	if err != nil {
		return nil, err
	}
	sum, err := malloc.InstanceHash(p)
	if err != nil {
		return nil, err
	}
	c := &Converted{From: from, Name: p.Name, Instructions: len(p.Instructions), Buffers: len(p.Buffers), Loops: len(p.Loops),
		LowerBoundS: bound.TotalS, Notes: []string{}, SHA256: sum, Program: p}
	if s := p.Source; s != nil {
		if c.License = s.License; s.Notes != "" {
			c.Notes = strings.Split(s.Notes, "; ")
		}
	}
	homed := make([]int64, len(p.Tiers))
	for i := range p.Buffers {
		b := &p.Buffers[i]
		homed[b.Home] += b.Size
		c.TensorBytes += b.Size
		c.LargestBytes = max(c.LargestBytes, b.Size)
	}
	for i := range p.Instructions {
		c.Touches += len(p.Instructions[i].Reads) + len(p.Instructions[i].Writes)
	}
	for t := range p.Tiers {
		c.Tiers = append(c.Tiers, TierUse{p.Tiers[t].Name, p.Tiers[t].Capacity, homed[t]})
	}
	return c, nil
}

// format finds the reader by name, or by content.
func (r *ConvertRequest) format(data []byte) (*converter, error) {
	for i := range converters {
		c := &converters[i]
		if r.From == c.name || r.From == "" && c.detect(r.Input, data) {
			return c, nil
		}
	}
	if r.From != "" {
		return nil, Badf("--from %q: known are %s", r.From, strings.Join(ConvertFormats(), ", "))
	}
	if isInstance(data) {
		return nil, Badf("%s is an mmap-instance already: use it with --instance", r.Input)
	}
	return nil, Badf("%s: no known format; name it with --from: %s", r.Input, strings.Join(ConvertFormats(), ", "))
}

func isInstance(data []byte) bool {
	return bytes.Contains(data[:min(len(data), 1<<10)], []byte(malloc.InstanceFormat))
}

// isModel tells a model of this program's own readers by its name or magic.
func isModel(path string) bool {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return false
	case info.IsDir():
		return true
	case slices.Contains([]string{".gguf", ".safetensors"}, filepath.Ext(path)) || filepath.Base(path) == "config.json":
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == "GGUF"
}

// readConvertible reads a file whole, unpacking gzip.
func readConvertible(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Badf("%s: there is no such file", path)
	case err != nil:
		return nil, bad(err)
	}
	defer f.Close()
	data, err := readLimited(f, path)
	if err != nil {
		return nil, err
	}
	if len(data) < 2 || data[0] != 0x1f || data[1] != 0x8b {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, Badf("%s: %w", path, err)
	}
	return readLimited(z, path)
}

func readLimited(r io.Reader, path string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConvertBytes+1))
	if err != nil {
		return nil, Badf("%s: %w", path, err)
	}
	if len(data) > maxConvertBytes {
		return nil, Badf("%s: more than %s: a schedule holds no weights; write it without them", path, FormatBytes(maxConvertBytes))
	}
	return data, nil
}
