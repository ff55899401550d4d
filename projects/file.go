package projects

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/trace"
)

// FileFormat is the value of the field "format" of a project file.
const FileFormat = "strata-project/1"

// Limits of a project file.
const (
	maxFile      = 512 << 20 // bytes of JSON
	maxFilePlans = 1000
	maxFileRuns  = 10_000
	// A small gzip file must not grow without bound.
	maxInflate      = 200
	maxInflateFirst = 16 << 20
)

// fileDocument is a project file: the project and its runs, without the undo
// history, without where things lie on this machine, and without weights.
type fileDocument struct {
	Format   string            `json:"format"`
	Name     string            `json:"name"`
	Created  time.Time         `json:"created"`
	Saved    time.Time         `json:"saved"`
	Model    *fileModel        `json:"model,omitempty"`
	Profile  json.RawMessage   `json:"profile,omitempty"`
	Instance json.RawMessage   `json:"instance,omitempty"`
	Workload json.RawMessage   `json:"workload,omitempty"`
	State    json.RawMessage   `json:"state,omitempty"`
	Plan     *int              `json:"plan"` // index into plans of the current one; null: none
	Plans    []json.RawMessage `json:"plans"`
	Runs     []fileRun         `json:"runs"`
}

type fileModel struct {
	Name         string      `json:"name"`
	Bytes        int64       `json:"bytes"`
	SHA256       string      `json:"sha256"`
	Format       string      `json:"format"`
	Architecture string      `json:"architecture"`
	Files        []ModelFile `json:"files"`
}

type fileRun struct {
	Plan      int                        `json:"plan"`
	Host      string                     `json:"host"`
	Started   time.Time                  `json:"started"`
	WallS     float64                    `json:"wall_s"`
	Passed    bool                       `json:"passed"`
	State     string                     `json:"state"`
	Result    json.RawMessage            `json:"result"`
	Timelines map[string]*trace.Timeline `json:"timelines"` // by source
}

// Export writes a project that is stored, with its runs, as one file of gzipped
// JSON (strata-project/1). p may be changed after it was loaded: what it holds
// is written.
func (s *Store) Export(ctx context.Context, p *Project, out io.Writer) error {
	d := fileDocument{Format: FileFormat, Name: p.Name, Created: p.Created, Saved: p.Saved, Workload: p.Workload, State: p.State,
		Plans: []json.RawMessage{}, Runs: []fileRun{}}
	if m := p.Model; m != nil {
		d.Model = &fileModel{m.Name, m.Bytes, m.SHA256, m.Format, m.Architecture, m.Files}
		if m.Files == nil {
			d.Model.Files = []ModelFile{}
		}
	}
	var err error
	if p.Profile != nil {
		if d.Profile, err = p.Profile.Encode(); err != nil {
			return s.explain(err)
		}
	}
	if p.Instance != nil {
		var b bytes.Buffer
		if err := malloc.EncodeProgram(&b, p.Instance); err != nil {
			return s.explain(err)
		}
		d.Instance = b.Bytes()
	}
	at := map[string]int{} // digest → index
	add := func(plan *malloc.Plan) (int, error) {
		var b bytes.Buffer
		if err := malloc.EncodePlan(&b, plan); err != nil {
			return 0, err
		}
		name := digest(b.Bytes())
		i, ok := at[name]
		if !ok {
			i = len(d.Plans)
			at[name] = i
			d.Plans = append(d.Plans, b.Bytes())
		}
		return i, nil
	}
	if p.Plan != nil {
		i, err := add(p.Plan)
		if err != nil {
			return s.explain(err)
		}
		d.Plan = &i
	}
	if p.ID != 0 {
		if err := s.exportRuns(ctx, p.ID, &d, add); err != nil {
			return s.explain(err)
		}
	}
	z := gzip.NewWriter(out)
	if err := json.NewEncoder(z).Encode(&d); err != nil {
		return err
	}
	return z.Close()
}

func (s *Store) exportRuns(ctx context.Context, id int64, d *fileDocument, add func(*malloc.Plan) (int, error)) error {
	l, err := s.loader(ctx)
	if err != nil {
		return err
	}
	defer l.tx.Rollback()
	runs, err := s.RunsOf(ctx, id)
	if err != nil {
		return err
	}
	for _, r := range runs {
		var plan string
		if err := l.tx.QueryRowContext(ctx, `SELECT plan FROM runs WHERE id = ?`, r.ID).Scan(&plan); err != nil {
			return fmt.Errorf("run %d: %w", r.ID, err)
		}
		body, err := l.plan(plan)
		if err != nil {
			return fmt.Errorf("run %d: %w", r.ID, err)
		}
		f := fileRun{Host: r.Host, Started: r.Started, WallS: r.WallS, Passed: r.Passed, State: r.State, Result: r.Result, Timelines: map[string]*trace.Timeline{}}
		if f.Plan, err = add(body); err != nil {
			return fmt.Errorf("run %d: %w", r.ID, err)
		}
		for _, source := range []string{"predicted", "measured"} {
			t, err := s.Timeline(ctx, r.ID, source)
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return err
			default:
				f.Timelines[source] = t
			}
		}
		d.Runs = append(d.Runs, f)
	}
	return nil
}

// Import stores the project of a file as a new one, with its runs, all or
// nothing.
func (s *Store) Import(ctx context.Context, in io.Reader) (*Project, error) {
	d, err := readFile(in)
	if err != nil {
		return nil, err
	}
	p, plans, err := d.project()
	if err != nil {
		return nil, err
	}
	p.Created = time.Time{} // here
	if err := s.Save(ctx, p); err != nil {
		return nil, err
	}
	for i := range d.Runs {
		f := &d.Runs[i]
		r := &Run{Project: p.ID, Plan: plans[f.Plan], Host: f.Host, Started: f.Started, WallS: f.WallS, Passed: f.Passed, State: f.State, Result: f.Result}
		if p.Model != nil {
			r.Model = p.Model.SHA256
		}
		if err := s.AddRun(ctx, r, f.Timelines["predicted"], f.Timelines["measured"]); err != nil {
			return nil, errors.Join(err, s.Delete(ctx, p.ID))
		}
	}
	return p, nil
}

// readFile decodes a project file, gzipped or not.
func readFile(in io.Reader) (*fileDocument, error) {
	b := bufio.NewReader(in)
	var r io.Reader = b
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		packed := &counter{r: b}
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		r = &inflated{z: z, packed: packed}
	}
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	j := json.NewDecoder(limited)
	j.DisallowUnknownFields()
	d := &fileDocument{}
	err := j.Decode(d)
	if limited.N <= 0 {
		return nil, fmt.Errorf("more than %d bytes of JSON, the limit of a project file", maxFile)
	}
	switch {
	case err != nil && d.Format == "":
		return nil, fmt.Errorf("not a project file (%s): %w; `strata project export` writes one", FileFormat, err)
	case d.Format != FileFormat:
		return nil, fmt.Errorf("field format: %q, this program reads %q", d.Format, FileFormat)
	case err != nil:
		return nil, err
	}
	if _, err := j.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after the project")
	}
	return d, nil
}

// counter counts what was taken from a file.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// inflated refuses to grow a small file without bound.
type inflated struct {
	z      io.Reader
	packed *counter
	n      int64
}

func (f *inflated) Read(p []byte) (int, error) {
	n, err := f.z.Read(p)
	f.n += int64(n)
	if limit := maxInflateFirst + maxInflate*f.packed.n; f.n > limit {
		return 0, fmt.Errorf("gzip: %d bytes grow to more than %d: unpack the file if it is genuine", f.packed.n, limit)
	}
	return n, err
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// project checks every part of a file and makes a project of it.
func (d *fileDocument) project() (*Project, []*malloc.Plan, error) {
	if len(d.Plans) > maxFilePlans || len(d.Runs) > maxFileRuns {
		return nil, nil, fmt.Errorf("%d plans and %d runs, at most %d and %d are accepted", len(d.Plans), len(d.Runs), maxFilePlans, maxFileRuns)
	}
	p := &Project{Name: d.Name, Moment: Moment{Workload: notNull(d.Workload), State: notNull(d.State)}}
	if p.Name == "" {
		return nil, nil, errors.New("field name: empty")
	}
	if m := d.Model; m != nil {
		if err := m.check(); err != nil {
			return nil, nil, fmt.Errorf("model: %w", err)
		}
		p.Model = &Model{ModelRef: malloc.ModelRef{Name: m.Name, Bytes: m.Bytes, SHA256: m.SHA256}, Format: m.Format, Architecture: m.Architecture}
		if len(m.Files) > 0 {
			p.Model.Files = m.Files
		}
	}
	var err error
	if raw := notNull(d.Profile); raw != nil {
		if p.Profile, err = costmodel.ParseProfile("profile", raw); err != nil {
			return nil, nil, err
		}
	}
	if raw := notNull(d.Instance); raw != nil {
		if p.Instance, err = malloc.DecodeProgram(bytes.NewReader(raw)); err != nil {
			return nil, nil, fmt.Errorf("instance: %w", err)
		}
	}
	plans := make([]*malloc.Plan, len(d.Plans))
	for i, raw := range d.Plans {
		if plans[i], err = malloc.DecodePlan(bytes.NewReader(raw)); err != nil {
			return nil, nil, fmt.Errorf("plans[%d]: %w", i, err)
		}
		if ref := plans[i].Model; ref != nil && p.Model != nil && ref.SHA256 != p.Model.SHA256 {
			return nil, nil, fmt.Errorf("plans[%d].model.sha256: %.12s…, but the project's model is %.12s…", i, ref.SHA256, p.Model.SHA256)
		}
	}
	if d.Plan != nil {
		if *d.Plan < 0 || *d.Plan >= len(plans) {
			return nil, nil, fmt.Errorf("plan: %d, there are %d plans", *d.Plan, len(plans))
		}
		p.Plan = plans[*d.Plan]
	}
	for i := range d.Runs {
		if err := d.Runs[i].check(len(plans)); err != nil {
			return nil, nil, fmt.Errorf("runs[%d]: %w", i, err)
		}
	}
	return p, plans, nil
}

func (m *fileModel) check() error {
	if !digestPattern.MatchString(m.SHA256) {
		return fmt.Errorf("sha256: %q, expected 64 hexadecimal digits", m.SHA256)
	}
	if m.Bytes < 0 {
		return fmt.Errorf("bytes: %d", m.Bytes)
	}
	seen := map[string]bool{}
	for i, f := range m.Files {
		switch {
		case f.Name == "" || f.Name != filepath.Base(f.Name) || !filepath.IsLocal(f.Name) || seen[f.Name]:
			return fmt.Errorf("files[%d].name: %q, expected the name of one file, without folders, once", i, f.Name)
		case int64(len(f.Header)) > f.Bytes:
			return fmt.Errorf("files[%d].header: %d bytes of a file of %d", i, len(f.Header), f.Bytes)
		}
		seen[f.Name] = true
	}
	return nil
}

func (r *fileRun) check(plans int) error {
	if r.Plan < 0 || r.Plan >= plans {
		return fmt.Errorf("plan: %d, there are %d plans", r.Plan, plans)
	}
	if notNull(r.Result) == nil {
		return errors.New("result: missing")
	}
	for source, t := range r.Timelines {
		if source != "predicted" && source != "measured" || t == nil || t.Source != source {
			return fmt.Errorf("timelines: %q, expected \"predicted\" and \"measured\", each with that source", source)
		}
	}
	return nil
}

func notNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}
