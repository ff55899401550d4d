package pack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// lives tells whether an item lives at a time, and which of its bytes it occupies
// then, by the definition.
func lives(p *Problem, it *Item, t int) (lo, hi int64) {
	in := func(s Span) bool {
		return t >= s.Start && t < s.End || p.Period > 0 && t+p.Period >= s.Start && t+p.Period < s.End
	}
	for _, s := range it.Spans {
		if in(s) {
			for _, w := range it.Windows {
				if in(w.Span) {
					return w.Lo, w.Hi
				}
			}
			return 0, it.Size
		}
	}
	return 0, 0
}

// bruteForce tries every offset of every item. It returns nil when there is no
// packing, and false when that would take too long.
func bruteForce(p *Problem, times int) (offsets []int64, sure bool) {
	steps := 60_000
	n := len(p.Items)
	off := make([]int64, n)
	type box struct{ lo, hi int64 }
	at := make([][]box, n)
	for i := range p.Items {
		for t := range times {
			lo, hi := lives(p, &p.Items[i], t)
			at[i] = append(at[i], box{lo, hi})
		}
	}
	clash := func(i, j int) bool {
		for t := range times {
			x, y := at[i][t], at[j][t]
			if x.lo < x.hi && y.lo < y.hi && off[i]+x.lo < off[j]+y.hi && off[j]+y.lo < off[i]+x.hi {
				return true
			}
		}
		return false
	}
	var try func(i int) bool
	try = func(i int) bool {
		if i == n {
			return true
		}
		if steps--; steps < 0 {
			return true
		}
		it := &p.Items[i]
	next:
		for off[i] = 0; off[i]+it.Size <= p.Capacity; off[i]++ {
			if it.Pin >= 0 && off[i] != it.Pin || it.Align > 1 && off[i]%it.Align != 0 {
				continue
			}
			for j := range i {
				if clash(i, j) {
					continue next
				}
			}
			if try(i + 1) {
				return true
			}
		}
		return false
	}
	switch {
	case !try(0):
		return nil, true
	case steps < 0:
		return nil, false
	}
	return off, true
}

// tightProblem draws at most 8 items and a capacity at or near the load.
func tightProblem(r *rand.Rand) *Problem {
	p := &Problem{}
	times := 3 + r.IntN(8)
	if r.IntN(3) == 0 {
		p.Period = times
	}
	pins, aligned, windows := r.IntN(3) == 0, r.IntN(3) == 0, r.IntN(3) == 0
	big := 2 + r.IntN(5)
	for range 4 + r.IntN(5) {
		it := Item{Size: int64(1 + r.IntN(big)), Pin: -1}
		for range 1 + r.IntN(8)/7 {
			s := r.IntN(times)
			e := s + 1 + r.IntN(times)
			if p.Period == 0 {
				e = min(e, times)
			}
			it.Spans = append(it.Spans, Span{s, e})
		}
		if aligned && r.IntN(2) == 0 {
			it.Align = int64(1 + r.IntN(4))
		}
		if pins && r.IntN(4) == 0 {
			it.Pin = int64(r.IntN(6))
			if it.Align > 1 {
				it.Pin -= it.Pin % it.Align
			}
		}
		if windows && r.IntN(2) == 0 {
			s := r.IntN(times)
			w := Window{Span: Span{s, min(times, s+1+r.IntN(times))}}
			w.Hi = r.Int64N(it.Size + 1)
			if r.IntN(3) == 0 {
				w.Lo = r.Int64N(w.Hi + 1)
			}
			it.Windows = append(it.Windows, w)
		}
		p.Items = append(p.Items, it)
	}
	p.Capacity = max(Load(p)+int64(r.IntN(5)/4), 1)
	return p
}

func horizon(p *Problem) int {
	if p.Period > 0 {
		return p.Period
	}
	end := 0
	for i := range p.Items {
		for _, s := range p.Items[i].Spans {
			end = max(end, s.End)
		}
	}
	return end
}

// The exact search agrees with trying everything, whatever rules are left out,
// and says unknown only where windows interlock.
func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	for n := range 3000 {
		p := tightProblem(r)
		want, sure := bruteForce(p, horizon(p))
		if !sure {
			continue
		}
		o := Options{Seed: uint64(n)}
		if n%2 == 1 {
			o.Off = Rules(r.IntN(1 << ruleCount))
		}
		o.Threads = 1 + n%2
		a := &Answer{Offsets: make([]int64, len(p.Items))}
		for i := range a.Offsets { // a packing that is none: everything is searched
			a.Offsets[i] = p.Capacity
		}
		if err := improve(context.Background(), p, p.Capacity, o, a); err != nil {
			t.Fatalf("instance %d %+v: %v", n, p, err)
		}
		switch a.Status {
		case Solved:
			if want == nil {
				t.Fatalf("instance %d %+v: solved with %v, there is no answer", n, p, a.Offsets)
			}
		case Infeasible:
			if want != nil {
				t.Fatalf("instance %d, off %b, %+v: called infeasible, an answer is %v", n, o.Off, p, want)
			}
		default:
			windows := false
			for i := range p.Items {
				for _, w := range p.Items[i].Windows {
					windows = windows || w.Lo > 0
				}
			}
			if !windows {
				t.Fatalf("instance %d, off %b, %+v: unknown without a limit", n, o.Off, p)
			}
		}
		count[fmt.Sprint(a.Status)]++
	}
	t.Log(count)
	if count["solved"] < 1500 || count["infeasible"] < 400 {
		t.Errorf("the instances are lopsided: %v", count)
	}
}
