package minimalloc

import (
	"strings"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
	"strata/malloc/pack"
)

const small = "id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\nb3,0,9,4\nb4,9,21,4\nb5,0,21,4\n"

func TestLifetimesAreKept(t *testing.T) {
	s, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	p := converttest.RoundTrip(t, s, nil, convert.Options{}, "demand")
	if got := p.Tiers[0].Capacity; got != 12 {
		t.Errorf("capacity %d, 12 bytes are live at most", got)
	}
	plan := converttest.Plan(t, p, "demand").Plan
	if len(plan.Copies) != 0 || len(plan.Blocks) != 5 {
		t.Errorf("%d copies, %d blocks: each buffer has one block", len(plan.Copies), len(plan.Blocks))
	}
	for _, b := range plan.Blocks {
		// Moments are 0, 3, 9, 21: instructions 0, 1 and 2.
		want := map[string][2]int{"b1": {0, 1}, "b2": {1, 2}, "b3": {0, 2}, "b4": {2, 3}, "b5": {0, 3}}[p.Buffers[b.Buf].Name]
		if b.Start != want[0] || b.End != want[1] {
			t.Errorf("%s lies over [%d, %d), %v is expected", p.Buffers[b.Buf].Name, b.Start, b.End, want)
		}
	}
	if got := converttest.AllSlowS(t, p); got != 21 {
		t.Errorf("the schedule takes %g, 21 is expected", got)
	}
	if _, err := convert.Lower(s, nil, convert.Options{Capacities: map[string]int64{"dram": 1}}); err == nil || !strings.Contains(err.Error(), Tier) {
		t.Errorf("another tier's size: %v", err)
	}
}

func TestPublicProblems(t *testing.T) {
	for _, path := range [][]string{{"minimalloc", "A.1048576.csv"}, {"minimalloc", "K.1048576.csv"}, {"somas", "resnet50.csv"}} {
		s, err := Read(converttest.Shared(t, path...))
		if err != nil {
			t.Fatal(err)
		}
		p := converttest.RoundTrip(t, s, nil, convert.Options{}, "demand")
		load := pack.Load(problemOf(p))
		t.Logf("%s: %d buffers, %d instructions, capacity %d, load %d", path[1], len(p.Buffers), len(p.Instructions), p.Tiers[0].Capacity, load)
	}
}

// problemOf reads the packing problem back out of an instance.
func problemOf(p *malloc.Program) *pack.Problem {
	first, end := make([]int, len(p.Buffers)), make([]int, len(p.Buffers))
	for t := range p.Instructions {
		for _, w := range p.Instructions[t].Writes {
			first[w.Buf], end[w.Buf] = t, t+1
		}
		for _, r := range p.Instructions[t].Reads {
			end[r.Buf] = t + 1
		}
	}
	out := &pack.Problem{}
	for b := range p.Buffers {
		out.Items = append(out.Items, pack.Item{Spans: []pack.Span{{Start: first[b], End: end[b]}}, Size: p.Buffers[b].Size, Align: 1, Pin: -1})
	}
	return out
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "header",
		"id,lower,upper\na,0,1\n":              `"size"`,
		"id,lower,upper,size\n":                "no buffers",
		"id,lower,upper,size\na,3,3,4\n":       "line 2",
		"id,lower,upper,size\na,0,x,4\n":       "column upper",
		"id,lower,upper,size\na,0,1,-4\n":      "column size",
		"id,lower,upper,size\na,0,1\n":         "wrong number of fields",
		"id,lower,upper,size\na,0,1,1e99999\n": "column size",
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, %q is expected", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		if err != nil {
			return
		}
		if _, err := convert.Lower(s, nil, convert.Options{}); err != nil && strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
