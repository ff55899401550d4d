package planner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// pinStream pins a part of the read-only buffers in the fast tier and streams
// the others through a ring with read-ahead, across the iteration boundary too.
// It sweeps how much is pinned, which buffers are, and how the ring is packed,
// then improves the best choice by exchanging pinned and streamed buffers.
//
// Why it is strong: when the copies bound the time, a period is at least the
// streamed bytes over the engine's bandwidth. What exceeds the bound is the ring
// (bytes that are neither pinned nor home) and the engine's idle time. Streaming
// buffers that lie evenly in computing time keeps the engine busy with a ring of
// about two buffers; streaming a contiguous stretch needs a ring that holds the
// copies made during the rest of the iteration.
type pinStream struct{}

func (pinStream) Name() string { return "pin-stream" }

// Limits of the local improvement after the sweep.
const (
	improveEvaluations = 400
	improveRounds      = 4 * improveEvaluations // rounds whose ring has no place cost no evaluation
)

func (s pinStream) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	base, err := demandPlan(p.Program)
	if err != nil {
		return nil, err
	}
	spec, ok := newRingSpec(p.Program, base)
	if !ok {
		return nil, fmt.Errorf("planner: pin-stream: no read-only buffer that its first executor reads can be copied from home in one hop: %w", ErrNotApplicable)
	}
	spec.lock(a)
	a.component = "demand"
	if _, err := a.offer(base); err != nil {
		return nil, err
	}
	a.component = s.Name()
	best, ok := spec.sweep(a)
	if ok {
		spec.improve(a, best, rand.New(rand.NewPCG(p.Seed, 0x70696e)))
	}
	return a.result(s.Name())
}

// choice is one setting of pin-stream's knobs.
type choice struct {
	pinned  []bool
	bestFit bool // place blocks in the tightest gap, not the lowest
	hold    bool // do not read ahead across the iteration boundary
}

// ringOf builds the ring of a choice; ok is false when it has no place.
func (r *ringSpec) ringOf(c choice) (*ring, bool) {
	if len(r.locked) > 0 {
		c.pinned = slices.Clone(c.pinned)
		for i, pinned := range r.locked {
			c.pinned[i] = pinned
		}
	}
	x := &ring{ringSpec: r, pinned: c.pinned, bestFit: c.bestFit, hold: c.hold}
	return x, x.build()
}

// scored is a choice and its plan's score.
type scored struct {
	choice
	score malloc.Score
}

// weight is what a stream occupies when pinned: nothing unless the loop reads it
// (without a loop: unless it is read twice).
func (r *ringSpec) weight(i int) int64 {
	s := &r.streams[i]
	if r.end > r.begin && len(s.body) > 0 || r.end == r.begin && len(s.pre) > 1 {
		return s.block
	}
	return 0
}

// firstTouch is where a stream stands in the order of the ring.
func (r *ringSpec) firstTouch(i int) int {
	if s := &r.streams[i]; len(s.body) > 0 {
		return s.body[0]
	}
	return r.streams[i].pre[0]
}

// ringSizes are the ring's sizes tried, in units of the largest streamed block.
var ringSizes = []float64{1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 12, 16, 24, 40}

// worthRefining is how near a setting must be to the best for the ways to pack
// its ring to be tried too.
const worthRefining = 1.01

// sweep tries all combinations of which buffers may be streamed, how they are
// spread, and the ring's size; it returns the best.
func (r *ringSpec) sweep(a *attempt) (best scored, found bool) {
	var order []int
	total := int64(0)
	for i := range r.streams {
		if r.weight(i) > 0 {
			order = append(order, i)
			total += r.weight(i)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return r.firstTouch(x) - r.firstTouch(y) })
	consider := func(c choice) (malloc.Score, bool) {
		x, ok := r.ringOf(c)
		if !ok {
			return malloc.Score{}, false
		}
		score, err := a.offer(x.plan())
		if err == nil && (!found || score.TotalS < best.score.TotalS) {
			best, found = scored{c, score}, true
		}
		return score, err == nil
	}
	all := make([]bool, len(r.streams))
	for _, i := range order {
		all[i] = true
	}
	must := total - (r.capacity - r.bodyTop) // bytes that have no place
	if must <= 0 {
		consider(choice{pinned: all, bestFit: true})
		if found {
			return best, true
		}
		must = 0
	}
	classes := r.sizeClasses(order)
	slices.Reverse(classes) // few large buffers first: usually the best, and found early
	for _, spread := range []func([]int, int64) []bool{r.spreadEvenly, r.streamTail, r.streamLargest} {
		for _, least := range classes {
			may := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return r.streams[i].block < least })
			largest := int64(0)
			for _, i := range may {
				largest = max(largest, r.streams[i].block)
			}
			var before []bool
			for _, size := range ringSizes {
				pinned := spread(may, must+int64(size*float64(largest)))
				if pinned == nil {
					break
				}
				if slices.Equal(pinned, before) {
					continue
				}
				before = pinned
				if a.done() {
					return best, found
				}
				score, ok := consider(choice{pinned: pinned})
				if !ok || score.TotalS < best.score.TotalS*worthRefining {
					consider(choice{pinned: pinned, bestFit: true})
					consider(choice{pinned: pinned, hold: true})
				}
			}
		}
	}
	none := make([]bool, len(r.streams))
	consider(choice{pinned: none})
	return best, found
}

// sizeClasses returns thresholds on a block's bytes, each well above the one
// before, smallest first: buffers below a threshold are pinned.
func (r *ringSpec) sizeClasses(order []int) []int64 {
	sizes := make([]int64, 0, len(order))
	for _, i := range order {
		sizes = append(sizes, r.streams[i].block)
	}
	slices.Sort(sizes)
	var classes []int64
	for _, z := range sizes {
		if len(classes) == 0 || float64(z) > 1.3*float64(classes[len(classes)-1]) {
			classes = append(classes, z)
		}
	}
	return classes
}

// pinAllBut returns the pins when exactly the listed streams are streamed.
func (r *ringSpec) pinAllBut(streamed []int) []bool {
	pinned := make([]bool, len(r.streams))
	for i := range pinned {
		pinned[i] = r.weight(i) > 0
	}
	for _, i := range streamed {
		pinned[i] = false
	}
	return pinned
}

// spreadEvenly streams at least bytes of the buffers in order so that streamed
// bytes grow in proportion to computing time; nil when there are not enough.
func (r *ringSpec) spreadEvenly(order []int, bytes int64) []bool {
	if len(order) == 0 {
		return nil
	}
	origin := r.clock[0]
	span := r.clock[len(r.clock)-1] - origin
	if r.end > r.begin {
		origin, span = r.clock[r.begin], r.clock[r.end]-r.clock[r.begin]
	}
	if span <= 0 {
		return nil
	}
	take := func(rate float64) (list []int, sum int64) {
		for _, i := range order {
			z := r.streams[i].block
			due := rate * (r.clock[r.firstTouch(i)+1] - origin) / span
			if due-float64(sum) >= float64(z)/2 {
				list = append(list, i)
				sum += z
			}
		}
		return list, sum
	}
	low, high := float64(bytes)/2, float64(bytes)
	for range 24 {
		if _, sum := take(high); sum >= bytes {
			break
		}
		low, high = high, 2*high
	}
	if _, sum := take(high); sum < bytes {
		return nil
	}
	for range 40 {
		middle := (low + high) / 2
		if _, sum := take(middle); sum >= bytes {
			high = middle
		} else {
			low = middle
		}
	}
	list, _ := take(high)
	return r.pinAllBut(list)
}

// streamTail streams the last buffers of the order and pins the first.
func (r *ringSpec) streamTail(order []int, bytes int64) []bool {
	return r.streamFrom(order, bytes, func(x, y int) int { return r.firstTouch(y) - r.firstTouch(x) })
}

// streamLargest streams the largest buffers first.
func (r *ringSpec) streamLargest(order []int, bytes int64) []bool {
	return r.streamFrom(order, bytes, func(x, y int) int {
		return int(r.streams[y].block - r.streams[x].block)
	})
}

func (r *ringSpec) streamFrom(order []int, bytes int64, compare func(x, y int) int) []bool {
	list := slices.Clone(order)
	slices.SortStableFunc(list, compare)
	sum := int64(0)
	for n, i := range list {
		if sum >= bytes {
			return r.pinAllBut(list[:n])
		}
		sum += r.streams[i].block
	}
	if sum < bytes {
		return nil
	}
	return r.pinAllBut(list)
}

// improve exchanges pinned and streamed buffers as long as that helps.
func (r *ringSpec) improve(a *attempt, best scored, rng *rand.Rand) {
	var order []int
	for i := range r.streams {
		if r.weight(i) > 0 {
			order = append(order, i)
		}
	}
	if len(order) < 2 {
		return
	}
	spent := 0
	for range improveRounds {
		if spent >= improveEvaluations || a.done() {
			return
		}
		c := best.choice
		c.pinned = slices.Clone(c.pinned)
		switch k := rng.IntN(8); {
		case k < 5: // exchange two
			i, j := order[rng.IntN(len(order))], order[rng.IntN(len(order))]
			if c.pinned[i] == c.pinned[j] {
				continue
			}
			c.pinned[i], c.pinned[j] = c.pinned[j], c.pinned[i]
		case k < 7: // a smaller or a larger ring
			i := order[rng.IntN(len(order))]
			c.pinned[i] = !c.pinned[i]
		case rng.IntN(2) == 0:
			c.bestFit = !c.bestFit
		default:
			c.hold = !c.hold
		}
		x, ok := r.ringOf(c)
		if !ok {
			continue
		}
		spent++
		score, err := a.offer(x.plan())
		if err == nil && score.TotalS <= best.score.TotalS {
			best = scored{c, score}
		}
	}
}
