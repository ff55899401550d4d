package pack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func challenging(t testing.TB, name string) *Problem {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "minimalloc", name+".1048576.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tab, err := ReadCSV(f)
	if err != nil {
		t.Fatal(err)
	}
	tab.Problem.Capacity = 1 << 20
	return &tab.Problem
}

func solve(t testing.TB, p *Problem, o Options) *Answer {
	t.Helper()
	a, err := Solve(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == Solved {
		if err := Check(p, a.Offsets); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// All eleven instances are solved in few nodes, and so are copies that the
// portfolio was not chosen on.
func TestChallenging(t *testing.T) {
	for _, name := range strings.Split("ABCDEFGHIJK", "") {
		p := challenging(t, name)
		a := solve(t, p, Options{MaxNodes: 50_000})
		b := solve(t, Mirrored(p, 3), Options{MaxNodes: 50_000, Seed: 3})
		if a.Status != Solved || b.Status != Solved {
			t.Errorf("%s: %s after %d nodes, mirrored %s after %d", name, a.Status, a.Nodes, b.Status, b.Nodes)
		}
		t.Logf("%s: %d nodes, %d failures, %d runs; mirrored %d nodes", name, a.Nodes, a.Failures, a.Runs, b.Nodes)
	}
}

// The answer does not depend on the number of threads, nor on the machine.
func TestDeterministic(t *testing.T) {
	for _, name := range []string{"F", "K"} {
		p := challenging(t, name)
		one := solve(t, p, Options{Seed: 7, MaxNodes: 50_000})
		for _, threads := range []int{2, 4, 9} {
			if a := solve(t, p, Options{Seed: 7, MaxNodes: 50_000, Threads: threads}); !slices.Equal(a.Offsets, one.Offsets) || a.Nodes != one.Nodes {
				t.Errorf("%s: %d threads take %d nodes to another answer than one thread's %d", name, threads, a.Nodes, one.Nodes)
			}
		}
	}
	p := challenging(t, "D")
	least := func(threads int) *Answer {
		a, err := Minimize(context.Background(), p, Options{Seed: 1, MaxNodes: 6000, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if one, two := least(1), least(3); one.Peak != two.Peak || one.Nodes != two.Nodes || !slices.Equal(one.Offsets, two.Offsets) {
		t.Errorf("least peak %d after %d nodes, with threads %d after %d", one.Peak, one.Nodes, two.Peak, two.Nodes)
	}
}

// Least peaks of small instances are those of trying everything; the bound never
// passes them.
func TestMinimizeAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	optimal := 0
	for n := range 300 {
		p := tightProblem(r)
		a, err := Minimize(context.Background(), p, Options{Seed: uint64(n), MaxNodes: 2000})
		if err != nil {
			t.Fatalf("instance %d %+v: %v", n, p, err)
		}
		if a.Status == Infeasible {
			if _, err := Portfolio(&Problem{Items: p.Items, Period: p.Period}, 0); err == nil {
				t.Fatalf("instance %d %+v: called infeasible, greedy packs it", n, p)
			}
			continue
		}
		if err := Check(&Problem{Items: p.Items, Period: p.Period}, a.Offsets); err != nil {
			t.Fatalf("instance %d %+v: %v", n, p, err)
		}
		greedy, err := Portfolio(&Problem{Items: p.Items, Period: p.Period}, 16)
		if err != nil || a.Peak > greedy.Peak {
			t.Fatalf("instance %d: peak %d, greedy %v %v", n, a.Peak, greedy, err)
		}
		if p.Capacity = a.Bound - 1; a.Bound > Load(p) {
			if lower, _ := bruteForce(p, horizon(p)); lower != nil {
				t.Fatalf("instance %d %+v: bound %d, a lower peak exists: %v", n, p, a.Bound, lower)
			}
		}
		if a.Peak == a.Bound {
			optimal++
		}
	}
	if optimal < 260 {
		t.Errorf("only %d of 300 small instances were closed", optimal)
	}
}

func TestPeaks(t *testing.T) {
	for _, name := range []string{"A", "C", "E", "K"} {
		p := challenging(t, name)
		a, err := Minimize(context.Background(), p, Options{MaxNodes: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		if a.Peak != a.Bound || a.Peak != Load(p) {
			t.Errorf("%s: peak %d, bound %d, load %d", name, a.Peak, a.Bound, Load(p))
		}
	}
}

func TestUnknownIsNotInfeasible(t *testing.T) {
	p := challenging(t, "J")
	p.Capacity = Load(p) // nobody knows
	a := solve(t, p, Options{MaxNodes: 500})
	if a.Status != Unknown || a.Offsets == nil || a.Peak <= p.Capacity {
		t.Errorf("status %s, peak %d", a.Status, a.Peak)
	}
	greedy, _ := Portfolio(p, 16)
	if a.Peak > greedy.Peak {
		t.Errorf("peak %d, the greedy portfolio has %d", a.Peak, greedy.Peak)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if a, err := Solve(ctx, p, Options{}); err != nil || a.Status != Unknown || a.Offsets == nil {
		t.Errorf("cancelled: %+v, %v", a, err)
	}
	if a, err := Minimize(ctx, p, Options{}); err != nil || a.Status != Solved || a.Bound != Load(p) {
		t.Errorf("cancelled: %+v, %v", a, err)
	}
	p.Capacity = Load(p) - 1024
	if a := solve(t, p, Options{}); a.Status != Infeasible {
		t.Errorf("below the load: %s", a.Status)
	}
}

func TestShapes(t *testing.T) {
	always := Span{0, 9}
	alias, err := Alias(item(6, Span{0, 3}), item(2, Span{3, 9}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		p    Problem
		want Status
	}{
		// a gap below the first live item must be used
		{"below the first", Problem{Capacity: 180, Items: []Item{item(60, Span{0, 2}), item(120, Span{1, 4}), item(60, Span{3, 5})}}, Solved},
		{"circle", Problem{Capacity: 2, Period: 3, Items: []Item{item(1, Span{0, 2}), item(1, Span{1, 3}), item(1, Span{2, 4})}}, Infeasible},
		{"circle with room", Problem{Capacity: 3, Period: 3, Items: []Item{item(1, Span{0, 2}), item(1, Span{1, 3}), item(1, Span{2, 4})}}, Solved},
		{"shrinks", Problem{Capacity: 8, Items: []Item{{Spans: []Span{always}, Size: 8, Pin: -1, Windows: []Window{{Span{4, 9}, 0, 2}}}, item(6, Span{4, 9})}}, Solved},
		{"grows", Problem{Capacity: 8, Items: []Item{{Spans: []Span{always}, Size: 8, Pin: -1, Windows: []Window{{Span{0, 4}, 6, 8}}}, item(6, Span{0, 4})}}, Solved},
		{"does not shrink in time", Problem{Capacity: 8, Items: []Item{{Spans: []Span{always}, Size: 8, Pin: -1, Windows: []Window{{Span{5, 9}, 0, 2}}}, item(6, Span{4, 9})}}, Infeasible},
		{"alias", Problem{Capacity: 6, Items: []Item{alias, item(4, Span{3, 9})}}, Solved},
		{"pin leaves no room", Problem{Capacity: 8, Items: []Item{{Spans: []Span{always}, Size: 2, Pin: 3}, item(4, always)}}, Infeasible},
		{"pin leaves room", Problem{Capacity: 9, Items: []Item{{Spans: []Span{always}, Size: 2, Pin: 3}, item(4, always)}}, Solved},
		{"pins clash", Problem{Capacity: 9, Items: []Item{{Spans: []Span{always}, Size: 2, Pin: 3}, {Spans: []Span{always}, Size: 2, Pin: 4}}}, Infeasible},
		{"alignment", Problem{Capacity: 11, Items: []Item{item(3, always), {Spans: []Span{always}, Size: 4, Align: 8, Pin: -1}, {Spans: []Span{always}, Size: 4, Align: 8, Pin: -1}}}, Infeasible},
		{"aligned", Problem{Capacity: 12, Items: []Item{item(3, always), {Spans: []Span{always}, Size: 4, Align: 8, Pin: -1}, {Spans: []Span{always}, Size: 4, Align: 8, Pin: -1}}}, Solved},
		{"huge sizes", Problem{Capacity: 1<<52 + 3, Items: []Item{item(1<<51+1, always), item(1<<51+1, always)}}, Solved},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := solve(t, &c.p, Options{MaxNodes: 10_000}); a.Status != c.want {
				t.Errorf("%s, want %s", a.Status, c.want)
			}
		})
	}
	if _, err := Alias(Item{Pin: 1}, Item{Pin: 2}); err == nil {
		t.Error("an alias of two pins was accepted")
	}
	for name, w := range map[string][]Window{"larger": {{Span{0, 1}, 0, 5}}, "turned": {{Span{0, 1}, 3, 2}}, "empty": {{Span{1, 1}, 0, 2}}, "two": {{Span{0, 3}, 0, 2}, {Span{2, 4}, 0, 1}}} {
		if _, err := Portfolio(&Problem{Items: []Item{{Spans: []Span{always}, Size: 4, Pin: -1, Windows: w}}}, 0); err == nil {
			t.Errorf("window %s: accepted", name)
		}
	}
}

// What each rule buys, as docs/packing.md prints it: run with -v.
func TestRules(t *testing.T) {
	budget := int64(3000)
	if testing.Verbose() {
		budget = 20_000
	}
	names := strings.Split("ABCDEFGHIJK", "")
	if !testing.Verbose() {
		names = []string{"B", "G", "K"}
	}
	for r := -1; r < ruleCount; r++ {
		o := Options{MaxNodes: budget}
		line := "all rules"
		if r >= 0 {
			o.Off = 1 << r
			line = "without " + RuleNames()[r]
		}
		for _, name := range names {
			a := solve(t, challenging(t, name), o)
			if a.Status == Infeasible {
				t.Fatalf("%s: called infeasible %s", name, line)
			}
			if a.Status == Solved {
				line += fmt.Sprintf(" | %d", a.Nodes)
			} else {
				line += " | –"
			}
		}
		t.Log(line)
	}
}
