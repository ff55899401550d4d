package pack

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Generate draws n buffers as a long program has them: three new ones a step,
// sizes log-uniform from 512 B to 1 MiB, 85 % live at most 4 steps, 2 % up to a
// fifth of the program, the others up to 64 steps. Same n and seed, same buffers.
func Generate(n int, seed uint64) *Problem {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	p := &Problem{Items: make([]Item, n)}
	spans := make([]Span, n)
	for i := range p.Items {
		live := 0
		switch x := r.Float64(); {
		case x < 0.85:
			live = 1 + r.IntN(4)
		case x < 0.98:
			live = 5 + r.IntN(60)
		default:
			live = 1 + r.IntN(max(n/15, 1))
		}
		spans[i] = Span{i / 3, i/3 + live}
		p.Items[i] = Item{Spans: spans[i : i+1 : i+1], Size: int64(512 * math.Exp2(11*r.Float64())), Pin: -1}
	}
	return p
}

// Mirrored is p with its items shuffled and time reversed: as hard, with other
// ties, so that a search tuned on p is held against it.
func Mirrored(p *Problem, seed uint64) *Problem {
	q := *p
	q.Items = slices.Clone(p.Items)
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(q.Items), func(i, j int) { q.Items[i], q.Items[j] = q.Items[j], q.Items[i] })
	end := p.Period
	for i := range p.Items {
		for _, s := range p.Items[i].Spans {
			end = max(end, s.End)
		}
		for _, w := range p.Items[i].Windows {
			end = max(end, w.End)
		}
	}
	back := func(s Span) Span {
		if p.Period > 0 && s.End > p.Period {
			return Span{2*p.Period - s.End, 2*p.Period - s.Start}
		}
		if p.Period > 0 {
			return Span{p.Period - s.End, p.Period - s.Start}
		}
		return Span{end - s.End, end - s.Start}
	}
	for i := range q.Items {
		it := &q.Items[i]
		it.Spans, it.Windows = slices.Clone(it.Spans), slices.Clone(it.Windows)
		for k, s := range it.Spans {
			it.Spans[k] = back(s)
		}
		for k, w := range it.Windows {
			it.Windows[k].Span = back(w.Span)
		}
	}
	return &q
}
