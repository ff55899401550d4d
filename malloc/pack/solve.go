package pack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Rules are the exact search's rules, as a set.
type Rules uint16

const (
	RuleCascade    Rules = 1 << iota // a raised item follows what may lie under it at once, not only when it is chosen
	RuleOneMachine                   // a section's members as jobs of one machine, not only their sum
	RuleNotFirst                     // who starts too late to be lowest of a section lies above a rival
	RuleSections                     // most constrained section first, not lowest place of all
	RuleForced                       // nothing can lie under it: no decision
	RuleTwins                        // one order of items of the same lifetime in a stack
	RuleBackjump                     // return to the latest decision a failure follows from
	RuleComponents                   // parts that share no time are solved one by one
	RuleRestarts                     // cut runs short and start again (Luby)
	RulePortfolio                    // another score and rank each run
	RuleScale                        // sizes in units of their greatest common divisor
	ruleCount      = iota
)

var ruleNames = [ruleCount]string{"cascade", "one-machine", "not-first", "sections", "forced", "twins", "backjump", "components", "restarts", "portfolio", "scale"}

// RuleNames lists the rules in the order of their bits.
func RuleNames() []string { return ruleNames[:] }

// Options steer Solve and Minimize. The zero value is the default.
type Options struct {
	Off      Rules  // rules to leave out
	Seed     uint64 // of the noise of later runs
	Threads  int    // runs at one time, 0: one. The answer does not depend on it
	MaxNodes int64  // about how many nodes all runs may take, 0: no limit
	Progress func(peak, bound int64)
}

// Status is what a search knows at its end.
type Status uint8

const (
	Unknown    Status = iota // a limit came first
	Solved                   // Offsets are an answer
	Infeasible               // there is none
)

func (s Status) String() string { return [...]string{"unknown", "solved", "infeasible"}[s] }

// Answer is what a search found.
type Answer struct {
	Status   Status
	Offsets  []int64 // the best packing known, within the capacity if Status is Solved; nil if pins clash
	Peak     int64   // its highest end
	Bound    int64   // no packing has a lower peak
	By       string  // what found the packing
	Nodes    int64   // of the exact search, in all runs that count
	Failures int64
	Runs     int // of the exact search
	Elapsed  time.Duration
}

// exactItems bounds the components given to the exact search, exactPairs the
// pairs of items in them that share a time: more would fill memory, and the search
// would not end.
const (
	exactItems = 4000
	exactPairs = 8_000_000
)

// Solve looks for a packing within p.Capacity. It tries the greedy portfolio
// first, so it is never worse; then the exact search, until an answer, a
// refutation, the node limit or the context's end. Offsets hold the best packing
// even when the status is Unknown or Infeasible.
//
// The answer depends on the problem, Seed, Off and MaxNodes; on the clock only
// through ctx.
func Solve(ctx context.Context, p *Problem, o Options) (*Answer, error) {
	began := time.Now()
	if p.Capacity <= 0 {
		return nil, fmt.Errorf("pack: solve: the capacity is %d, a positive one is needed", p.Capacity)
	}
	a, err := firstAnswer(p)
	if err != nil {
		return nil, err
	}
	defer func() { a.Elapsed = time.Since(began) }()
	if a.Status != Unknown {
		return a, nil
	}
	if err := improve(ctx, p, p.Capacity, o, a); err != nil {
		return nil, err
	}
	if a.Status == Infeasible {
		a.Bound = max(a.Bound, p.Capacity+1)
	}
	if a.Status == Unknown && len(p.Items) > exactItems {
		if err := large(ctx, p, p.Capacity, o, a); err != nil {
			return nil, err
		}
		if a.Peak <= p.Capacity {
			a.Status = Solved
		}
	} else if a.Status == Unknown { // never worse than the greedy portfolio
		if r, _ := Portfolio(p, 16); r != nil && (a.Offsets == nil || r.Peak < a.Peak) {
			a.take(r)
			if r.Peak <= p.Capacity {
				a.Status = Solved
			}
		}
	}
	return a, nil
}

// firstAnswer is a part of the greedy portfolio's, as the search is quicker than
// all of it.
func firstAnswer(p *Problem) (*Answer, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var r *Result
	var err error
	if len(p.Items) > exactItems {
		r = sweep(p, FirstFit)
	}
	if r == nil {
		r, err = greedy(p, []Order{BySize}, 0)
	}
	var pins *PinError
	if errors.As(err, &pins) {
		return &Answer{Status: Infeasible, By: "pins"}, nil
	}
	if r == nil {
		return nil, err
	}
	a := &Answer{Bound: r.Load}
	a.take(r)
	switch {
	case p.Capacity > 0 && a.Peak <= p.Capacity:
		a.Status = Solved
	case p.Capacity > 0 && (r.Load > p.Capacity || leastEnd(p) > p.Capacity):
		a.Status = Infeasible
	}
	return a, nil
}

// leastEnd is the highest of the lowest ends of single items.
func leastEnd(p *Problem) (end int64) {
	for i := range p.Items {
		end = max(end, max(p.Items[i].Pin, 0)+p.Items[i].Size)
	}
	return end
}

func (a *Answer) take(r *Result) {
	a.Offsets, a.Peak, a.By = slices.Clone(r.Offsets), r.Peak, fmt.Sprintf("greedy by %s, %s", r.Order, r.Fit)
}

// improve searches for a packing within capacity bytes, component by component,
// and sets a's status. What it finds replaces a's packing.
func improve(ctx context.Context, p *Problem, capacity int64, o Options, a *Answer) error {
	a.Status = Unknown
	pieces := p.pieces()
	groups := [][]int{all(len(p.Items))}
	if o.Off&RuleComponents == 0 {
		groups = components(pieces)
	}
	offsets := slices.Clone(a.Offsets)
	left := o.MaxNodes
	whole := true
	for _, g := range groups {
		if fits(p, g, offsets, capacity) {
			continue
		}
		if len(g) > exactItems || ctx.Err() != nil {
			whole = false
			continue
		}
		part, at := subproblem(p, pieces, g)
		in := compile(part, at, capacity, o.Off)
		if in == nil {
			whole = false
			continue
		}
		s := search{in: in, o: o}
		r := s.solve(ctx, int32(capacity/in.unit), left)
		a.Nodes, a.Failures, a.Runs = a.Nodes+r.nodes, a.Failures+r.failures, a.Runs+r.runs
		if left > 0 {
			left = max(left-r.nodes, 1)
		}
		switch {
		case r.outcome == found:
			for k, i := range g {
				if offsets[i] = p.Items[i].Pin; offsets[i] < 0 {
					offsets[i] = int64(r.place[k]) * in.unit
				}
			}
		case r.outcome == proved && in.exact && in.complete:
			a.Status = Infeasible
			return nil
		default:
			whole = false
		}
	}
	if !whole {
		return nil
	}
	within := *p
	within.Capacity = capacity
	if err := Check(&within, offsets); err != nil {
		return fmt.Errorf("pack: the search's answer is none: %w", err)
	}
	a.Status, a.Offsets, a.By = Solved, offsets, "exact search"
	a.Peak = peakOf(p, offsets)
	return nil
}

func all(n int) []int {
	g := make([]int, n)
	for i := range g {
		g[i] = i
	}
	return g
}

func fits(p *Problem, group []int, offsets []int64, capacity int64) bool {
	for _, i := range group {
		if offsets[i]+p.Items[i].Size > capacity {
			return false
		}
	}
	return true
}

func peakOf(p *Problem, offsets []int64) (peak int64) {
	for i, off := range offsets {
		peak = max(peak, off+p.Items[i].Size)
	}
	return peak
}

func subproblem(p *Problem, pieces [][]piece, group []int) (*Problem, [][]piece) {
	part, at := &Problem{Items: make([]Item, len(group))}, make([][]piece, len(group))
	for k, i := range group {
		part.Items[k], at[k] = p.Items[i], pieces[i]
	}
	return part, at
}

// components groups the items that share times, directly or by way of others.
func components(pieces [][]piece) [][]int {
	parent := all(len(pieces))
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	type interval struct{ start, end, item int }
	var list []interval
	for i, ps := range pieces {
		for _, x := range ps {
			list = append(list, interval{x.start, x.end, i})
		}
	}
	slices.SortFunc(list, func(a, b interval) int { return cmp.Or(a.start-b.start, a.item-b.item) })
	last, end := -1, 0
	for _, x := range list {
		if last >= 0 && x.start < end {
			parent[find(x.item)] = find(last)
		} else {
			last = x.item
		}
		end = max(end, x.end)
	}
	at := make(map[int]int)
	var groups [][]int
	for i := range pieces {
		r := find(i)
		k, ok := at[r]
		if !ok {
			k = len(groups)
			at[r] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}
