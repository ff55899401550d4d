package malloc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The readers use go-json-experiment/json (the module behind encoding/json/v2)
// because it streams, refuses unknown and repeated names, compares names
// exactly and limits nesting; encoding/json accepts "SIZE" for "size" and keeps
// the last of two equal names.

const (
	maxNameBytes  = 4096    // any string of the formats except ext
	maxNotesBytes = 1 << 20 // source.notes and the plan's notes

	// A gzip file may expand by this factor, plus a constant; JSON of the formats
	// compresses by 10 to 60.
	maxGzipRatio    = 256
	maxGzipConstant = 16 << 20
)

// decodeOptions refuse what the formats do not name; repeated names and invalid
// UTF-8 are refused by default.
var decodeOptions = json.JoinOptions(json.RejectUnknownMembers(true))

// ReadProgram reads an mmap-instance/1 file, plain or gzip, and validates it.
// A stored sha256 that does not belong to the content is an error.
func ReadProgram(path string) (*Program, error) {
	p, err := readFile(path, DecodeProgram)
	if err != nil {
		return nil, fmt.Errorf("read instance %s: %w", path, err)
	}
	return p, nil
}

// ReadPlan reads an mmap-plan/1 file, plain or gzip. Whether the plan is legal
// is for Check to say.
func ReadPlan(path string) (*Plan, error) {
	plan, err := readFile(path, DecodePlan)
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", path, err)
	}
	return plan, nil
}

func readFile[T any](path string, decode func(io.Reader) (*T, error)) (*T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decode(f)
}

// DecodeProgram reads one mmap-instance/1 document, element by element: beside
// the Program itself it holds one element of an array at a time. Memory stays
// proportional to the input; MaxInstructions, MaxTouches and the other limits
// are enforced while reading.
func DecodeProgram(r io.Reader) (*Program, error) {
	in, err := openDocument(r)
	if err != nil {
		return nil, err
	}
	p := &Program{}
	touches := 0
	fields := map[string]func(d *jsontext.Decoder) error{
		"format": member(&p.Format), "name": member(&p.Name), "source": member(&p.Source),
		"tiers":     array("tiers", &p.Tiers, maxMachineParts, newTier, checkDecodedTier),
		"engines":   array("engines", &p.Engines, maxMachineParts, newEngine, checkDecodedEngine),
		"model":     member(&p.Model),
		"executors": array("executors", &p.Executors, maxMachineParts, newExecutor, checkDecodedExecutor),
		"buffers":   array("buffers", &p.Buffers, MaxTouches, newBuffer, checkDecodedBuffer),
		"instructions": array("instructions", &p.Instructions, MaxInstructions, newInstruction, func(in *Instruction) error {
			if touches += len(in.Reads) + len(in.Writes); touches > MaxTouches {
				return fmt.Errorf("more than %d touches so far, the format's limit", MaxTouches)
			}
			return checkDecodedInstruction(in)
		}),
		"aliases": array("aliases", &p.Aliases, MaxTouches, func() Alias { return Alias{} }, nil),
		"loops":   array("loops", &p.Loops, MaxInstructions, newLoop, checkDecodedLoop),
		"bounds":  member(&p.Bounds), "sha256": member(&p.SHA256), "ext": member(&p.Ext),
	}
	if err := decodeObject(in, fields); err != nil {
		return nil, err
	}
	if p.Format != InstanceFormat {
		return nil, fmt.Errorf("format: %q, this reader knows %q", clip(p.Format), InstanceFormat)
	}
	p.normalise()
	if err := Validate(p); err != nil {
		return nil, err
	}
	if p.SHA256 != "" {
		sum, err := InstanceHash(p)
		if err != nil {
			return nil, err
		}
		if sum != p.SHA256 {
			return nil, fmt.Errorf("sha256: %s is stored, the content hashes to %s: the file was changed after it was written; drop the field to accept it as it is", clip(p.SHA256), sum)
		}
	}
	return p, nil
}

// DecodePlan reads one mmap-plan/1 document.
func DecodePlan(r io.Reader) (*Plan, error) {
	in, err := openDocument(r)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	fields := map[string]func(d *jsontext.Decoder) error{
		"format": member(&plan.Format), "instance_sha256": member(&plan.InstanceSHA256), "structure_sha256": member(&plan.StructureSHA256),
		"model": member(&plan.Model), "lowering": member(&plan.Lowering), "solver": member(&plan.Solver), "seed": member(&plan.Seed),
		"evaluations": member(&plan.Evaluations), "wall_s": member(&plan.WallS),
		"blocks":    array("blocks", &plan.Blocks, maxPlanParts, newBlock, checkDecodedBlock),
		"copies":    array("copies", &plan.Copies, maxPlanParts, newCopy, checkDecodedCopy),
		"sites":     array("sites", &plan.Sites, MaxTouches, func() Site { return Site{Instr: missingInt, Tier: missingInt} }, checkDecodedSite),
		"runs":      array("runs", &plan.Runs, MaxInstructions, func() Run { return Run{missingInt, missingInt} }, checkDecodedRun),
		"traffic":   array("traffic", &plan.Traffic, maxMachineParts, func() Traffic { return Traffic{missingInt, missingInt, missingInt} }, checkDecodedTraffic),
		"claimed_s": member(&plan.ClaimedS), "period_s": member(&plan.PeriodS), "lower_s": member(&plan.LowerS),
		"trace": member(&plan.Trace), "ext": member(&plan.Ext),
	}
	if err := decodeObject(in, fields); err != nil {
		return nil, err
	}
	if plan.Format != PlanFormat {
		return nil, fmt.Errorf("format: %q, this reader knows %q", clip(plan.Format), PlanFormat)
	}
	plan.normalise()
	return plan, validatePlanFields(plan)
}

// normalise makes empty arrays what the normal form decodes to: required ones
// empty, optional ones nil.
func (p *Program) normalise() {
	p.Tiers, p.Engines = notNil(p.Tiers), notNil(p.Engines)
	p.Buffers, p.Instructions = notNil(p.Buffers), notNil(p.Instructions)
	p.Executors, p.Aliases, p.Loops = nilIfEmpty(p.Executors), nilIfEmpty(p.Aliases), nilIfEmpty(p.Loops)
	for i := range p.Engines {
		p.Engines[i].Shares = nilIfEmpty(p.Engines[i].Shares)
	}
	for i := range p.Executors {
		p.Executors[i].Access = notNil(p.Executors[i].Access)
	}
	for i := range p.Instructions {
		in := &p.Instructions[i]
		in.Reads, in.Writes = notNil(in.Reads), notNil(in.Writes)
		in.RunsOn, in.Fixed = nilIfEmpty(in.RunsOn), nilIfEmpty(in.Fixed)
		if len(in.Scratch) == 0 {
			in.Scratch = nil
		}
	}
	for i := range p.Aliases {
		p.Aliases[i].Buffers = notNil(p.Aliases[i].Buffers)
	}
	for i := range p.Loops {
		p.Loops[i].Carried, p.Loops[i].Growth = nilIfEmpty(p.Loops[i].Carried), nilIfEmpty(p.Loops[i].Growth)
	}
}

func (plan *Plan) normalise() {
	plan.Blocks, plan.Copies, plan.Sites, plan.Traffic = notNil(plan.Blocks), notNil(plan.Copies), notNil(plan.Sites), notNil(plan.Traffic)
	plan.Runs, plan.Trace = nilIfEmpty(plan.Runs), nilIfEmpty(plan.Trace)
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func nilIfEmpty[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

// openDocument returns the plain text of r, which may be gzip.
func openDocument(r io.Reader) (*jsontext.Decoder, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return jsontext.NewDecoder(b), nil
	}
	packed := &countingReader{r: b}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return jsontext.NewDecoder(&inflateGuard{z: z, packed: packed}), nil
}

type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte keeps gzip from adding a buffer of its own.
func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// inflateGuard stops a small gzip file from growing without bound.
type inflateGuard struct {
	z      *gzip.Reader
	packed *countingReader
	n      int64
}

func (g *inflateGuard) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	g.n += int64(n)
	if limit := maxGzipConstant + maxGzipRatio*g.packed.n; g.n > limit {
		return 0, fmt.Errorf("gzip: %d bytes grow to more than %d, the limit is a factor of %d: unpack the file if it is genuine", g.packed.n, limit, maxGzipRatio)
	}
	return n, err
}

func member[T any](dst *T) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error { return json.UnmarshalDecode(d, dst, decodeOptions) }
}

// array decodes an array element by element into dst. fresh gives an element
// before decoding, with required numbers set to values no file can hold; check
// refuses an element that still has them, before the next one is read.
func array[T any](name string, dst *[]T, limit int, fresh func() T, check func(*T) error) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		if t.Kind() == 'n' {
			return nil
		}
		if t.Kind() != '[' {
			return fmt.Errorf("%s: found %s, an array is expected", name, kindName(t.Kind()))
		}
		for d.PeekKind() != ']' {
			if len(*dst) == limit {
				return fmt.Errorf("%s: more than %d elements, the format's limit", name, limit)
			}
			v := fresh()
			if err := decodeElement(d, &v); err != nil {
				return fmt.Errorf("%s[%d]: %w", name, len(*dst), err)
			}
			if check != nil {
				if err := check(&v); err != nil {
					return fmt.Errorf("%s[%d]: %w", name, len(*dst), err)
				}
			}
			*dst = append(*dst, v)
		}
		_, err = d.ReadToken()
		return err
	}
}

// decodeElement decodes into v, whose fields hold what counts as absent. Null
// is refused: it would set them all to zero.
func decodeElement[T any](d *jsontext.Decoder, v *T) error {
	if d.PeekKind() == 'n' {
		return errors.New("null, an element is expected")
	}
	return json.UnmarshalDecode(d, v, decodeOptions)
}

// decodeObject reads one object, which must be the whole document.
func decodeObject(d *jsontext.Decoder, fields map[string]func(*jsontext.Decoder) error) error {
	t, err := d.ReadToken()
	if err != nil {
		return noEOF(err)
	}
	if t.Kind() != '{' {
		return fmt.Errorf("the document is %s, an object is expected", kindName(t.Kind()))
	}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return noEOF(err)
		}
		name := t.String()
		decode, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown field %q (what is not of the format belongs under \"ext\")", clip(name))
		}
		if err := decode(d); err != nil {
			return fmt.Errorf("%s: %w", name, noEOF(err))
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return noEOF(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return errors.New("more text follows the document's closing brace")
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 'f', 't':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "nothing readable"
}

// clip shortens text of a file for an error message.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// missingInt marks a required integer that a document did not state.
const missingInt = math.MinInt32
