package simulate

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"strata/malloc"
)

// Phases of an instruction's operations, in the order they happen: the copies
// it issues and waits for before it runs, the write-backs issued and awaited
// after it (their start and before are one past it).
const (
	phaseIssue = iota
	phaseWait
	phaseBackIssue
	phaseBackWait
	phases
)

// Flags of an operation; the copy's index is op >> opShift.
const (
	opWait    = 1 << iota // wait for the copy; otherwise issue it
	opWrapped             // issue that serves the next iteration: not in the last one
	opOnce                // only in the first iteration
	opShift   = 3
)

// term is one instruction's bytes to or from one tier: base + slope·iteration.
type term struct {
	base, slope float64
	column      int32 // (executor·tiers + tier)·2 + direction
	loop        int32 // index into loops for slope, -1: no growth
}

// compiled is a program and a plan as flat arrays, rebuilt by every call into
// memory kept from the last one.
type compiled struct {
	p    *malloc.Program
	plan *malloc.Plan

	computeS  []float64 // per instruction, on its executor
	executor  []int32   // per instruction
	termsFrom []int32   // per instruction + 1, into terms
	terms     []term

	opsFrom []int32 // per instruction·phases + phase: its operations are
	opsTo   []int32 // ops[opsFrom:opsTo], in plan order
	ops     []int32
	isBack  []bool // per copy: part of a write-back

	growing []int32   // loops with growth
	slope   []float64 // per buffer, in the periodic loop
	windows []window  // per copy

	loops    []malloc.Loop // outer before inner, by begin
	skip     []int32       // per loop: the next one that is not inside it
	periodic int           // index into loops, -1: none
	exitWait []int32       // write-backs of the body open at its end
	hasAfter bool

	operandFrom []int32 // per instruction + 1
	siteTier    []int32 // per operand: reads, then writes
}

const noTier = -1

// resized returns a slice of length n that reuses s's memory; its contents are
// unspecified.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

func (c *compiled) compile(p *malloc.Program, plan *malloc.Plan) error {
	c.p, c.plan = p, plan
	if p.Model.Overlap != overlapSteal && p.Model.Overlap != overlapIdle {
		return fmt.Errorf("simulate: model.overlap %q: want %q or %q", p.Model.Overlap, overlapIdle, overlapSteal)
	}
	if m := p.Model.Memory; m != "" && m != "additive" {
		return fmt.Errorf("simulate: model.memory %q: want \"additive\"", m)
	}
	if f := p.Model.Floor; f != "" && f != "compute" {
		return fmt.Errorf("simulate: model.floor %q: want \"compute\"", f)
	}
	if err := c.compileLoops(); err != nil {
		return err
	}
	if err := c.compileGrowth(); err != nil {
		return err
	}
	if err := c.compileSites(); err != nil {
		return err
	}
	if err := c.compileTerms(); err != nil {
		return err
	}
	return c.compileCopies()
}

// compileLoops sorts the loops outer first and checks that they nest.
func (c *compiled) compileLoops() error {
	n := len(c.p.Instructions)
	c.loops = append(c.loops[:0], c.p.Loops...)
	slices.SortStableFunc(c.loops, func(a, b malloc.Loop) int {
		if a.Begin != b.Begin {
			return a.Begin - b.Begin
		}
		return b.End - a.End
	})
	c.skip = resized(c.skip, len(c.loops))
	c.periodic = -1
	for i := range c.loops {
		l := &c.loops[i]
		if l.Begin < 0 || l.Begin >= l.End || l.End > n {
			return fmt.Errorf("simulate: loop [%d, %d): want 0 ≤ begin < end ≤ %d", l.Begin, l.End, n)
		}
		if l.Trip < 1 {
			return fmt.Errorf("simulate: loop [%d, %d): trip %d: want at least 1 (leave out a loop that never runs)", l.Begin, l.End, l.Trip)
		}
		if l.Periodic {
			if c.periodic >= 0 {
				return fmt.Errorf("simulate: loops [%d, %d) and [%d, %d) are both periodic: at most one may be", c.loops[c.periodic].Begin, c.loops[c.periodic].End, l.Begin, l.End)
			}
			c.periodic = i
		}
		j := i + 1
		for ; j < len(c.loops) && c.loops[j].Begin < l.End; j++ {
			in := &c.loops[j]
			if in.End > l.End {
				return fmt.Errorf("simulate: loops [%d, %d) and [%d, %d) cross", l.Begin, l.End, in.Begin, in.End)
			}
			if l.Periodic || in.Periodic {
				return fmt.Errorf("simulate: loop [%d, %d) is inside [%d, %d): a periodic loop is not nested", in.Begin, in.End, l.Begin, l.End)
			}
		}
		c.skip[i] = int32(j)
	}
	return nil
}

// compileSites fills siteTier from the plan's sites.
func (c *compiled) compileSites() error {
	ins := c.p.Instructions
	c.operandFrom = resized(c.operandFrom, len(ins)+1)
	at := int32(0)
	for t := range ins {
		c.operandFrom[t] = at
		at += int32(len(ins[t].Reads) + len(ins[t].Writes))
	}
	c.operandFrom[len(ins)] = at
	c.siteTier = resized(c.siteTier, int(at))
	for i := range c.siteTier {
		c.siteTier[i] = noTier
	}
	for i := range c.plan.Sites {
		s := &c.plan.Sites[i]
		if s.Instr < 0 || s.Instr >= len(ins) {
			return fmt.Errorf("simulate: sites[%d]: instr %d: the program has %d instructions", i, s.Instr, len(ins))
		}
		if s.Tier < 0 || s.Tier >= len(c.p.Tiers) {
			return fmt.Errorf("simulate: sites[%d]: tier %d: the program has %d tiers", i, s.Tier, len(c.p.Tiers))
		}
		in := &ins[s.Instr]
		k, ok := operandIndex(s.Arg)
		switch {
		case ok && s.Arg[0] == 'r' && k < len(in.Reads):
		case ok && s.Arg[0] == 'w' && k < len(in.Writes):
			k += len(in.Reads)
		default:
			return fmt.Errorf("simulate: sites[%d]: arg %q: instruction %d has %d reads and %d writes", i, s.Arg, s.Instr, len(in.Reads), len(in.Writes))
		}
		c.siteTier[int(c.operandFrom[s.Instr])+k] = int32(s.Tier)
	}
	return nil
}

// operandIndex reads the number of "r12" or "w3".
func operandIndex(arg string) (int, bool) {
	if len(arg) < 2 || len(arg) > 8 {
		return 0, false
	}
	n := 0
	for i := 1; i < len(arg); i++ {
		d := arg[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int(d)
	}
	return n, true
}

// compileTerms picks executors and sums each instruction's bytes by tier.
func (c *compiled) compileTerms() error {
	p := c.p
	ins := p.Instructions
	c.computeS = resized(c.computeS, len(ins))
	c.executor = resized(c.executor, len(ins))
	c.termsFrom = resized(c.termsFrom, len(ins)+1)
	c.terms = c.terms[:0]
	executors := max(1, len(p.Executors))
	for t := range ins {
		c.computeS[t], c.executor[t] = ins[t].ComputeS, 0
		if ro := ins[t].RunsOn; len(ro) > 0 {
			c.computeS[t], c.executor[t] = ro[0].ComputeS, int32(ro[0].Executor)
		}
		if e := c.executor[t]; e < 0 || int(e) >= executors {
			return fmt.Errorf("simulate: instruction %d runs on executor %d: the program has %d", t, e, executors)
		}
	}
	for i, r := range c.plan.Runs {
		if r.Instr < 0 || r.Instr >= len(ins) {
			return fmt.Errorf("simulate: runs[%d]: instr %d: the program has %d instructions", i, r.Instr, len(ins))
		}
		k := slices.IndexFunc(ins[r.Instr].RunsOn, func(o malloc.RunsOn) bool { return o.Executor == r.Executor })
		if k < 0 {
			if len(ins[r.Instr].RunsOn) == 0 && r.Executor == 0 {
				continue
			}
			return fmt.Errorf("simulate: runs[%d]: executor %d cannot run instruction %d", i, r.Executor, r.Instr)
		}
		if r.Executor >= executors {
			return fmt.Errorf("simulate: runs[%d]: executor %d: the program has %d", i, r.Executor, executors)
		}
		c.computeS[r.Instr], c.executor[r.Instr] = ins[r.Instr].RunsOn[k].ComputeS, int32(r.Executor)
	}
	for t := range ins {
		c.termsFrom[t] = int32(len(c.terms))
		in := &ins[t]
		if !(c.computeS[t] >= 0) || math.IsInf(c.computeS[t], 1) {
			return fmt.Errorf("simulate: instruction %d: compute_s %g: want a finite time ≥ 0", t, c.computeS[t])
		}
		for k := range len(in.Reads) + len(in.Writes) {
			o, direction := malloc.Operand{}, int32(0)
			if k < len(in.Reads) {
				o = in.Reads[k]
			} else {
				o, direction = in.Writes[k-len(in.Reads)], 1
			}
			tier := c.siteTier[int(c.operandFrom[t])+k]
			if tier == noTier {
				return fmt.Errorf("simulate: the plan has no site for %s of instruction %d (%s)", argName(k, len(in.Reads)), t, in.Name)
			}
			slope, loop := 0.0, int32(-1)
			if direction == 0 {
				var err error
				if slope, loop, err = c.growthOf(t, o.Buf); err != nil {
					return err
				}
			}
			if o.Bytes == 0 && slope == 0 {
				continue
			}
			c.addTerm(t, term{base: float64(o.Bytes), slope: slope,
				column: (c.executor[t]*int32(len(p.Tiers))+tier)*2 + direction, loop: loop})
		}
	}
	c.termsFrom[len(ins)] = int32(len(c.terms))
	return nil
}

func argName(k, reads int) string {
	if k < reads {
		return "r" + strconv.Itoa(k)
	}
	return "w" + strconv.Itoa(k-reads)
}

// addTerm merges x into instruction t's term of the same column and loop.
func (c *compiled) addTerm(t int, x term) {
	for i := int(c.termsFrom[t]); i < len(c.terms); i++ {
		if y := &c.terms[i]; y.column == x.column && (y.loop == x.loop || x.loop < 0 || y.loop < 0) {
			y.base += x.base
			y.slope += x.slope
			y.loop = max(x.loop, y.loop)
			return
		}
	}
	c.terms = append(c.terms, x)
}

// growthOf returns the slope of reads of buf at instruction t, and its loop.
func (c *compiled) growthOf(t, buf int) (slope float64, loop int32, err error) {
	loop = -1
	for _, i := range c.growing {
		l := &c.loops[i]
		if t < l.Begin || t >= l.End {
			continue
		}
		here := 0.0
		if int(i) == c.periodic {
			if buf >= 0 && buf < len(c.slope) {
				here = c.slope[buf]
			}
		} else {
			for _, g := range l.Growth {
				if g.Buf == buf {
					here += g.Slope
				}
			}
		}
		if here == 0 {
			continue
		}
		if loop >= 0 {
			return 0, 0, fmt.Errorf("simulate: buffer %d grows in two nested loops, which is not defined", buf)
		}
		slope, loop = here, i
	}
	return slope, loop, nil
}

// compileGrowth finds the loops that grow, and the periodic one's slope by
// buffer: a decode loop has one per layer.
func (c *compiled) compileGrowth() error {
	c.growing = c.growing[:0]
	for i := range c.loops {
		if len(c.loops[i].Growth) > 0 {
			c.growing = append(c.growing, int32(i))
		}
	}
	if c.periodic < 0 || len(c.loops[c.periodic].Growth) == 0 {
		return nil
	}
	c.slope = resized(c.slope, len(c.p.Buffers))
	clear(c.slope)
	for _, g := range c.loops[c.periodic].Growth {
		if g.Buf < 0 || g.Buf >= len(c.slope) {
			return fmt.Errorf("simulate: buffer %d grows: the program has %d buffers", g.Buf, len(c.slope))
		}
		c.slope[g.Buf] += g.Slope
	}
	return nil
}

// compileCopies turns the plan's copies into operations by instruction.
func (c *compiled) compileCopies() error {
	p, copies := c.p, c.plan.Copies
	c.isBack = resized(c.isBack, len(copies))
	c.hasAfter = false
	for i := range copies {
		cp := &copies[i]
		if cp.Buf < 0 || cp.Buf >= len(p.Buffers) {
			return fmt.Errorf("simulate: copies[%d]: buf %d: the program has %d buffers", i, cp.Buf, len(p.Buffers))
		}
		if cp.Engine < 0 || cp.Engine >= len(p.Engines) {
			return fmt.Errorf("simulate: copies[%d]: engine %d: the program has %d engines", i, cp.Engine, len(p.Engines))
		}
		if cp.Bytes < 0 || cp.Bytes > malloc.MaxSizeBytes {
			return fmt.Errorf("simulate: copies[%d]: bytes %d: want 0 to %d", i, cp.Bytes, int64(malloc.MaxSizeBytes))
		}
		c.isBack[i] = p.Engines[cp.Engine].To == p.Buffers[cp.Buf].Home
		if cp.After >= len(copies) || cp.After == i {
			return fmt.Errorf("simulate: copies[%d]: after %d: want another copy's index or -1", i, cp.After)
		}
		c.hasAfter = c.hasAfter || cp.After >= 0
	}
	for i := range copies { // the first of a write-back's two hops
		if a := copies[i].After; a >= 0 && p.Engines[copies[i].Engine].To == p.Buffers[copies[i].Buf].Home &&
			p.Engines[copies[a].Engine].From != p.Buffers[copies[a].Buf].Home {
			c.isBack[a] = true
		}
	}
	keys := len(p.Instructions) * phases
	c.opsFrom, c.opsTo = resized(c.opsFrom, keys), resized(c.opsTo, keys)
	clear(c.opsFrom)
	c.ops = resized(c.ops, 2*len(copies))
	c.exitWait = c.exitWait[:0]
	c.windows = resized(c.windows, len(copies))
	for i := range copies {
		w, err := c.window(i)
		if err != nil {
			return err
		}
		c.windows[i] = w
		c.opsFrom[w.issueKey]++
		c.opsFrom[w.waitKey]++
		if w.openAtExit {
			c.exitWait = append(c.exitWait, int32(i))
		}
	}
	at := int32(0)
	for k := range c.opsFrom {
		at, c.opsFrom[k] = at+c.opsFrom[k], at
	}
	copy(c.opsTo, c.opsFrom)
	for i := range copies {
		w := &c.windows[i]
		c.ops[c.opsTo[w.issueKey]] = int32(i)<<opShift | w.flags
		c.opsTo[w.issueKey]++
		c.ops[c.opsTo[w.waitKey]] = int32(i)<<opShift | w.flags&opOnce | opWait
		c.opsTo[w.waitKey]++
	}
	return nil
}

// window is where a copy's issue and wait happen.
type window struct {
	issueKey, waitKey int // instruction·phases + phase
	flags             int32
	openAtExit        bool
}

// window places copy i. Inside a periodic body times past the end mean the next
// iteration.
func (c *compiled) window(i int) (window, error) {
	cp := &c.plan.Copies[i]
	total := len(c.p.Instructions)
	begin, end := total+1, total+1 // no periodic loop
	if c.periodic >= 0 {
		begin, end = c.loops[c.periodic].Begin, c.loops[c.periodic].End
	}
	length := end - begin
	bad := func(what string) (window, error) {
		return window{}, fmt.Errorf("simulate: copies[%d] (buffer %d, start %d, before %d): %s", i, cp.Buf, cp.Start, cp.Before, what)
	}
	if cp.Start < 0 || cp.Before < cp.Start {
		return bad("want 0 ≤ start ≤ before")
	}
	back := c.isBack[i]
	inBody := !cp.Once && c.periodic >= 0 &&
		(back && cp.Start > begin && cp.Start <= end || !back && cp.Start >= begin && cp.Start < end)
	if inBody && cp.Before >= cp.Start+length {
		return bad(fmt.Sprintf("before is not within one iteration (length %d) of start", length))
	}
	if cp.Once && (back || c.periodic < 0 || cp.Start > begin || cp.Before >= end) {
		return bad("a once copy fills a block, starts at or before the periodic loop and is awaited inside its first iteration")
	}
	if !inBody && !cp.Once {
		if cp.Start <= begin && cp.Before > begin || cp.Before > total {
			return bad("the window of a copy outside the periodic body must end with its straight part")
		}
		if back && cp.Start < 1 || !back && cp.Start >= total {
			return bad("nothing comes before a write-back, or after a copy into a block")
		}
	}
	w := window{}
	if cp.Once {
		w.flags = opOnce
	}
	before := cp.Before
	if back {
		if inBody && before > end {
			before -= length
			w.openAtExit = true
		}
		w.issueKey = (cp.Start-1)*phases + phaseBackIssue
		w.waitKey = (before-1)*phases + phaseBackWait
		return w, nil
	}
	if inBody && before >= end {
		before -= length
		w.flags |= opWrapped
	}
	w.issueKey = cp.Start*phases + phaseIssue
	w.waitKey = before*phases + phaseWait
	if !inBody && !cp.Once && (before == total || before == begin) { // awaited at the stretch's end
		w.waitKey = (before-1)*phases + phaseBackWait
	}
	return w, nil
}
