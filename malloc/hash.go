package malloc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// InstanceHash is the SHA-256 of p's canonical JSON (RFC 8785) without sha256,
// bounds and ext, as 64 hexadecimal digits. The JSON is p's normal form:
// optional fields that are empty or zero are absent, required empty arrays are
// []. The error names a value JSON cannot hold (NaN, infinity).
func InstanceHash(p *Program) (string, error) {
	c := newCanonical()
	canonicalList(c, "aliases", p.Aliases, true)
	canonicalList(c, "buffers", p.Buffers, false)
	canonicalList(c, "engines", p.Engines, false)
	canonicalList(c, "executors", p.Executors, true)
	c.member("format", InstanceFormat)
	canonicalList(c, "instructions", p.Instructions, false)
	canonicalList(c, "loops", p.Loops, true)
	c.member("model", p.Model)
	c.member("name", p.Name)
	if p.Source != nil {
		c.member("source", p.Source)
	}
	canonicalList(c, "tiers", p.Tiers, false)
	return c.sum()
}

// StructureHash is the SHA-256 of the canonical JSON of what decides whether a
// plan is legal: the instance without compute_s, flops, bandwidths, latencies,
// energies, bounds, sha256 and ext. A bandwidth of 0 stays, for it says that a
// tier cannot be read or written at all.
func StructureHash(p *Program) (string, error) {
	c := newCanonical()
	canonicalList(c, "aliases", p.Aliases, true)
	canonicalList(c, "buffers", p.Buffers, false)
	canonicalList(c, "engines", project(p.Engines, structureOfEngine), false)
	canonicalList(c, "executors", project(p.Executors, structureOfExecutor), true)
	c.member("format", InstanceFormat)
	c.list("instructions", len(p.Instructions), func(i int) any { return structureOfInstruction(p.Instructions[i]) })
	canonicalList(c, "loops", p.Loops, true)
	c.member("model", p.Model)
	c.member("name", p.Name)
	if p.Source != nil {
		c.member("source", p.Source)
	}
	canonicalList(c, "tiers", project(p.Tiers, structureOfTier), false)
	return c.sum()
}

// PlanHash is the SHA-256 of plan's canonical JSON (RFC 8785) without ext: a
// name for the plan in reports.
func PlanHash(plan *Plan) (string, error) {
	c := newCanonical()
	canonicalList(c, "blocks", plan.Blocks, false)
	c.member("claimed_s", plan.ClaimedS)
	canonicalList(c, "copies", plan.Copies, false)
	c.member("evaluations", plan.Evaluations)
	c.member("format", PlanFormat)
	c.member("instance_sha256", plan.InstanceSHA256)
	c.member("lower_s", plan.LowerS)
	if plan.Lowering != nil {
		c.member("lowering", plan.Lowering)
	}
	if plan.Model != nil {
		c.member("model", plan.Model)
	}
	c.member("period_s", plan.PeriodS)
	canonicalList(c, "runs", plan.Runs, true)
	c.member("seed", plan.Seed)
	canonicalList(c, "sites", plan.Sites, false)
	c.member("solver", plan.Solver)
	c.member("structure_sha256", plan.StructureSHA256)
	canonicalList(c, "trace", plan.Trace, true)
	canonicalList(c, "traffic", plan.Traffic, false)
	c.member("wall_s", plan.WallS)
	return c.sum()
}

// Stamp fills plan's format and the two hashes that tie it to p.
func Stamp(p *Program, plan *Plan) error {
	instance, err := InstanceHash(p)
	if err != nil {
		return err
	}
	structure, err := StructureHash(p)
	if err != nil {
		return err
	}
	plan.Format, plan.InstanceSHA256, plan.StructureSHA256 = PlanFormat, instance, structure
	return nil
}

type tierStructure struct {
	ID       int      `json:"id"`
	Name     string   `json:"name"`
	Capacity int64    `json:"capacity"`
	ReadBW   *float64 `json:"read_bw,omitempty"`
	WriteBW  *float64 `json:"write_bw,omitempty"`
	Align    int64    `json:"align"`
}

func structureOfTier(t Tier) tierStructure {
	return tierStructure{t.ID, t.Name, t.Capacity, onlyZero(t.ReadBW), onlyZero(t.WriteBW), t.Align}
}

type engineStructure struct {
	ID             int    `json:"id"`
	From           int    `json:"from"`
	To             int    `json:"to"`
	RequestBytes   int64  `json:"request_bytes"`
	IOAlign        int64  `json:"io_align"`
	MaxOutstanding int    `json:"max_outstanding"`
	Order          string `json:"order"`
	Shares         []int  `json:"shares,omitempty"`
}

func structureOfEngine(e Engine) engineStructure {
	return engineStructure{e.ID, e.From, e.To, e.RequestBytes, e.IOAlign, e.MaxOutstanding, e.Order, e.Shares}
}

type executorStructure struct {
	ID     int               `json:"id"`
	Name   string            `json:"name"`
	Access []accessStructure `json:"access"`
}

type accessStructure struct {
	Tier    int      `json:"tier"`
	ReadBW  *float64 `json:"read_bw,omitempty"`
	WriteBW *float64 `json:"write_bw,omitempty"`
}

func structureOfExecutor(x Executor) executorStructure {
	return executorStructure{x.ID, x.Name, project(x.Access, func(a Access) accessStructure {
		return accessStructure{a.Tier, onlyZero(a.ReadBW), onlyZero(a.WriteBW)}
	})}
}

type instructionStructure struct {
	ID      int              `json:"id"`
	Name    string           `json:"name"`
	Op      string           `json:"op"`
	Repeat  int              `json:"repeat,omitempty"`
	Group   string           `json:"group,omitempty"`
	RunsOn  []runStructure   `json:"runs_on,omitempty"`
	Reads   []Operand        `json:"reads"`
	Writes  []Operand        `json:"writes"`
	Scratch map[string]int64 `json:"scratch,omitempty"`
	Fixed   []Fixed          `json:"fixed,omitempty"`
}

type runStructure struct {
	Executor int `json:"executor"`
}

func structureOfInstruction(in Instruction) instructionStructure {
	return instructionStructure{in.ID, in.Name, in.Op, in.Repeat, in.Group,
		project(in.RunsOn, func(r RunsOn) runStructure { return runStructure{r.Executor} }),
		in.Reads, in.Writes, in.Scratch, in.Fixed}
}

func onlyZero(bw float64) *float64 {
	if bw != 0 {
		return nil
	}
	return new(float64)
}

func project[T, S any](list []T, f func(T) S) []S {
	out := make([]S, len(list))
	for i := range list {
		out[i] = f(list[i])
	}
	return out
}

// jsontext canonicalises an element in a tenth of the time gowebpki/jcs takes;
// the tests compare whole documents with jcs.

// canonical hashes one object, member by member in the order of RFC 8785, and
// arrays element by element, so that no second copy of an instance is made.
type canonical struct {
	h   hash.Hash
	n   int
	err error
}

func newCanonical() *canonical {
	c := &canonical{h: sha256.New()}
	c.h.Write([]byte{'{'})
	return c
}

func (c *canonical) key(name string) {
	if c.n > 0 {
		c.h.Write([]byte{','})
	}
	c.n++
	c.h.Write([]byte(`"` + name + `":`))
}

func (c *canonical) member(name string, v any) {
	c.key(name)
	c.value(name, v)
}

func (c *canonical) value(name string, v any) {
	if c.err != nil {
		return
	}
	text, err := json.Marshal(v, encodeOptions)
	if err == nil {
		err = (*jsontext.Value)(&text).Canonicalize()
	}
	if err != nil {
		c.err = fmt.Errorf("hash: %s: %w", name, err)
		return
	}
	c.h.Write(text)
}

func (c *canonical) list(name string, n int, at func(i int) any) {
	c.key(name)
	c.h.Write([]byte{'['})
	for i := range n {
		if i > 0 {
			c.h.Write([]byte{','})
		}
		c.value(name, at(i))
	}
	c.h.Write([]byte{']'})
}

func canonicalList[T any](c *canonical, name string, list []T, optional bool) {
	if optional && len(list) == 0 {
		return
	}
	c.list(name, len(list), func(i int) any { return &list[i] })
}

func (c *canonical) sum() (string, error) {
	c.h.Write([]byte{'}'})
	if c.err != nil {
		return "", c.err
	}
	return hex.EncodeToString(c.h.Sum(nil)), nil
}
