package pack

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Score says which section is worked on next.
type Score uint8

const (
	ByFailures    Score = iota // fewest that may be lowest, for each failure seen there
	BySlack                    // least left above a full stack, then fewest that may be lowest
	ByRivals                   // fewest that may be lowest, then the least left
	ByFloor                    // lowest place
	BySlackFilled              // least left, then most placed
	Canonical                  // no section: the item with the lowest place of all
	scoreCount    = int(Canonical) + 1
)

var scoreNames = [...]string{"failures", "slack", "rivals", "floor", "slack-filled", "canonical"}

func (s Score) String() string { return scoreNames[s] }

// step is what the search does next.
type step uint8

const (
	done   step = iota // every item has its place
	decide             // at its lowest place, or above
	forced             // nothing can lie under it: at its lowest place
	again              // a bound rose
	stuck              // a bound rose beyond what is possible
)

// choose finds a locally lowest item: none of its neighbours fits under it whole.
func (w *searcher) choose(score Score) (int32, step) {
	in := w.in
	b := int32(-1)
	if score == Canonical || w.off&RuleSections != 0 {
		for i := int32(0); i < int32(in.n); i++ {
			if !w.placed[i] && in.pin[i] < 0 && in.width[i] > 0 && (b < 0 || w.before(i, b)) {
				b = i
			}
		}
	} else if s := w.pick(score); s >= 0 {
		for _, m := range w.list[in.memAt[s] : in.memAt[s]+w.sec[s].open] {
			if i := m.item; in.pin[i] < 0 && (b < 0 || w.before(i, b)) {
				b = i
			}
		}
	}
	if b < 0 {
		return 0, done
	}
	for steps := 0; ; steps++ {
		p := w.lb[b]
		if p > w.base[b] {
			z := w.lowestPlug(b)
			if z < 0 || steps > in.n {
				before := w.lb[b]
				if !w.plugged(b) {
					return b, stuck
				}
				if z < 0 || w.lb[b] > before {
					return b, again
				}
				return b, decide // windows that interlock: no item is lowest
			}
			b = z
			continue
		}
		under, free := int32(-1), true
		for k := in.adjAt[b]; k < in.adjAt[b+1]; k++ {
			z := in.adj[k]
			if w.placed[z] || in.pin[z] >= 0 {
				continue
			}
			lb := w.lb[z]
			if lb < p+in.up[k] {
				free = false
			}
			if lb+in.dn[k] <= p && (under < 0 || w.before(z, under)) {
				under = z
			}
		}
		if under >= 0 && steps <= in.n {
			b = under
			continue
		}
		if a := w.twinBelow(b); a >= 0 {
			w.save(b)
			why := w.why[int(b)*w.words:][:w.words]
			for i, x := range w.whyAt[int(a)*w.words:][:w.words] {
				why[i] |= x
			}
			if !w.rise(b, in.next(b, p+1)) {
				copy(w.clash, why)
				return b, stuck
			}
			return b, again
		}
		if free && w.off&RuleForced == 0 {
			return b, forced
		}
		return b, decide
	}
}

// before orders items by lowest place, then rank.
func (w *searcher) before(a, b int32) bool {
	if w.lb[a] != w.lb[b] {
		return w.lb[a] < w.lb[b]
	}
	return w.rank[a] < w.rank[b]
}

// lowestPlug is the lowest item that may lie under raised item b, whole below
// b's lowest place.
func (w *searcher) lowestPlug(b int32) int32 {
	in := w.in
	best := int32(-1)
	for k := in.adjAt[b]; k < in.adjAt[b+1]; k++ {
		z := in.adj[k]
		if w.placed[z] || in.pin[z] >= 0 || w.lb[z] >= w.base[b]+in.up[k] || w.lb[z]+in.dn[k] > w.lb[b] {
			continue
		}
		if best < 0 || w.before(z, best) {
			best = z
		}
	}
	return best
}

// twinBelow is a twin of larger rank on which b would lie directly. Of all orders
// of twins in a stack one is enough: the one by rank.
func (w *searcher) twinBelow(b int32) int32 {
	in := w.in
	for _, a := range in.twins[in.twinAt[b]:in.twinAt[b+1]] {
		if w.placed[a] && w.rank[a] > w.rank[b] && w.lb[a]+in.size[a] == w.lb[b] {
			return a
		}
	}
	return -1
}

// whyForced explains a place that is taken because nothing can lie under it.
func (w *searcher) whyForced(b int32) {
	in := w.in
	p := w.lb[b]
	at := w.whyAt[int(b)*w.words:][:w.words]
	copy(at, w.why[int(b)*w.words:][:w.words])
	for k := in.adjAt[b]; k < in.adjAt[b+1]; k++ {
		z := in.adj[k]
		if in.pin[z] >= 0 || in.lb0[z] >= p+in.up[k] {
			continue
		}
		because := w.why[int(z)*w.words:][:w.words]
		if w.placed[z] {
			because = w.whyAt[int(z)*w.words:][:w.words]
		}
		for i := range at {
			at[i] |= because[i]
		}
	}
}

// pick is the section to work on, -1 when all items have places.
func (w *searcher) pick(score Score) int32 {
	best, one, two := int32(-1), math.Inf(1), int32(0)
	for s := range w.sec {
		if w.sec[s].free == 0 {
			continue
		}
		if w.sec[s].stale {
			w.measure(int32(s))
		}
		var a float64
		var b int32
		switch score {
		case ByFailures:
			a, b = float64(w.sec[s].rivals)/float64(1+w.weight[s]), w.sec[s].slack
		case BySlack:
			a, b = float64(w.sec[s].slack), w.sec[s].rivals
		case ByRivals:
			a, b = float64(w.sec[s].rivals), w.sec[s].slack
		case ByFloor:
			a, b = float64(w.sec[s].first), w.sec[s].slack
		case BySlackFilled:
			a, b = float64(w.sec[s].slack), w.sec[s].open
		}
		if a < one || a == one && b < two {
			best, one, two = int32(s), a, b
		}
	}
	return best
}

// Rank orders items of equal lowest place: three keys, each descending.
type Rank [3]byte // of W sections, A sections × size, T fullest section, Z size, O neighbours

func (r Rank) String() string { return string(r[:]) }

// rankItems fills rank, each key times a random factor of 1 ± noise.
func (in *instance) rankItems(rank []int32, r Rank, noise float64, rnd *rand.Rand) {
	keys := make([][3]float64, in.n)
	for b := range keys {
		for k, c := range r {
			var x float64
			switch c {
			case 'W':
				x = float64(in.width[b])
			case 'A':
				x = float64(in.width[b]) * float64(in.size[b])
			case 'T':
				x = float64(in.most[b])
			case 'Z':
				x = float64(in.size[b])
			case 'O':
				x = float64(in.adjAt[b+1] - in.adjAt[b])
			}
			if noise > 0 {
				x *= 1 + noise*(2*rnd.Float64()-1)
			}
			keys[b][k] = x
		}
	}
	order := make([]int32, in.n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, y := keys[a], keys[b]
		return cmp.Or(cmp.Compare(y[0], x[0]), cmp.Compare(y[1], x[1]), cmp.Compare(y[2], x[2]))
	})
	for i, b := range order {
		rank[b] = int32(i)
	}
}
