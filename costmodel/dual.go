package costmodel

import "math"

// dual holds prices for a relaxation, and the subgradient at them.
type dual struct {
	r *relaxation

	// discount is the share of passes that do without the copies started a round
	// before: 1/trip for the mean of a loop whose first iteration finds them done.
	discount float64

	room, memory, link []float64 // λ_t in seconds a byte, m_t, u_t
	kept               [3][]float64
	bestS              float64 // the dual function at kept
	gRoom, gMem, gLink []float64
	scale              float64 // of room: its price where one second buys the link's bytes for all of a pass

	sum  []float64 // Σ λ before instruction t, over two rounds on a circle
	save float64   // the most a second of copying can save: max 1 - u_t
	fast []step    // per use of a candidate: how it became fast

	allowed []Ways // per use; nil: all

	origin, state []int8 // scratch of the dynamic program
}

// step is how a touch is reached: from is the copy's first instruction.
type step struct {
	cost float64
	from int
}

func newDual(r *relaxation, discount float64) *dual {
	d := &dual{r: r, discount: discount}
	for _, a := range []*[]float64{&d.room, &d.memory, &d.link, &d.kept[0], &d.kept[1], &d.kept[2], &d.gRoom, &d.gMem, &d.gLink} {
		*a = make([]float64, r.n)
	}
	d.sum = make([]float64, 2*r.n+1)
	most := 0
	for _, c := range r.cands {
		most = max(most, c.to-c.from)
	}
	d.fast = make([]step, most)
	for _, a := range []*[]int8{&d.origin, &d.state} {
		*a = make([]int8, 2*most+2)
	}
	d.scale = r.copyS / float64(r.n)
	return d
}

// startLink sets the prices of periodic/1: room costs over a whole pass what the
// copy of its bytes takes. It suits executors that do not reach home.
func (d *dual) startLink() {
	for t := range d.room {
		if !d.r.freed[t] {
			d.room[t] = d.scale
			d.link[t] = 1
		}
	}
}

// startMemory prices each instruction's memory time, and room nothing: the time with
// every operand in fast memory. It suits executors that reach home. Room is scaled
// by what a byte saves while it is held.
func (d *dual) startMemory() {
	for t := range d.memory {
		if !d.r.freed[t] {
			d.memory[t] = 1
		}
	}
	saved, held := 0.0, 0.0
	for _, c := range d.r.cands {
		for _, u := range d.r.uses[c.from:c.to] {
			if u.slowS < math.Inf(1) {
				saved += u.slowS - u.fastS
			}
		}
		held += c.blockB * float64(d.r.uses[c.to-1].instr-d.r.uses[c.from].instr+1)
	}
	if saved > 0 && held > 0 {
		d.scale = saved / held
	}
}

func (d *dual) keep() {
	copy(d.kept[0], d.room)
	copy(d.kept[1], d.memory)
	copy(d.kept[2], d.link)
}

func (d *dual) restore() {
	copy(d.room, d.kept[0])
	copy(d.memory, d.kept[1])
	copy(d.link, d.kept[2])
}

// evaluate returns the dual function: the instructions' own times, what candidates
// cost, less the price of all room. It fills the subgradient.
func (d *dual) evaluate() float64 {
	r := d.r
	value := 0.0
	d.save = 0
	for t := range r.n {
		d.save = max(d.save, 1-d.link[t])
		value += (1-d.memory[t]-d.link[t])*r.computeS[t] + d.memory[t]*r.memoryS[t]
		value -= d.room[t] * r.roomB[t]
		d.gRoom[t] = -r.roomB[t]
		d.gMem[t] = r.memoryS[t] - r.computeS[t]
		d.gLink[t] = -r.computeS[t]
	}
	for t := range 2 * r.n {
		d.sum[t+1] = d.sum[t] + d.room[t%r.n]
	}
	for i := range r.cands {
		value += d.candidate(&r.cands[i])
	}
	return value
}

// copied is the cheapest way to have a candidate in fast memory at instruction t
// by a copy: its room from the start until t, and its seconds on the link, of which
// those during runs cost u_k, at most mostS of them each.
func (d *dual) copied(c *candidate, t int) step {
	r := d.r
	// On a circle instruction t of the second round has a whole round before it.
	end, low := t, 0
	if r.circular {
		end, low = t+r.n, t+1
	}
	best := step{c.copiedS + c.blockB*(d.sum[end+1]-d.sum[end]), end}
	saved, limit := 0.0, d.save*c.copiedS
	least := (c.copiedS - limit) * (1 - d.discount)
	for k := end - 1; k >= low; k-- {
		room := c.blockB * (d.sum[end+1] - d.sum[k])
		if saved += (1 - d.link[k%r.n]) * r.mostS[k%r.n]; saved > limit || math.IsNaN(saved) {
			saved = limit
		}
		cost := c.copiedS - saved
		if k < r.n {
			cost *= 1 - d.discount
		}
		if cost += room; cost < best.cost {
			best = step{cost, k}
		}
		if saved >= limit && (d.discount == 0 || k < r.n) || room+least >= best.cost {
			break
		}
	}
	return best
}

// charge adds a chosen copy to the subgradient.
func (d *dual) charge(c *candidate, t int, s step) {
	r := d.r
	end := t
	if r.circular {
		end = t + r.n
	}
	for k := s.from; k <= end; k++ {
		d.gRoom[k%r.n] += c.blockB
	}
	left, times := c.copiedS, 1.0
	if r.circular && s.from < r.n {
		times -= d.discount
	}
	for k := end - 1; k >= s.from && left > 0; k-- {
		moved := min(left, r.mostS[k%r.n])
		d.gLink[k%r.n] += moved * times
		left -= moved
	}
}

// Ways to reach a touch.
const (
	waySlow  = iota // at home
	wayNew          // copied or made
	wayStays        // since the touch before
)

// candidate is the least cost of one buffer at the present prices, by dynamic
// programming over its touches; the choice goes into the subgradient.
func (d *dual) candidate(c *candidate) float64 {
	r := d.r
	uses := r.uses[c.from:c.to]
	n := len(uses)
	own := func(u *candidateUse) (fast, slow float64) {
		m := d.memory[u.instr]
		fast, slow = u.fastS, u.slowS
		if slow < math.Inf(1) {
			slow = m*slow + d.link[u.instr]*u.readB*r.demand
		}
		if fast < math.Inf(1) {
			fast *= m
		}
		return fast, slow
	}
	for i := range uses {
		u := &uses[i]
		switch {
		case u.freeCopy:
			d.fast[i] = step{0, -1}
		case u.def:
			d.fast[i] = step{c.blockB * d.room[u.instr], -1}
		default:
			d.fast[i] = d.copied(c, u.instr)
		}
	}
	stay := func(i int) float64 { // from touch i-1 to touch i, around for i = 0
		to := uses[i].instr
		if i > 0 {
			return c.blockB * (d.sum[to+1] - d.sum[uses[i-1].instr+1])
		}
		return c.blockB * (d.sum[to+r.n+1] - d.sum[uses[n-1].instr+1])
	}
	inf := math.Inf(1)
	may := func(i int, w Ways) bool { return d.allowed == nil || d.allowed[c.from+i]&w != 0 }
	// way[2i+state] says how state (0 slow, 1 fast) of touch i is best reached, and
	// from[2i+state] from which state of touch i-1.
	way, from := d.state, d.origin
	pass := func(held bool) (cost float64, end int) {
		slow, fast := inf, inf // of the touch before
		for i := range uses {
			ownFast, ownSlow := own(&uses[i])
			before, best := min(slow, fast), int8(0)
			if fast < slow {
				best = 1
			}
			if i == 0 {
				before = 0
			}
			s, f := before+ownSlow, before+d.fast[i].cost+ownFast
			if !may(i, Slow) {
				s = inf
			}
			if !may(i, New) {
				f = inf
			}
			way[2*i], from[2*i] = waySlow, best
			way[2*i+1], from[2*i+1] = wayNew, best
			if i == 0 && held {
				if s, f = inf, stay(0)+ownFast; !may(i, Stay) {
					f = inf
				}
				way[1] = wayStays
			} else if i > 0 && may(i, Stay) {
				if k := fast + stay(i) + ownFast; k < f {
					f = k
					way[2*i+1], from[2*i+1] = wayStays, 1
				}
			}
			slow, fast = s, f
		}
		if held || fast < slow {
			return fast, 1
		}
		return slow, 0
	}
	cost, end := pass(false)
	if r.circular && !c.defined {
		if around, _ := pass(true); around < cost {
			cost, end = around, 1
		} else {
			_, end = pass(false)
		}
	}
	if math.IsInf(cost, 1) {
		return 0 // nothing reaches it: no bound from this candidate
	}
	for i, state := n-1, end; i >= 0; i-- {
		u := &uses[i]
		t := u.instr
		switch way[2*i+state] {
		case waySlow:
			d.gMem[t] += u.slowS
			d.gLink[t] += u.readB * r.demand
		case wayNew:
			d.gMem[t] += u.fastS
			if u.def {
				d.gRoom[t] += c.blockB
			} else if !u.freeCopy {
				d.charge(c, t, d.fast[i])
			}
		case wayStays:
			d.gMem[t] += u.fastS
			begin := 0
			if i > 0 {
				begin = uses[i-1].instr + 1
			} else {
				begin = uses[n-1].instr + 1 - r.n
			}
			for k := begin; k <= t; k++ {
				d.gRoom[(k+r.n)%r.n] += c.blockB
			}
		}
		state = int(from[2*i+state])
	}
	return cost
}

// ascend moves the prices along the subgradient so that a linear function would
// gain aim seconds. It returns false at a maximum.
func (d *dual) ascend(aim float64) bool {
	norm := 0.0
	for t := range d.room {
		if d.r.freed[t] {
			continue
		}
		if g := d.gRoom[t] * d.scale; d.room[t] > 0 || g > 0 {
			norm += g * g
		}
		m, u := d.open(t)
		norm += m*m + u*u
	}
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return false
	}
	k := aim / norm
	for t := range d.room {
		if d.r.freed[t] {
			continue
		}
		d.room[t] = max(0, d.room[t]+k*d.gRoom[t]*d.scale*d.scale)
		d.memory[t], d.link[t] = simplex(d.memory[t]+k*d.gMem[t], d.link[t]+k*d.gLink[t])
	}
	return true
}

// open is the part of the subgradient of memory and link at t that the simplex
// does not block.
func (d *dual) open(t int) (memory, link float64) {
	size := max(math.Abs(d.gMem[t]), math.Abs(d.gLink[t]))
	if size == 0 {
		return 0, 0
	}
	step := 1e-3 / size
	m, u := simplex(d.memory[t]+step*d.gMem[t], d.link[t]+step*d.gLink[t])
	return (m - d.memory[t]) / step, (u - d.link[t]) / step
}

// simplex is the nearest point with x, y ≥ 0 and x + y ≤ 1.
func simplex(x, y float64) (float64, float64) {
	x, y = max(x, 0), max(y, 0)
	if x+y <= 1 {
		return x, y
	}
	over := (x + y - 1) / 2
	x, y = x-over, y-over
	if x < 0 {
		return 0, 1
	}
	if y < 0 {
		return 1, 0
	}
	return x, y
}
