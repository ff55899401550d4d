package malloc

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/renameio/v2"
)

// encodeOptions make the normal form: an absent optional field is left out, an
// empty required array is [] (never null).
var encodeOptions = json.JoinOptions(jsonv1.OmitEmptyWithLegacySemantics(true), json.Deterministic(true))

// WriteProgram validates p and writes it in normal form with its sha256, whole
// or not at all; a path ending in .gz is compressed.
func WriteProgram(path string, p *Program) error {
	if err := Validate(p); err != nil {
		return fmt.Errorf("write instance %s: %w", path, err)
	}
	if err := writeFile(path, func(w io.Writer) error { return EncodeProgram(w, p) }); err != nil {
		return fmt.Errorf("write instance %s: %w", path, err)
	}
	return nil
}

// WritePlan writes plan in normal form, whole or not at all; a path ending in
// .gz is compressed.
func WritePlan(path string, plan *Plan) error {
	if err := writeFile(path, func(w io.Writer) error { return EncodePlan(w, plan) }); err != nil {
		return fmt.Errorf("write plan %s: %w", path, err)
	}
	return nil
}

// EncodeProgram writes p in normal form with its sha256: one array element a
// line, so that files can be compared line by line. p is not changed.
func EncodeProgram(w io.Writer, p *Program) error {
	sum, err := InstanceHash(p)
	if err != nil {
		return err
	}
	e := newDocumentWriter(w)
	e.value("format", InstanceFormat)
	e.value("name", p.Name)
	if p.Source != nil {
		e.value("source", p.Source)
	}
	encodeArray(e, "tiers", p.Tiers, false)
	encodeArray(e, "engines", p.Engines, false)
	e.value("model", p.Model)
	encodeArray(e, "executors", p.Executors, true)
	encodeArray(e, "buffers", p.Buffers, false)
	encodeArray(e, "instructions", p.Instructions, false)
	encodeArray(e, "aliases", p.Aliases, true)
	encodeArray(e, "loops", p.Loops, true)
	if p.Bounds != nil {
		e.value("bounds", p.Bounds)
	}
	e.value("sha256", sum)
	if len(p.Ext) > 0 {
		e.value("ext", p.Ext)
	}
	return e.close()
}

// EncodePlan writes plan in normal form.
func EncodePlan(w io.Writer, plan *Plan) error {
	if err := validatePlanFields(plan); err != nil {
		return err
	}
	e := newDocumentWriter(w)
	e.value("format", PlanFormat)
	e.value("instance_sha256", plan.InstanceSHA256)
	e.value("structure_sha256", plan.StructureSHA256)
	if plan.Model != nil {
		e.value("model", plan.Model)
	}
	if plan.Lowering != nil {
		e.value("lowering", plan.Lowering)
	}
	e.value("solver", plan.Solver)
	e.value("seed", plan.Seed)
	e.value("evaluations", plan.Evaluations)
	e.value("wall_s", plan.WallS)
	encodeArray(e, "blocks", plan.Blocks, false)
	encodeArray(e, "copies", plan.Copies, false)
	encodeArray(e, "sites", plan.Sites, false)
	encodeArray(e, "runs", plan.Runs, true)
	encodeArray(e, "traffic", plan.Traffic, false)
	e.value("claimed_s", plan.ClaimedS)
	e.value("period_s", plan.PeriodS)
	e.value("lower_s", plan.LowerS)
	encodeArray(e, "trace", plan.Trace, true)
	if plan.Ext != nil {
		e.value("ext", plan.Ext)
	}
	return e.close()
}

// documentWriter writes one object with one array element a line.
type documentWriter struct {
	w   *bufio.Writer
	n   int
	err error
}

func newDocumentWriter(w io.Writer) *documentWriter {
	e := &documentWriter{w: bufio.NewWriterSize(w, 64<<10)}
	e.w.WriteByte('{')
	return e
}

func (e *documentWriter) key(name string) {
	if e.n > 0 {
		e.w.WriteByte(',')
	}
	e.n++
	fmt.Fprintf(e.w, "\n%q: ", name)
}

func (e *documentWriter) value(name string, v any) {
	e.key(name)
	e.raw(name, v)
}

func (e *documentWriter) raw(name string, v any) {
	b, err := json.Marshal(v, encodeOptions)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s: %w", name, err)
	}
	e.w.Write(b)
}

func encodeArray[T any](e *documentWriter, name string, list []T, optional bool) {
	if len(list) == 0 && optional {
		return
	}
	e.key(name)
	e.w.WriteByte('[')
	for i := range list {
		if i > 0 {
			e.w.WriteByte(',')
		}
		e.w.WriteByte('\n')
		e.raw(name, &list[i])
	}
	e.w.WriteByte(']')
}

func (e *documentWriter) close() error {
	e.w.WriteString("}\n")
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

// writeFile replaces path atomically.
func writeFile(path string, encode func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if !strings.HasSuffix(path, ".gz") {
		if err := encode(f); err != nil {
			return err
		}
		return f.CloseAtomicallyReplace()
	}
	z := gzip.NewWriter(f)
	if err := encode(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
