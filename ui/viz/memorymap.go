package viz

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"strata/malloc"
	"strata/simulate"
	"strata/trace"
)

// MapOptions says what a memory map shows.
type MapOptions struct {
	Title, Subtitle string
	// Begin and End cut the program order: instructions [Begin, End). Both 0:
	// the whole program.
	Begin, End int
	// ByTime puts instructions at the times this run of the plan gave them, waits
	// included; the loop is shown once, at its mean. nil: all instructions are
	// equally wide.
	ByTime *trace.Timeline
	// NoCopies leaves the lanes of the copy engines out.
	NoCopies bool
}

// BufferClass is the class a buffer is coloured by.
func BufferClass(b *malloc.Buffer) Class {
	switch b.Kind {
	case malloc.KindParam:
		return ClassWeight
	case malloc.KindKV:
		return ClassKV
	case malloc.KindActivation:
		return ClassActivation
	case malloc.KindOutput:
		return ClassOutput
	case "gradient":
		return ClassGradient
	case "optimizer":
		return ClassOptimizer
	}
	return ClassOther
}

// blockBytes is simulate.BlockBytes, or 0 for a block that names a buffer, tier
// or instruction the program does not have: a picture must not fail.
func blockBytes(p *malloc.Program, b *malloc.Block) int64 {
	if b.Tier < 0 || b.Tier >= len(p.Tiers) || b.Buf >= len(p.Buffers) || b.Buf < malloc.ScratchBuf {
		return 0
	}
	if b.Buf == malloc.ScratchBuf && (b.Start < 0 || b.Start >= len(p.Instructions)) {
		return 0
	}
	return simulate.BlockBytes(p, b)
}

// MemoryMap draws a plan: for each tier that holds blocks, program order × address,
// coloured by what the buffer is; below it the copies that fill it and empty it.
// Blocks that wrap round the periodic loop's end are shown in both places; bytes
// that are still arriving are hatched. Plan may be nil: an empty map.
func MemoryMap(p *malloc.Program, plan *malloc.Plan, o MapOptions) *Figure {
	f := &Figure{Title: o.Title, Subtitle: o.Subtitle}
	if f.Title == "" {
		f.Title = "Memory map"
	}
	begin, end := o.Begin, o.End
	if end <= begin {
		begin, end = 0, len(p.Instructions)
	}
	if plan == nil || len(plan.Blocks) == 0 || end <= begin {
		f.Empty = "No blocks: this plan keeps everything where it is."
		return f
	}
	axis := Axis{UnitCount, "instruction (program order)"}
	m := &mapBuilder{p: p, plan: plan, loop: p.PeriodicLoop()}
	if m.clock = instructionTimes(len(p.Instructions), o.ByTime); m.clock != nil {
		axis = Axis{UnitSeconds, "time, the loop once at its mean (" + o.ByTime.Source + ")"}
		for i, shift := 0, m.x(begin); i < len(m.clock); i++ {
			m.clock[i] -= shift
		}
	}
	m.t0, m.t1 = m.x(begin), m.x(end)
	var bands []Band
	if l := m.loop; l != nil {
		bands = append(bands, Band{m.x(l.Begin), m.x(l.End), fmt.Sprintf("loop body, runs %s times", groupThousands(l.Trip))})
	}
	for tier := range p.Tiers {
		if panel, ok := m.tier(tier); ok {
			panel.Bands = bands
			f.Panels = append(f.Panels, panel)
		}
		if o.NoCopies {
			continue
		}
		for e := range p.Engines {
			// Copies are listed under the tier at their limited end.
			at := p.Engines[e].To
			if p.Tiers[at].Capacity == malloc.Unlimited {
				at = p.Engines[e].From
			}
			if at != tier {
				continue
			}
			if panel, ok := m.engine(e); ok {
				panel.Bands = []Band{}
				for _, b := range bands {
					panel.Bands = append(panel.Bands, Band{b.T0, b.T1, ""})
				}
				f.Panels = append(f.Panels, panel)
			}
		}
	}
	if len(f.Panels) == 0 {
		f.Empty = "No blocks inside this part of the program."
		return f
	}
	f.Panels[len(f.Panels)-1].X = axis
	f.Legend = m.legend()
	return f
}

// mapBuilder makes the scenes of one map.
type mapBuilder struct {
	p      *malloc.Program
	plan   *malloc.Plan
	loop   *malloc.Loop
	clock  []float64 // start of each instruction and the end of the last, s; nil: by order
	t0, t1 float64
	seen   [numClasses]bool
	hatch  [3]bool
}

// x is where an instruction begins on the horizontal axis.
func (m *mapBuilder) x(instruction int) float64 {
	if m.clock == nil {
		return float64(instruction)
	}
	return m.clock[min(max(instruction, 0), len(m.clock)-1)]
}

// inBody reports whether what starts at an instruction lives on the loop's
// circle.
func (m *mapBuilder) inBody(start int) bool {
	return m.loop != nil && start >= m.loop.Begin && start < m.loop.End
}

// stretches is where an interval lies in program order: one piece, or, on the
// loop's circle, two when it wraps round the loop's end. What lives a whole turn
// fills the body.
func (m *mapBuilder) stretches(start, end int, circle bool) [][2]float64 {
	l := m.loop
	if circle && start >= l.End {
		start, end = start-(l.End-l.Begin), end-(l.End-l.Begin)
	}
	if !circle || end <= l.End {
		return [][2]float64{{m.x(start), m.x(end)}}
	}
	if end-start >= l.End-l.Begin {
		return [][2]float64{{m.x(l.Begin), m.x(l.End)}}
	}
	return [][2]float64{{m.x(start), m.x(l.End)}, {m.x(l.Begin), m.x(l.Begin + end - l.End)}}
}

// tier is the panel of one tier; ok is false when no block lies in it.
func (m *mapBuilder) tier(tier int) (Panel, bool) {
	arriving := map[int][][2]int{}
	leaving := map[int][][2]int{}
	for i := range m.plan.Copies {
		c := &m.plan.Copies[i]
		if c.Once && m.inBody(m.blockStart(c.Block)) && !m.inBody(c.Start) {
			continue // fills the body's block before its first turn
		}
		if c.Block < 0 || c.Block >= len(m.plan.Blocks) || c.Engine < 0 || c.Engine >= len(m.p.Engines) || c.Before <= c.Start {
			continue
		}
		if m.plan.Blocks[c.Block].Tier == m.p.Engines[c.Engine].To {
			arriving[c.Block] = append(arriving[c.Block], [2]int{c.Start, c.Before})
		} else {
			leaving[c.Block] = append(leaving[c.Block], [2]int{c.Start, c.Before})
		}
	}
	var rects []Rect
	var peak int64
	blocks := 0
	for i := range m.plan.Blocks {
		b := &m.plan.Blocks[i]
		if b.Tier != tier {
			continue
		}
		size := blockBytes(m.p, b)
		peak = max(peak, b.Offset+size)
		blocks++
		class, label := ClassScratch, "scratch"
		if b.Buf >= 0 && b.Buf < len(m.p.Buffers) {
			class, label = BufferClass(&m.p.Buffers[b.Buf]), strings.TrimSuffix(m.p.Buffers[b.Buf].Name, ".weight")
		}
		m.seen[class] = true
		emit := func(start, end int, pattern Pattern) {
			for _, s := range m.stretches(start, end, m.inBody(b.Start)) {
				r := Rect{s[0], s[1], float64(b.Offset), float64(b.Offset + size), class, pattern, int32(i), label}
				if r.T1 > m.t0 && r.T0 < m.t1 {
					rects = append(rects, r)
					m.hatch[pattern] = true
				}
			}
		}
		m.split(b, arriving[i], leaving[i], emit)
	}
	if len(rects) == 0 {
		return Panel{}, false
	}
	t := &m.p.Tiers[tier]
	panel := Panel{Title: t.Name, Y: Axis{Unit: UnitBytes}, Weight: 6, Subject: Subject{SubjectTier, tier}}
	top := float64(peak)
	panel.Marks = append(panel.Marks, Mark{At: float64(peak), Label: "peak " + FormatBytes(peak), Ink: InkAccent})
	if t.Capacity != malloc.Unlimited {
		panel.Note = fmt.Sprintf("%s of %s, %s blocks", FormatBytes(peak), FormatBytes(t.Capacity), groupThousands(int64(blocks)))
		if float64(t.Capacity) < 4*top {
			top = max(top, float64(t.Capacity))
			ink := InkText
			if peak > t.Capacity {
				ink = InkBad
			}
			panel.Marks = append(panel.Marks, Mark{At: float64(t.Capacity), Label: "capacity " + FormatBytes(t.Capacity), Ink: ink, Dash: true})
		}
	} else {
		panel.Note = fmt.Sprintf("%s, %s blocks", FormatBytes(peak), groupThousands(int64(blocks)))
	}
	panel.View = View{m.t0, m.t1, 0, top * 1.06}
	panel.Layers = []Layer{{Scene: NewScene(rects), Describe: m.describeBlock}}
	return panel, true
}

// blockStart is a block's start, -1 for an index outside the plan.
func (m *mapBuilder) blockStart(block int) int {
	if block < 0 || block >= len(m.plan.Blocks) {
		return -1
	}
	return m.plan.Blocks[block].Start
}

// split emits a block's life in pieces: hatched while a copy fills or empties
// it, solid else.
func (m *mapBuilder) split(b *malloc.Block, in, out [][2]int, emit func(start, end int, pattern Pattern)) {
	type piece struct {
		start, end int
		pattern    Pattern
	}
	var cuts []piece
	length := 0
	if m.inBody(b.Start) {
		length = m.loop.End - m.loop.Begin
	}
	add := func(w [2]int, pattern Pattern) {
		s, e := w[0], w[1]
		if s < b.Start && length > 0 && s+length < b.End { // next turn of the circle
			s, e = s+length, e+length
		}
		if s, e = max(s, b.Start), min(e, b.End); s < e {
			cuts = append(cuts, piece{s, e, pattern})
		}
	}
	for _, w := range in {
		add(w, Hatch)
	}
	for _, w := range out {
		add(w, HatchOut)
	}
	slices.SortFunc(cuts, func(x, y piece) int { return x.start - y.start })
	at := b.Start
	for _, c := range cuts {
		if c.start > at {
			emit(at, c.start, Solid)
		}
		if s := max(c.start, at); c.end > s {
			emit(s, c.end, c.pattern)
			at = c.end
		}
	}
	if b.End > at {
		emit(at, b.End, Solid)
	}
}

func (m *mapBuilder) describeBlock(ref int32) string {
	b := &m.plan.Blocks[ref]
	size := blockBytes(m.p, b)
	name, kind := "scratch", "scratch"
	if b.Buf >= 0 && b.Buf < len(m.p.Buffers) {
		name, kind = m.p.Buffers[b.Buf].Name, m.p.Buffers[b.Buf].Kind
	}
	life := fmt.Sprintf("instructions %d to %d", b.Start, b.End-1)
	if l := m.loop; l != nil && b.Start >= l.Begin && b.Start < l.End {
		switch {
		case b.End-b.Start >= l.End-l.Begin:
			life = "resident for the whole loop"
		case b.End > l.End:
			life = fmt.Sprintf("instructions %d to %d of the next iteration", b.Start, l.Begin+b.End-l.End-1)
		}
	}
	return fmt.Sprintf("%s (%s), %s at %s, offset %d, %s", name, kind, FormatBytes(size), m.p.Tiers[b.Tier].Name, b.Offset, life)
}

// engine is the panel of one copy engine: every copy from its issue to its
// deadline, those in flight together one under the other.
func (m *mapBuilder) engine(e int) (Panel, bool) {
	type window struct {
		t0, t1 float64
		at     int
	}
	var windows []window
	count, once, bytes := 0, 0, int64(0)
	for i := range m.plan.Copies {
		c := &m.plan.Copies[i]
		if c.Engine != e {
			continue
		}
		bytes += c.Bytes
		if c.Once {
			once++ // the hand-over into the loop: all at one place, told in the note
			continue
		}
		count++
		for _, s := range m.stretches(c.Start, max(c.Before, c.Start+1), m.inBody(c.Start)) {
			if s[1] > m.t0 && s[0] < m.t1 {
				windows = append(windows, window{s[0], s[1], i})
			}
		}
	}
	if len(windows) == 0 {
		return Panel{}, false
	}
	slices.SortStableFunc(windows, func(a, b window) int {
		switch {
		case a.t0 != b.t0:
			return int(math.Copysign(1, a.t0-b.t0))
		case a.t1 != b.t1:
			return int(math.Copysign(1, b.t1-a.t1))
		}
		return a.at - b.at
	})
	const maxCopyLanes = 24
	var ends []float64
	rects := make([]Rect, 0, len(windows))
	for _, w := range windows {
		lane := 0
		for lane < len(ends) && ends[lane] > w.t0 {
			lane++
		}
		switch {
		case lane < len(ends):
		case lane < maxCopyLanes:
			ends = append(ends, 0)
		default: // rather over the copy that ends first than an endless stack
			for k := range ends {
				if lane == len(ends) || ends[k] < ends[lane] {
					lane = k
				}
			}
		}
		ends[lane] = w.t1
		c := &m.plan.Copies[w.at]
		class, name := ClassOther, ""
		if c.Buf >= 0 && c.Buf < len(m.p.Buffers) {
			class, name = BufferClass(&m.p.Buffers[c.Buf]), strings.TrimSuffix(m.p.Buffers[c.Buf].Name, ".weight")
		}
		m.seen[class] = true
		rects = append(rects, Rect{w.t0, w.t1, float64(lane), float64(lane) + 0.88, class, Solid, int32(w.at), name})
	}
	note := fmt.Sprintf("%s planned, %s: a bar runs from issue to deadline", plural(count, "copy", "copies"), FormatBytes(bytes))
	if once > 0 {
		note = fmt.Sprintf("%s and %d once into the loop, %s: a bar runs from issue to deadline", plural(count, "copy", "copies"), once, FormatBytes(bytes))
	}
	from, to := m.p.Tiers[m.p.Engines[e].From].Name, m.p.Tiers[m.p.Engines[e].To].Name
	return Panel{
		Title:   fmt.Sprintf("%s → %s", from, to),
		Subject: Subject{SubjectEngine, e},
		Note:    note,
		Weight:  min(0.5+0.25*float64(len(ends)), 3),
		View:    View{m.t0, m.t1, max(float64(len(ends)), 2), -0.12},
		Layers:  []Layer{{Scene: NewScene(rects), Describe: m.describeCopy}},
	}, true
}

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return groupThousands(int64(n)) + " " + many
}

func (m *mapBuilder) describeCopy(ref int32) string {
	c := &m.plan.Copies[ref]
	name := ""
	if c.Buf >= 0 && c.Buf < len(m.p.Buffers) {
		name = m.p.Buffers[c.Buf].Name
	}
	kind := "copy"
	switch {
	case c.Once:
		kind = "copy into the loop, once"
	case c.Start == c.Before:
		kind = "demand copy"
	}
	return fmt.Sprintf("%s of %s, %s, issued at instruction %d, awaited before %d", kind, name, FormatBytes(c.Bytes), c.Start, c.Before)
}

func (m *mapBuilder) legend() []LegendItem {
	var items []LegendItem
	for c, seen := range m.seen {
		if seen {
			items = append(items, LegendItem{Ink: Fill(Class(c)), Label: Class(c).String()})
		}
	}
	if m.hatch[Hatch] {
		items = append(items, LegendItem{Ink: Fill(ClassWeight), Pattern: Hatch, Label: "arriving"})
	}
	if m.hatch[HatchOut] {
		items = append(items, LegendItem{Ink: Fill(ClassActivation), Pattern: HatchOut, Label: "leaving (write-back)"})
	}
	return append(items,
		LegendItem{Ink: InkAccent, Line: true, Label: "peak"},
		LegendItem{Ink: InkText, Line: true, Dash: true, Label: "capacity"})
}
