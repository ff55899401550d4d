package malloc

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Code names a rule of game.md that a plan breaks.
type Code string

// The checker's refusals. Times are instruction indexes, places are byte
// offsets in a tier.
const (
	WrongInstance       Code = "wrong-instance"        // the plan was made for another structure
	BadReference        Code = "bad-reference"         // an index names nothing
	BadInterval         Code = "bad-interval"          // a block or window is empty or outside the schedule
	Overlap             Code = "overlap"               // two blocks use the same bytes at the same time
	OverCapacity        Code = "over-capacity"         // a block ends beyond its tier
	Misaligned          Code = "misaligned"            // an offset is no multiple of the tier's and the engines' alignment
	UseBeforeDefinition Code = "use-before-definition" // a touch before its block, or its value, begins
	UseAfterDeath       Code = "use-after-death"       // a touch after its block ended
	MissingCopy         Code = "missing-copy"          // a block is read that nothing filled
	CopyTooLate         Code = "copy-too-late"         // the copy that fills a block is awaited after the touch
	InvalidSource       Code = "invalid-source"        // a copy starts where no current version lies
	SourceOverwritten   Code = "source-overwritten"    // bytes are written while a copy still reads or fills them
	StaleVersion        Code = "stale-version"         // a block is read that an older version fills
	MissingWriteBack    Code = "missing-write-back"    // home is read, or the run ends, without the newest version there
	LateWriteBack       Code = "late-write-back"       // home is read before the write-back is awaited
	SplitAliasClass     Code = "split-alias-class"     // must members lie apart
	MovedBlock          Code = "moved-block"           // a block continues another at a different offset
	MissingHomeBlock    Code = "missing-home-block"    // a limited home does not hold its buffer all its life
	WrongTier           Code = "wrong-tier"            // the operand's tier is not where the buffer is
	MissingSite         Code = "missing-site"          // an operand without a tier, or with two
	UnreachableExecutor Code = "unreachable-executor"  // the executor cannot run the instruction or reach the tier
	BrokenPin           Code = "broken-pin"            // a fixed operand elsewhere
	QueueOrder          Code = "queue-order"           // a copy is not issued after the one it must follow
	CopyOutsideWindow   Code = "copy-outside-window"   // a copy not inside its block or stretch
	TwoSources          Code = "two-sources"           // a block filled twice
	SelectTooEarly      Code = "select-too-early"      // a select buffer copied before its content is known
	WrongByteCount      Code = "wrong-byte-count"      // a copy's bytes
	WrongWrap           Code = "wrong-wrap"            // a block of the periodic body that does not lie on the circle
	WrongScratch        Code = "wrong-scratch"         // scratch without a block, or a block without scratch
	WrongTraffic        Code = "wrong-traffic"         // an engine's bytes or requests over the run
	WrongClaimedTime    Code = "wrong-claimed-time"    // claimed_s is not what the Evaluator finds
)

// Violation is one rule broken at one place. Buf, Instr, Block and Copy are -1
// where they do not apply; [Start, End) is the interval at fault.
type Violation struct {
	Code       Code
	Buf        int
	Instr      int
	Block      int
	Copy       int
	Start, End int
	Found      string
	Expected   string
	Message    string // one line naming all of the above that apply
}

func (v *Violation) Error() string { return string(v.Code) + ": " + v.Message }

// maxViolations bounds a report; what is beyond is only counted.
const maxViolations = 100

// Report is what the checker found.
type Report struct {
	Violations []Violation // in the order of the checks, at most 100
	More       int         // violations beyond those

	// PeakBytes is, per tier, the most bytes of blocks live at one time;
	// ArenaBytes the end of the highest block: the arena that holds the plan.
	PeakBytes  []int64
	ArenaBytes []int64
	Traffic    []Traffic // exact, one per engine that moves anything

	InstanceMatches bool  // the plan's instance_sha256 is the instance's
	Score           Score // the Evaluator's, when Scored
	Scored          bool
}

// OK reports whether the plan is legal.
func (r *Report) OK() bool { return len(r.Violations) == 0 }

// Has reports whether some violation has the code.
func (r *Report) Has(code Code) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Code == code })
}

// Err is nil for a legal plan, else an *IllegalPlanError.
func (r *Report) Err() error {
	if r.OK() {
		return nil
	}
	return &IllegalPlanError{Violations: r.Violations, More: r.More}
}

// IllegalPlanError says why a plan was refused; errors.As finds a *Violation in
// it.
type IllegalPlanError struct {
	Violations []Violation
	More       int
}

func (e *IllegalPlanError) Error() string {
	var s strings.Builder
	s.WriteString("illegal plan: " + e.Violations[0].Error())
	for i := 1; i < min(3, len(e.Violations)); i++ {
		s.WriteString("; " + e.Violations[i].Error())
	}
	if n := max(0, len(e.Violations)-3) + e.More; n > 0 {
		fmt.Fprintf(&s, "; and %d more", n)
	}
	return s.String()
}

// Unwrap gives the single violations to errors.As.
func (e *IllegalPlanError) Unwrap() []error {
	list := make([]error, len(e.Violations))
	for i := range e.Violations {
		list[i] = &e.Violations[i]
	}
	return list
}

// Check decides whether plan is a legal answer to p under game.md. It derives
// touches, versions and lifetimes from the two documents alone and shares no
// code with the game or any solver. ev (may be nil) recomputes claimed_s when
// the plan's instance_sha256 is p's. The error is about p, or from ev; an
// illegal plan is no error but a Report with violations.
func Check(p *Program, plan *Plan, ev Evaluator) (*Report, error) {
	c, err := NewChecker(p)
	if err != nil {
		return nil, err
	}
	return c.Check(plan, ev)
}

// Checker checks many plans of one Program; it keeps the Program's hashes and
// tables. p must not change while it is in use. Not safe for concurrent use.
type Checker struct {
	tables    checkTables
	instance  string // hashes, computed when first needed
	structure string
}

// NewChecker validates p.
func NewChecker(p *Program) (*Checker, error) {
	if err := Validate(p); err != nil {
		return nil, err
	}
	c := &Checker{}
	c.tables.load(p)
	return c, nil
}

func (c *Checker) hash() (err error) {
	if c.structure != "" {
		return nil
	}
	if c.instance, err = InstanceHash(c.tables.p); err != nil {
		return err
	}
	c.structure, err = StructureHash(c.tables.p)
	return err
}

// Stamp fills plan's format and hashes for the checker's Program, as the
// function Stamp does.
func (c *Checker) Stamp(plan *Plan) error {
	if err := c.hash(); err != nil {
		return err
	}
	plan.Format, plan.InstanceSHA256, plan.StructureSHA256 = PlanFormat, c.instance, c.structure
	return nil
}

// Check checks one plan; see the function Check. A plan without hashes (one
// still in the making) is taken to be made for the Program, its claimed_s is
// then not looked at.
func (c *Checker) Check(plan *Plan, ev Evaluator) (*Report, error) {
	k := &checkRun{checkTables: &c.tables, plan: plan, report: &Report{}}
	r := k.report
	if plan.StructureSHA256 != "" || plan.InstanceSHA256 != "" {
		if err := c.hash(); err != nil {
			return nil, err
		}
		r.InstanceMatches = plan.InstanceSHA256 == c.instance
	}
	if plan.StructureSHA256 != "" && plan.StructureSHA256 != c.structure {
		k.fail(Violation{Code: WrongInstance, Buf: -1, Instr: -1, Block: -1, Copy: -1, Found: clip(plan.StructureSHA256), Expected: c.structure,
			Message: fmt.Sprintf("the plan is for an instance of structure %s, this one has %s: plan anew", clip(plan.StructureSHA256), c.structure)})
		return r, nil
	}
	k.checkReferences()
	if len(r.Violations) > 0 {
		return r, nil // nothing below can index safely
	}
	k.classifyCopies()
	k.checkWindows()
	k.checkRuns()
	k.checkSites()
	k.checkScratch()
	k.unroll()
	k.checkSpace()
	k.checkHomeBlocks()
	if !k.full() { // a plan full of faults is not worth running
		k.checkSteadyBytes()
		k.execute()
	}
	k.checkTraffic()
	if ev == nil || !r.OK() {
		return r, nil
	}
	score, err := ev.Evaluate(c.tables.p, plan)
	if err != nil {
		return nil, fmt.Errorf("evaluate the plan: %w", err)
	}
	r.Score, r.Scored = score, true
	if !r.InstanceMatches {
		return r, nil
	}
	if d := math.Abs(score.TotalS - plan.ClaimedS); !(d <= 1e-9*math.Abs(score.TotalS)) {
		k.fail(Violation{Code: WrongClaimedTime, Buf: -1, Instr: -1, Block: -1, Copy: -1, Found: fmt.Sprintf("%.12g s", plan.ClaimedS), Expected: fmt.Sprintf("%.12g s", score.TotalS),
			Message: fmt.Sprintf("claimed_s: %.12g, the simulation of the plan takes %.12g s", plan.ClaimedS, score.TotalS)})
	}
	return r, nil
}

// checkRun is one plan under check.
type checkRun struct {
	*checkTables
	plan   *Plan
	report *Report
	seen   map[violationKey]struct{}

	// per copy
	writeBack   []bool // it brings a version home, or is the first of two hops there
	toHome      []bool // its destination is the buffer's home
	intoBlock   []bool // its block is its destination
	steady      []int64
	fillOf      []int32 // per block: the copy that fills it every time, or -1
	onceOf      []int32 // per block: the once copy that fills it, or -1
	betweenHops []bool  // per copy: a once copy that another once copy follows

	site []int32 // per operand: tier
	exec []int32 // per instruction: executor

	stays       []stay        // block instances on the unrolled time axis
	staysOf     [][2]int      // per block: its stays [from, to)
	carrying    []bool        // per rep: the body writes it back, so it enters clean
	scratchSize map[int]int64 // per scratch block: bytes
	repStays    [][]int32     // per rep: all its stays
	readAt      []int         // per buffer: last point of the axis that read it, +1
	homeStays   [][]int32     // per rep: stays in its limited home, by start
	placeStays  map[checkPlace][]int32
}

// violationKey keeps one violation from being told once per iteration.
type violationKey struct {
	code                    Code
	buf, instr, block, copy int
}

func (k *checkRun) fail(v Violation) {
	key := violationKey{v.Code, v.Buf, v.Instr, v.Block, v.Copy}
	if _, ok := k.seen[key]; ok {
		return
	}
	if k.seen == nil {
		k.seen = make(map[violationKey]struct{})
	}
	if len(k.report.Violations) >= maxViolations {
		k.report.More++
		return
	}
	k.seen[key] = struct{}{}
	k.report.Violations = append(k.report.Violations, v)
}

// full reports whether more violations would only be counted.
func (k *checkRun) full() bool { return len(k.report.Violations) >= maxViolations }

// failBlock refuses block i.
func (k *checkRun) failBlock(code Code, i int, found, expected string) {
	b := &k.plan.Blocks[i]
	k.fail(Violation{Code: code, Buf: b.Buf, Instr: -1, Block: i, Copy: -1, Start: b.Start, End: b.End, Found: found, Expected: expected,
		Message: fmt.Sprintf("%s: %s; %s", k.blockText(i), found, expected)})
}

// failCopy refuses copy i.
func (k *checkRun) failCopy(code Code, i int, found, expected string) {
	c := &k.plan.Copies[i]
	k.fail(Violation{Code: code, Buf: c.Buf, Instr: -1, Block: c.Block, Copy: i, Start: c.Start, End: c.Before, Found: found, Expected: expected,
		Message: fmt.Sprintf("copies[%d] of %s by engine %d over [%d, %d): %s; %s", i, k.bufferText(c.Buf), c.Engine, c.Start, c.Before, found, expected)})
}

// failTouch refuses operand j of instruction t, reads counted before writes.
func (k *checkRun) failTouch(code Code, t, j int, found, expected string) {
	in := &k.p.Instructions[t]
	arg := fmt.Sprintf("r%d", j)
	if j >= len(in.Reads) {
		arg = fmt.Sprintf("w%d", j-len(in.Reads))
	}
	buf := operandBuffer(in, j)
	k.fail(Violation{Code: code, Buf: buf, Instr: t, Block: -1, Copy: -1, Start: t, End: t + 1, Found: found, Expected: expected,
		Message: fmt.Sprintf("instruction %d (%s) %s, %s: %s; %s", t, clip(k.p.Instructions[t].Name), arg, k.bufferText(buf), found, expected)})
}

func (k *checkRun) bufferText(buf int) string {
	if buf == ScratchBuf {
		return "scratch"
	}
	if buf < 0 || buf >= len(k.p.Buffers) {
		return fmt.Sprintf("buffer %d", buf)
	}
	return fmt.Sprintf("buffer %d (%s)", buf, clip(k.p.Buffers[buf].Name))
}

func (k *checkRun) blockText(i int) string {
	b := &k.plan.Blocks[i]
	return fmt.Sprintf("blocks[%d] of %s in tier %d over [%d, %d) at %d", i, k.bufferText(b.Buf), b.Tier, b.Start, b.End, b.Offset)
}

// checkReferences makes every index of the plan safe to use.
func (k *checkRun) checkReferences() {
	p, plan := k.p, k.plan
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		switch {
		case b.Buf < ScratchBuf || b.Buf >= len(p.Buffers):
			k.failBlock(BadReference, i, fmt.Sprintf("buf %d", b.Buf), rangeText("buffers", len(p.Buffers)))
		case b.Tier < 0 || b.Tier >= len(p.Tiers):
			k.failBlock(BadReference, i, fmt.Sprintf("tier %d", b.Tier), rangeText("tiers", len(p.Tiers)))
		case b.Start < 0 || b.Start >= k.T || b.End <= b.Start:
			k.failBlock(BadInterval, i, fmt.Sprintf("[%d, %d)", b.Start, b.End), fmt.Sprintf("a non-empty interval in 0..%d is expected", k.T))
		}
	}
	for i := range plan.Copies {
		c := &plan.Copies[i]
		switch {
		case c.Buf < 0 || c.Buf >= len(p.Buffers):
			k.failCopy(BadReference, i, fmt.Sprintf("buf %d", c.Buf), rangeText("buffers", len(p.Buffers)))
		case c.Block < 0 || c.Block >= len(plan.Blocks):
			k.failCopy(BadReference, i, fmt.Sprintf("block %d", c.Block), rangeText("blocks", len(plan.Blocks)))
		case c.Engine < 0 || c.Engine >= len(p.Engines):
			k.failCopy(BadReference, i, fmt.Sprintf("engine %d", c.Engine), rangeText("engines", len(p.Engines)))
		case c.After < -1 || c.After >= len(plan.Copies):
			k.failCopy(BadReference, i, fmt.Sprintf("after %d", c.After), rangeText("copies", len(plan.Copies)))
		case c.Start < 0 || c.Start > k.T || c.Before < c.Start || c.Before > k.T+k.L:
			k.failCopy(BadInterval, i, fmt.Sprintf("window [%d, %d)", c.Start, c.Before), fmt.Sprintf("start ≤ before within the schedule 0..%d is expected", k.T))
		default:
			b := &plan.Blocks[c.Block]
			e := &p.Engines[c.Engine]
			if b.Buf == ScratchBuf || b.Buf >= 0 && b.Buf < len(p.Buffers) && k.rep[b.Buf] != k.rep[c.Buf] {
				k.failCopy(BadReference, i, fmt.Sprintf("its block %d belongs to %s", c.Block, k.bufferText(b.Buf)), "a block of the copied buffer is expected")
			} else if b.Tier != e.From && b.Tier != e.To {
				k.failCopy(BadReference, i, fmt.Sprintf("its block lies in tier %d", b.Tier), fmt.Sprintf("engine %d copies from tier %d to tier %d", c.Engine, e.From, e.To))
			}
		}
	}
	bad := func(format string, args ...any) {
		k.fail(Violation{Code: BadReference, Buf: -1, Instr: -1, Block: -1, Copy: -1 - len(k.report.Violations), Message: fmt.Sprintf(format, args...)})
	}
	for i, s := range plan.Sites {
		if s.Instr < 0 || s.Instr >= k.T {
			bad("sites[%d].instr: %d, %s", i, s.Instr, rangeText("instructions", k.T))
		} else if s.Tier < 0 || s.Tier >= len(p.Tiers) {
			bad("sites[%d].tier: %d, %s", i, s.Tier, rangeText("tiers", len(p.Tiers)))
		} else if in := &p.Instructions[s.Instr]; !argInRange(in, s.Arg) {
			bad("sites[%d].arg: %q, operands of instruction %d are r0..r%d and w0..w%d", i, clip(s.Arg), s.Instr, len(in.Reads)-1, len(in.Writes)-1)
		}
	}
	for i, r := range plan.Runs {
		if r.Instr < 0 || r.Instr >= k.T {
			bad("runs[%d].instr: %d, %s", i, r.Instr, rangeText("instructions", k.T))
		}
	}
	for i, t := range plan.Traffic {
		if t.Engine < 0 || t.Engine >= len(p.Engines) {
			bad("traffic[%d].engine: %d, %s", i, t.Engine, rangeText("engines", len(p.Engines)))
		}
	}
}

func argInRange(in *Instruction, arg string) bool {
	write, index, ok := parseArg(arg)
	if write {
		return ok && index < len(in.Writes)
	}
	return ok && index < len(in.Reads)
}

// checkTraffic compares the plan's traffic with the count of its copies.
func (k *checkRun) checkTraffic() {
	bytes := make([]int64, len(k.p.Engines))
	requests := make([]int64, len(k.p.Engines))
	overflow := false
	add := func(sum *int64, n, times int64) {
		if n != 0 && times > (math.MaxInt64-*sum)/n {
			overflow = true
			return
		}
		*sum += n * times
	}
	for i := range k.plan.Copies {
		c := &k.plan.Copies[i]
		times := k.timesIssued(i)
		n := int64(1)
		if r := k.p.Engines[c.Engine].RequestBytes; r > 0 && c.Bytes > 0 {
			n = (c.Bytes-1)/r + 1
		}
		if c.Bytes > 0 {
			add(&bytes[c.Engine], c.Bytes, times)
			add(&requests[c.Engine], n, times)
		}
	}
	if overflow {
		k.fail(Violation{Code: WrongTraffic, Buf: -1, Instr: -1, Block: -1, Copy: -1, Message: "traffic: an engine would move more than 2^63 bytes over the run"})
		return
	}
	claimed := make([]Traffic, len(k.p.Engines))
	listed := make([]bool, len(k.p.Engines))
	for i, t := range k.plan.Traffic {
		if listed[t.Engine] {
			k.fail(Violation{Code: WrongTraffic, Buf: -1, Instr: -1, Block: -1, Copy: -1, Found: "two entries",
				Expected: "one", Message: fmt.Sprintf("traffic[%d]: engine %d is listed twice", i, t.Engine)})
		}
		listed[t.Engine] = true
		claimed[t.Engine] = t
	}
	for e := range bytes {
		if bytes[e] != 0 || requests[e] != 0 {
			k.report.Traffic = append(k.report.Traffic, Traffic{Engine: e, Bytes: bytes[e], Requests: requests[e]})
		}
		if claimed[e].Bytes != bytes[e] || claimed[e].Requests != requests[e] {
			found := fmt.Sprintf("%d bytes in %d requests", claimed[e].Bytes, claimed[e].Requests)
			want := fmt.Sprintf("%d bytes in %d requests", bytes[e], requests[e])
			k.fail(Violation{Code: WrongTraffic, Buf: -1, Instr: -1, Block: -1, Copy: -1 - e, Found: found, Expected: want,
				Message: fmt.Sprintf("traffic of engine %d: %s, the copies make %s over the run", e, found, want)})
		}
	}
}

// timesIssued is how often copy i is issued over the run. A write-back belongs
// to the instruction before its start.
func (k *checkRun) timesIssued(i int) int64 {
	c := &k.plan.Copies[i]
	at := c.Start
	if k.writeBack[i] {
		at = max(0, at-1)
	}
	switch {
	case c.Once:
		return 1
	case k.bodyCopy(i):
		if !k.writeBack[i] && c.Before >= k.end {
			return k.trip - 1
		}
		return k.trip
	case at < k.T:
		return k.repeats[at]
	}
	return 1
}

// bodyCopy tells a copy of the body from one of the straight parts: what starts
// inside it, a write-back after its begin and until its end.
func (k *checkRun) bodyCopy(i int) bool {
	if s := k.plan.Copies[i].Start; k.writeBack[i] {
		return k.L > 0 && k.begin < s && s <= k.end
	}
	return k.inBody(k.plan.Copies[i].Start)
}

// ViolationCode returns the code of the first Violation in err, or "".
func ViolationCode(err error) Code {
	var v *Violation
	if errors.As(err, &v) {
		return v.Code
	}
	return ""
}

// sortedByStart orders stays by start, then end.
func sortedByStart(stays []stay, list []int32) {
	slices.SortFunc(list, func(a, b int32) int {
		if d := cmp.Compare(stays[a].start, stays[b].start); d != 0 {
			return d
		}
		return cmp.Compare(stays[a].end, stays[b].end)
	})
}
