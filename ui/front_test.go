package ui

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"strata/malloc"
	"strata/ui/views"
)

// smallTrade is a straight program that reads eight weights twice each: every
// weight that stays in fast memory saves time.
func smallTrade() *malloc.Program {
	const fast, slow, size, weights = 0, 1, 1 << 18, 8
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: "trade",
		Tiers: []malloc.Tier{
			{ID: fast, Name: "vmem", Capacity: 8 * size, ReadBW: 3e12, WriteBW: 3e12, Align: 1024},
			{ID: slow, Name: "hbm", Capacity: malloc.Unlimited, ReadBW: 600e9, WriteBW: 600e9, Align: 1024}},
		Engines: []malloc.Engine{{ID: 0, From: slow, To: fast, BW: 600e9, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{slow}}},
		Executors: []malloc.Executor{{ID: 0, Name: "core", Access: []malloc.Access{
			{Tier: fast, ReadBW: 3e12, WriteBW: 3e12}, {Tier: slow, ReadBW: 600e9, WriteBW: 600e9}}}},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"}}
	for i := range weights {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: fmt.Sprintf("weight.%d", i), Size: size, Kind: malloc.KindParam, Home: slow, End: malloc.EndKeep})
	}
	for i := range 2 * weights {
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: i, Name: fmt.Sprintf("op.%d", i), Op: "op", ComputeS: 2e-7,
			Reads: []malloc.Operand{{Buf: i % weights, Bytes: size}}})
	}
	return p
}

// TestFront finds the front of an instance with the keyboard, takes a plan of it
// with the pointer, another with the keyboard, and takes that back.
func TestFront(t *testing.T) {
	s := newStand(t)
	path := filepath.Join(t.TempDir(), "trade.json")
	if err := malloc.WriteProgram(path, smallTrade()); err != nil {
		t.Fatal(err)
	}
	s.c.Open(path)
	s.settle()
	s.show(views.Search)
	if out := s.shown.Export(); !strings.HasPrefix(out.Name, "search-") {
		t.Errorf("before the front is asked for, %q is saved", out.Name)
	}
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyF})
	if d := s.c.Snapshot().Doc(); !d.Front.Running {
		t.Fatal("F does not find the front")
	}
	s.settle()
	front := s.c.Snapshot().Doc().FrontOf()
	if front == nil || len(front.Points) < 3 || front.Tier != "vmem" {
		t.Fatalf("front %+v, fault %+v", front, s.c.Snapshot().Fault)
	}
	out := s.shown.Export()
	figure := out.Figure()
	if !strings.HasPrefix(out.Name, "front-") || len(out.Table()) != len(front.Points)+1 || len(figure.Panels) != 1 || len(figure.Panels[0].Dots) != len(front.Points)+1 {
		t.Errorf("%s: %d rows, %d panels", out.Name, len(out.Table()), len(figure.Panels))
	}

	// The pointer: somewhere on the picture lies each point of the front.
	type clickable interface {
		fyne.Tappable
		fyne.CanvasObject
	}
	before := s.c.Snapshot().Doc()
	took := func(want int) bool {
		s.settle()
		return s.c.Snapshot().Doc().Plan == front.Points[want].Plan
	}
	var area clickable
	for _, o := range test.LaidOutObjects(s.shown.Content()) {
		if c, ok := o.(clickable); ok && strings.HasSuffix(fmt.Sprintf("%T", o), "search.tapArea") {
			area = c
		}
	}
	if area == nil {
		t.Fatal("the figure cannot be clicked")
	}
	figure.Title = "" // which the shown one has not
	x, y, w, h := figure.Plots(float64(area.Size().Width), float64(area.Size().Height))
	dot := figure.Panels[0].Dots[0]
	px, py := figure.Panels[0].View.Pixel(dot.T, dot.A, w[0], h[0])
	area.Tapped(&fyne.PointEvent{Position: fyne.NewPos(float32(x[0]+px), float32(y[0]+py))})
	if !took(0) {
		t.Error("a click on the first point does not take its plan")
	}
	s.c.Undo()
	s.settle()
	if s.c.Snapshot().Doc().Plan != before.Plan || s.c.Snapshot().Doc().FrontOf() == nil {
		t.Error("undo does not bring the plan back, or forgets the front")
	}

	// The keyboard.
	s.typedRune(']') // from the first point, which the click chose
	s.typedRune(']')
	s.typedRune('[')
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if !took(1) {
		t.Error("] ] [ Return does not take the plan of the second point")
	}
	for _, p := range front.Points {
		if err := checkAgainst(s.c.Snapshot().Doc().Program, p.Plan); err != nil {
			t.Error(err)
		}
	}

	// Stopped at once, what was found is a front or nothing is.
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyF})
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyF})
	s.settle()
	if d := s.c.Snapshot().Doc(); d.Front.Running || s.c.Snapshot().Fault != nil {
		t.Errorf("stopped: running %v, fault %+v", d.Front.Running, s.c.Snapshot().Fault)
	}
}

func checkAgainst(p *malloc.Program, plan *malloc.Plan) error {
	report, err := malloc.Check(p, plan, nil)
	if err != nil {
		return err
	}
	return report.Err()
}
