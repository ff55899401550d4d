package planner

import "strata/malloc"

// sizes gives the bytes of blocks and remembers must classes.
type sizes struct {
	p    *malloc.Program
	root []int     // per buffer: the representative of its must class
	most [][]int64 // per tier and root: the class's largest block
}

func newSizes(p *malloc.Program) *sizes {
	s := &sizes{p: p, root: classRoots(p), most: make([][]int64, len(p.Tiers))}
	for tier := range p.Tiers {
		s.most[tier] = make([]int64, len(p.Buffers))
		for b := range p.Buffers {
			r := s.root[b]
			s.most[tier][r] = max(s.most[tier][r], blockBytes(p, b, tier))
		}
	}
	return s
}

// block is what a block of buf takes in a tier.
func (s *sizes) block(buf, tier int) int64 { return s.most[tier][s.root[buf]] }

// of is what a block of a plan occupies.
func (s *sizes) of(b malloc.Block) int64 {
	if b.Buf == malloc.ScratchBuf {
		return scratchBytes(s.p, b.Start, b.Tier)
	}
	return s.block(b.Buf, b.Tier)
}

// classRoots joins the members of must classes and carried pairs; each buffer
// gets the lowest index of its class.
func classRoots(p *malloc.Program) []int {
	root := make([]int, len(p.Buffers))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	join := func(a, b int) {
		a, b = find(a), find(b)
		root[max(a, b)] = min(a, b)
	}
	for _, a := range p.Aliases {
		if a.Kind == "must" {
			for _, b := range a.Buffers[1:] {
				join(a.Buffers[0], b)
			}
		}
	}
	for _, l := range p.Loops {
		for _, c := range l.Carried {
			join(c[0], c[1])
		}
	}
	for i := range root {
		root[i] = find(i)
	}
	return root
}

// homes says when the home blocks of one limited tier are live (game.md rule 1).
type homes struct {
	root   []int
	change []int64 // [T+1] bytes that begin (or, negative, end) at an instruction
}

func newHomes(p *malloc.Program, tier int) *homes {
	s := newSizes(p)
	h := &homes{root: s.root, change: make([]int64, len(p.Instructions)+1)}
	n := len(p.Instructions)
	first, last := make([]int, len(p.Buffers)), make([]int, len(p.Buffers))
	for b := range p.Buffers {
		first[b], last[b] = n, -1
	}
	loop := p.PeriodicLoop()
	touch := func(b, t int) {
		first[b], last[b] = min(first[b], t), max(last[b], t)
	}
	for t := range p.Instructions {
		for _, o := range p.Instructions[t].Reads {
			touch(o.Buf, t)
		}
		for _, o := range p.Instructions[t].Writes {
			touch(o.Buf, t)
		}
	}
	// Members of one class share a place: their bytes count while any is live.
	live := map[int][][2]int{}
	var order []int
	for b := range p.Buffers {
		if p.Buffers[b].Home != tier || last[b] < 0 {
			continue
		}
		start, end := first[b], last[b]+1
		if p.Buffers[b].Kind == malloc.KindParam {
			start = 0
		}
		if p.Buffers[b].End == malloc.EndOut {
			end = n
		}
		if loop != nil && start < loop.End && end > loop.Begin && (start < loop.Begin || end > loop.End) {
			start, end = min(start, loop.Begin), max(end, loop.End)
		}
		r := s.root[b]
		if _, ok := live[r]; !ok {
			order = append(order, r)
		}
		live[r] = append(live[r], [2]int{start, end})
	}
	for _, r := range order {
		z := s.most[tier][r]
		for _, iv := range union(live[r]) {
			h.change[iv[0]] += z
			h.change[iv[1]] -= z
		}
	}
	return h
}

// union merges overlapping intervals.
func union(list [][2]int) [][2]int {
	if len(list) < 2 {
		return list
	}
	var out [][2]int
	for len(list) > 0 {
		k := 0
		for i := range list {
			if list[i][0] < list[k][0] {
				k = i
			}
		}
		iv := list[k]
		list = append(list[:k:k], list[k+1:]...)
		if n := len(out); n > 0 && iv[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], iv[1])
		} else {
			out = append(out, iv)
		}
	}
	return out
}
