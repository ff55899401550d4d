package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"strata/malloc"
	"strata/simulate"
)

// Competition is what lies in a limited tier while a tensor is used: who has the
// room that it would need to stay there, or could have if it went.
type Competition struct {
	Tier          string       `json:"tier"`
	CapacityBytes int64        `json:"capacity_bytes"`
	Instruction   string       `json:"instruction"` // the tensor's first use in the loop
	Tensors       int          `json:"tensors"`     // others that lie there then
	Bytes         int64        `json:"bytes"`       // theirs
	Largest       []Competitor `json:"largest"`     // largest first
}

// Competitor is another tensor in the same tier.
type Competitor struct {
	Tensor string `json:"tensor"`
	Kind   string `json:"kind"`
	Bytes  int64  `json:"bytes"`
	How    string `json:"how"` // resident or streamed
}

// maxCompetitors is how many are named.
const maxCompetitors = 5

// compete finds who lies in a tier at the first use of a buffer in the loop; nil
// for an unlimited tier and for a buffer that is not used there.
func compete(p *malloc.Program, plan *malloc.Plan, buf, tier int) *Competition {
	if p.Tiers[tier].Capacity == malloc.Unlimited {
		return nil
	}
	begin, end := loopSpan(p)
	at := slices.IndexFunc(p.Instructions[begin:end], func(in malloc.Instruction) bool {
		uses := func(o malloc.Operand) bool { return o.Buf == buf }
		return slices.ContainsFunc(in.Reads, uses) || slices.ContainsFunc(in.Writes, uses)
	})
	if at < 0 {
		return nil
	}
	at += begin
	c := &Competition{Tier: p.Tiers[tier].Name, CapacityBytes: p.Tiers[tier].Capacity, Instruction: p.Instructions[at].Name, Largest: []Competitor{}}
	seen := map[int]bool{buf: true}
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		// A block of the loop that reaches past its end serves the next iteration.
		again := at + end - begin
		if b.Tier != tier || b.Buf < 0 || seen[b.Buf] || (at < b.Start || at >= b.End) && (b.Start < begin || again < b.Start || again >= b.End) {
			continue
		}
		seen[b.Buf] = true
		how := HowStreamed
		if b.End-b.Start >= end-begin {
			how = HowResident
		}
		bytes := simulate.BlockBytes(p, b)
		c.Tensors++
		c.Bytes += bytes
		c.Largest = append(c.Largest, Competitor{p.Buffers[b.Buf].Name, p.Buffers[b.Buf].Kind, bytes, how})
	}
	slices.SortStableFunc(c.Largest, func(a, b Competitor) int { return cmp.Compare(b.Bytes, a.Bytes) })
	c.Largest = c.Largest[:min(len(c.Largest), maxCompetitors)]
	return c
}

// String says it in a sentence.
func (c *Competition) String() string {
	if c.Tensors == 0 {
		return fmt.Sprintf("Nothing else lies in %s while it is used (%s).", c.Tier, c.Instruction)
	}
	var names []string
	for _, t := range c.Largest {
		names = append(names, fmt.Sprintf("%s (%s, %s)", t.Tensor, FormatBytes(t.Bytes), t.How))
	}
	who := fmt.Sprintf("%d others, the largest", c.Tensors)
	if c.Tensors <= len(names) {
		who = "these others"
	}
	return fmt.Sprintf("It competes for the %s of %s with %s: %s. At its use (%s) they take %s.",
		FormatBytes(c.CapacityBytes), c.Tier, who, strings.Join(names, ", "), c.Instruction, FormatBytes(c.Bytes))
}
