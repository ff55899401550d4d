package malloc

import "testing"

// backupProgram has an in-place pair x, y and a param w in a small fast tier.
func backupProgram() *Program {
	return &Program{
		Format: InstanceFormat, Model: CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"},
		Tiers:   []Tier{{ID: 0, Name: "fast", Capacity: 64, ReadBW: 100, WriteBW: 100, Align: 8}, {ID: 1, Name: "home", Capacity: Unlimited, ReadBW: 5, WriteBW: 5, Align: 1}},
		Engines: []Engine{{ID: 0, From: 1, To: 0, BW: 10, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"}, {ID: 1, From: 0, To: 1, BW: 10, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"}},
		Buffers: []Buffer{
			{ID: 0, Name: "w", Size: 16, Kind: KindParam, Home: 1, End: EndKeep},
			{ID: 1, Name: "x", Size: 16, Kind: KindActivation, Home: 1, End: EndDead, Class: "xy"},
			{ID: 2, Name: "y", Size: 16, Kind: KindActivation, Home: 1, End: EndOut, Class: "xy"},
		},
		Instructions: []Instruction{
			{ID: 0, Name: "a", ComputeS: 1, Writes: []Operand{{1, 16}}},
			{ID: 1, Name: "b", ComputeS: 1, Reads: []Operand{{0, 16}}},
			{ID: 2, Name: "c", ComputeS: 1, Reads: []Operand{{1, 16}}, Writes: []Operand{{2, 16}}},
			{ID: 3, Name: "d", ComputeS: 1, Reads: []Operand{{2, 16}, {0, 16}}},
		},
		Aliases: []Alias{{Class: "xy", Kind: "must", Buffers: []int{1, 2}}},
	}
}

// A drop-backup takes back the class's moves, keeps the other decisions where
// they are still legal, counts once, and leaves a legal plan (rule 8).
func TestDropBackup(t *testing.T) {
	p := backupProgram()
	c, err := NewChecker(p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGame(p, nil, Options{NoReward: true})
	if err != nil {
		t.Fatal(err)
	}
	start := g.Mark()
	play := func(a Action) {
		t.Helper()
		if _, err := g.Step(a); err != nil {
			t.Fatal(err)
		}
	}
	play(Action{Kind: NoCopy, Tier: 0})           // x defined in fast memory
	play(Action{Kind: CopyIn, Tier: 0, Back: -1}) // w
	play(Action{Kind: NoCopy, Tier: 0})           // x at c, and with it y
	if d := g.Next(); d.Buf != 2 || d.Instr != 3 {
		t.Fatalf("after the class's common instruction the next decision is %+v, y at 3 is expected", d)
	}
	i, _ := g.nextTouch()
	if err := g.backup(i); err != nil {
		t.Fatal(err)
	}
	if g.Backups() != 1 {
		t.Errorf("%d backups, want 1", g.Backups())
	}
	for _, b := range []int{1, 2} {
		for k, f := range g.Touches(b) {
			if f.Decided && f.Kind != Drop {
				t.Errorf("buffer %d touch %d is %v, a class backed up is DROP", b, k, f.Kind)
			}
		}
	}
	if f := g.Touches(0)[0]; !f.Decided || f.Kind != CopyIn {
		t.Errorf("w's copy was not replayed: %+v", f)
	}
	for !g.Done() {
		acts := g.Actions(nil)
		for _, a := range acts {
			if b := g.Next().Buf; b != 0 && a.Kind != Drop {
				t.Errorf("%v is offered for a buffer of the dropped class", a)
			}
		}
		play(acts[len(acts)-1])
	}
	if rep, err := c.Check(g.Plan(), nil); err != nil || rep.Err() != nil {
		t.Error(err, rep.Err())
	}
	g.Rewind(start)
	if g.Backups() != 0 || len(g.Moves()) != 0 || g.st.banned[g.bd.group[1]] {
		t.Error("rewinding does not take the backup back")
	}
}
