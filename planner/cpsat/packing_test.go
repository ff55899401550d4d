package cpsat

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"strata/malloc/pack"
)

// drawPacking draws small problems with everything an item may have.
func drawPacking(t *rapid.T, most int) *pack.Problem {
	p := &pack.Problem{Period: rapid.SampledFrom([]int{0, 0, 8}).Draw(t, "period")}
	times := 8
	unit := rapid.SampledFrom([]int64{1, 512}).Draw(t, "unit")
	for range rapid.IntRange(1, most).Draw(t, "items") {
		it := pack.Item{Size: unit * rapid.Int64Range(0, 9).Draw(t, "size"), Align: unit * rapid.SampledFrom([]int64{0, 1, 2, 3}).Draw(t, "align"), Pin: -1}
		for range rapid.IntRange(1, 2).Draw(t, "spans") {
			s := rapid.IntRange(0, times-1).Draw(t, "start")
			it.Spans = append(it.Spans, pack.Span{Start: s, End: s + rapid.IntRange(1, 6).Draw(t, "length")})
		}
		p.Items = append(p.Items, it)
	}
	if rapid.IntRange(0, 3).Draw(t, "pins") == 0 { // one pin cannot overlap another
		it := &p.Items[0]
		it.Pin = 6 * unit * rapid.Int64Range(0, 2).Draw(t, "pin")
	}
	return p
}

// leastPeak is the least peak by trying the items in every order, each at the
// lowest place that fits over those before it: some order gives an optimum, for
// sinking the items of an optimum in order of offset does not raise the peak.
func leastPeak(t *rapid.T, p *pack.Problem) int64 {
	best := int64(-1)
	order := make([]int, len(p.Items))
	for i := range order {
		order[i] = i
	}
	var permute func(int)
	permute = func(k int) {
		if k == len(order) {
			r, err := pack.Pack(p, order, pack.FirstFit)
			if err != nil {
				t.Fatal(err)
			}
			if best < 0 || r.Peak < best {
				best = r.Peak
			}
			return
		}
		for i := k; i < len(order); i++ {
			order[k], order[i] = order[i], order[k]
			permute(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	permute(0)
	return best
}

func TestPackEqualsBruteForce(t *testing.T) {
	w := worker(t)
	proved, searched := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawPacking(t, 7)
		want := leastPeak(t, p)
		// Under a capacity one below the optimum there is none.
		for _, capacity := range []int64{0, want, want - 1} {
			if capacity == 0 && want == 0 || capacity < 0 {
				continue
			}
			q := *p
			q.Capacity = capacity
			r, err := w.Pack(context.Background(), &q, Options{Work: 10, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if capacity == want-1 && capacity > 0 {
				if r.Status != Infeasible || r.Offsets != nil {
					t.Fatalf("capacity %d of the %d needed: %v with peak %d", capacity, want, r.Status, r.Peak)
				}
				proved++
				if pack.Load(p) < want {
					searched++
				}
				continue
			}
			if r.Status != Optimal || r.Peak != want || r.Bound != want {
				t.Fatalf("capacity %d: %v with peak %d, bound %d; in every order: %d", capacity, r.Status, r.Peak, r.Bound, want)
			}
			if err := pack.Check(&q, r.Offsets); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Logf("%d problems proved infeasible, %d of them not by the load", proved, searched)
}

// On problems of up to 40 buffers, with alignments, windows and circles, CP-SAT
// and the exact search of malloc/pack must not contradict each other: where both
// finish the peaks are equal, and no bound is above a peak.
func TestPackAgainstExactSearch(t *testing.T) {
	w := worker(t)
	r := uint64(3)
	next := func(n int) int { r ^= r << 13; r ^= r >> 7; r ^= r << 17; return int(r % uint64(n)) }
	both, searched := 0, 0
	const problems = 14
	for k := range problems {
		p := &pack.Problem{Period: []int{0, 0, 42}[k%3]}
		for range 8 + next(33) {
			s := next(30)
			it := pack.Item{Size: int64(1+next(40)) << (6 * uint(k%2)), Align: int64(1 + 7*(k%3)), Pin: -1, Spans: []pack.Span{{Start: s, End: s + 1 + next(12)}}}
			if next(5) == 0 && it.Size > 2 {
				at := s + next(it.Spans[0].End-s)
				lo := int64(next(int(it.Size)))
				it.Windows = []pack.Window{{Span: pack.Span{Start: at, End: it.Spans[0].End}, Lo: lo, Hi: lo + int64(next(int(it.Size-lo)))}}
			}
			p.Items = append(p.Items, it)
		}
		mine, err := w.Pack(context.Background(), p, Options{Work: 0.05, Threads: 1, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := pack.Minimize(context.Background(), p, pack.Options{MaxNodes: 10000})
		if err != nil {
			t.Fatal(err)
		}
		for by, offsets := range map[string][]int64{"cp-sat": mine.Offsets, "malloc/pack": theirs.Offsets} {
			if err := pack.Check(p, offsets); err != nil {
				t.Fatalf("problem %d: %s: %v", k, by, err)
			}
		}
		if max(mine.Bound, theirs.Bound) > min(mine.Peak, theirs.Peak) {
			t.Errorf("problem %d: cp-sat peak %d, bound %d; malloc/pack peak %d, bound %d", k, mine.Peak, mine.Bound, theirs.Peak, theirs.Bound)
		}
		if mine.Status == Optimal && theirs.Peak == theirs.Bound {
			both++
			if mine.Peak > pack.Load(p) {
				searched++
			}
		}
	}
	t.Logf("%d of %d proved by both, %d of them above the load", both, problems, searched)
	if both < problems/3 {
		t.Errorf("only %d of %d proved by both", both, problems)
	}
}

func TestPackRefusesWhatIsTooLarge(t *testing.T) {
	w := worker(t)
	p := &pack.Problem{}
	for range MaxPackItems + 1 {
		p.Items = append(p.Items, pack.Item{Size: 1, Pin: -1, Spans: []pack.Span{{Start: 0, End: 1}}})
	}
	if _, err := w.Pack(context.Background(), p, Options{Work: 1}); err == nil {
		t.Error("65 items were taken")
	}
}
