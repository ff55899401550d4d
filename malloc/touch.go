package malloc

import (
	"fmt"
	"sort"
	"strconv"
)

// picos is how many integer time units the game books per second: rooms and
// bookings are whole picoseconds, so that booking and releasing commute exactly.
const picos = 1e12

// touch is one decision about a buffer at one instruction (rule 1): its reads
// and writes there are decided together.
type touch struct {
	buf, instr int32
	order      int32 // operand order within the instruction, reads before writes
	pin        int32 // tier the operand is fixed to, or -1
	def        bool  // the buffer's first write (never for a param or a carried pair)
	first      bool  // no touch of the buffer comes before
	fresh      bool  // some buffer's first write: what was written before no longer counts
	read       bool
	write      bool
	readBytes  int64
	writeBytes int64
}

// span is a half-open range of instruction indexes.
type span struct{ s, e int }

// hop is a way from one tier to another: engine first, or two engines through
// the tier via. first < 0: none.
type hop struct{ first, second, via int }

type scratchNeed struct {
	tier  int32
	bytes int64
}

// board holds what no move changes: touches, sizes, reach, rooms. It is shared
// by all clones of a game.
type board struct {
	p       *Program
	canon   []int32 // [nb] carried pairs are one buffer on the circle: the lowest of them
	carried []bool  // [nb] of a carried pair
	nt, ne  int     // tiers, engines
	nb, T   int     // buffers, instructions
	B, E, L int     // the periodic body [B, E) of length L; B = E = T without one
	trip    int64

	touches []touch // buffer-major, by time within a buffer
	first   []int32 // [nb+1] touches of buffer b are first[b]..first[b+1]-1
	bodyLo  []int32 // [nb] those of the body are bodyLo[b]..bodyHi[b]-1
	bodyHi  []int32
	atInstr []int32 // touches by instruction, operand order
	atFirst []int32 // [T+1]
	argOf   []int32 // touch of every operand: reads then writes of instruction 0, 1, …
	argBase []int32 // [T+1]

	data  []int64 // [nb] bytes, or the aligned extent around them at home
	size  []int64 // [nb*nt] bytes a block takes (rule 1)
	align []int64 // [nb*nt] what its offset is a multiple of
	class []int32 // [nb] must class, or -1
	group []int32 // [nb] what a drop-backup drops together
	may   []int32 // [nb] may class, or -1
	// members of each must class
	members [][]int32
	mays    int
	groups  int

	written []bool // [nb]
	out     []bool
	param   []bool

	scratch      []scratchNeed
	scratchFirst []int32

	runsOn    [][]RunsOn // [T]
	execs     []Executor
	readBW    []float64 // [exec*nt] 0: not reachable
	writeBW   []float64
	allFast   [][]float64 // [T][choice] seconds
	rho       float64     // of the body
	rhoPre    float64
	rhoPost   float64
	path      []hop // [from*nt+to]
	hops      bool  // some path takes two engines
	unreached []bool
	segLo     []int32 // [T+1] copies at that time start no earlier: loop bounds cut the straight parts
	plain     []span  // loops that are not periodic
	// loop that is not periodic around a time: what lives there all the same every
	// iteration; loopLo -1 outside of one
	loopLo, loopHi []int32

	bodySeq, straightSeq []int32 // touches in program order
}

func roundUp(n, a int64) int64 {
	if a <= 1 {
		return n
	}
	return (n + a - 1) / a * a
}

// newBoard derives the tables; it trusts that p passed validation only as far
// as indexes go, which it checks itself.
func newBoard(p *Program) (*board, error) {
	b := &board{p: p, nt: len(p.Tiers), ne: len(p.Engines), nb: len(p.Buffers), T: len(p.Instructions)}
	b.B, b.E = b.T, b.T
	if l := p.PeriodicLoop(); l != nil && l.Trip > 0 {
		if l.Begin < 0 || l.Begin >= l.End || l.End > b.T {
			return nil, fmt.Errorf("malloc: periodic loop [%d,%d) does not lie in the schedule of %d instructions", l.Begin, l.End, b.T)
		}
		b.B, b.E, b.trip = l.Begin, l.End, l.Trip
	}
	b.L = b.E - b.B
	if err := b.readCarried(); err != nil {
		return nil, err
	}
	if err := b.readOperands(); err != nil {
		return nil, err
	}
	if err := b.readClasses(); err != nil {
		return nil, err
	}
	if err := b.readExecutors(); err != nil {
		return nil, err
	}
	b.readSizes()
	b.readPaths()
	if err := b.readScratch(); err != nil {
		return nil, err
	}
	b.readSegments()
	b.readRooms()
	b.readOrder()
	return b, nil
}

// readCarried finds the buffers that carried pairs make one.
func (b *board) readCarried() error {
	b.canon = make([]int32, b.nb)
	b.carried = make([]bool, b.nb)
	for i := range b.canon {
		b.canon[i] = int32(i)
	}
	for _, l := range b.p.Loops {
		for _, c := range l.Carried {
			if c[0] < 0 || c[0] >= b.nb || c[1] < 0 || c[1] >= b.nb {
				return fmt.Errorf("malloc: carried pair (%d,%d) of %d buffers", c[0], c[1], b.nb)
			}
			x, y := b.canon[c[0]], b.canon[c[1]]
			for i := range b.canon {
				if b.canon[i] == max(x, y) {
					b.canon[i] = min(x, y)
				}
			}
			b.carried[c[0]], b.carried[c[1]] = true, true
		}
	}
	for i := range b.canon {
		b.carried[b.canon[i]] = b.carried[b.canon[i]] || b.carried[i]
	}
	return nil
}

func (b *board) readOperands() error {
	p := b.p
	for i := range p.Engines {
		e := &p.Engines[i]
		if e.From < 0 || e.From >= b.nt || e.To < 0 || e.To >= b.nt {
			return fmt.Errorf("malloc: engine %d joins tiers %d and %d of %d", i, e.From, e.To, b.nt)
		}
	}
	b.written = make([]bool, b.nb)
	b.out = make([]bool, b.nb)
	b.param = make([]bool, b.nb)
	for i := range p.Buffers {
		f := &p.Buffers[i]
		if f.Home < 0 || f.Home >= b.nt {
			return fmt.Errorf("malloc: buffer %d (%s): home tier %d of %d", i, f.Name, f.Home, b.nt)
		}
		b.out[b.canon[i]] = b.out[b.canon[i]] || f.End == EndOut
		b.param[i] = f.Kind == KindParam || f.Select != nil
	}
	firstWrite := make([]bool, b.nb)
	var all []touch
	seen := make([]int32, b.nb) // index+1 into all of the buffer's latest touch
	b.argBase = make([]int32, b.T+1)
	var args []int32
	for t := range p.Instructions {
		in := &p.Instructions[t]
		b.argBase[t] = int32(len(args))
		op := func(o Operand, write bool, order int) error {
			if o.Buf < 0 || o.Buf >= b.nb {
				return fmt.Errorf("malloc: instruction %d (%s): operand names buffer %d of %d", t, in.Name, o.Buf, b.nb)
			}
			buf := b.canon[o.Buf]
			i := seen[buf] - 1
			if i < 0 || int(all[i].instr) != t {
				i = int32(len(all))
				all = append(all, touch{buf: buf, instr: int32(t), order: int32(order), pin: -1, first: seen[buf] == 0})
				seen[buf] = i + 1
			}
			if write {
				all[i].write = true
				all[i].writeBytes += o.Bytes
				if !firstWrite[o.Buf] && !b.param[o.Buf] {
					all[i].fresh = true
					all[i].def = !b.carried[buf] || !all[i].read && all[i].first
				}
				firstWrite[o.Buf] = true
				b.written[buf] = true
			} else {
				all[i].read = true
				all[i].readBytes += o.Bytes
			}
			args = append(args, i)
			return nil
		}
		for k, o := range in.Reads {
			if err := op(o, false, k); err != nil {
				return err
			}
		}
		for k, o := range in.Writes {
			if err := op(o, true, len(in.Reads)+k); err != nil {
				return err
			}
		}
		for _, f := range in.Fixed {
			if len(f.Arg) < 2 || (f.Arg[0] != 'r' && f.Arg[0] != 'w') {
				return fmt.Errorf("malloc: instruction %d (%s): fixed arg %q is not r0, r1, … or w0, w1, …", t, in.Name, f.Arg)
			}
			k, err := strconv.Atoi(f.Arg[1:])
			n := len(in.Reads)
			if f.Arg[0] == 'w' {
				n = len(in.Writes)
			}
			if err != nil || k < 0 || k >= n || f.Tier < 0 || f.Tier >= b.nt {
				return fmt.Errorf("malloc: instruction %d (%s): fixed %q to tier %d names no operand or tier", t, in.Name, f.Arg, f.Tier)
			}
			if f.Arg[0] == 'w' {
				k += len(in.Reads)
			}
			all[args[int(b.argBase[t])+k]].pin = int32(f.Tier)
		}
	}
	b.argBase[b.T] = int32(len(args))
	// buffer-major order
	perm := make([]int32, len(all))
	for i := range perm {
		perm[i] = int32(i)
	}
	sort.SliceStable(perm, func(i, j int) bool { return all[perm[i]].buf < all[perm[j]].buf })
	inv := make([]int32, len(all))
	b.touches = make([]touch, len(all))
	b.first = make([]int32, b.nb+1)
	for i, o := range perm {
		b.touches[i] = all[o]
		inv[o] = int32(i)
		b.first[all[o].buf+1]++
	}
	for i := 0; i < b.nb; i++ {
		b.first[i+1] += b.first[i]
	}
	for i := range args {
		args[i] = inv[args[i]]
	}
	b.argOf = args
	b.bodyLo = make([]int32, b.nb)
	b.bodyHi = make([]int32, b.nb)
	for i := 0; i < b.nb; i++ {
		lo := b.first[i]
		for lo < b.first[i+1] && int(b.touches[lo].instr) < b.B {
			lo++
		}
		hi := lo
		for hi < b.first[i+1] && int(b.touches[hi].instr) < b.E {
			hi++
		}
		b.bodyLo[i], b.bodyHi[i] = lo, hi
	}
	b.atFirst = make([]int32, b.T+1)
	for i := range all {
		b.atFirst[all[i].instr+1]++
	}
	for t := 0; t < b.T; t++ {
		b.atFirst[t+1] += b.atFirst[t]
	}
	b.atInstr = make([]int32, len(all)) // all is in instruction, then operand order
	for i := range all {
		b.atInstr[i] = inv[i]
	}
	return nil
}

func (b *board) readClasses() error {
	p := b.p
	b.class = make([]int32, b.nb)
	b.may = make([]int32, b.nb)
	for i := range b.class {
		b.class[i], b.may[i] = -1, -1
	}
	for _, a := range p.Aliases {
		for _, x := range a.Buffers {
			if x < 0 || x >= b.nb {
				return fmt.Errorf("malloc: alias class %q names buffer %d of %d", a.Class, x, b.nb)
			}
		}
		if a.Kind == "may" {
			for _, x := range a.Buffers {
				b.may[x] = int32(b.mays)
			}
			b.mays++
			continue
		}
		b.join(a.Buffers)
	}
	// compact class numbers
	var members [][]int32
	for _, m := range b.members {
		if len(m) < 2 {
			for _, x := range m {
				b.class[x] = -1
			}
			continue
		}
		for _, x := range m {
			b.class[x] = int32(len(members))
		}
		members = append(members, m)
	}
	b.members = members
	b.group = make([]int32, b.nb)
	b.groups = len(members)
	for i := range b.group {
		if c := b.class[i]; c >= 0 {
			b.group[i] = c
		} else {
			b.group[i] = int32(b.groups)
			b.groups++
		}
	}
	return nil
}

// join merges the must classes of all buffers in list.
func (b *board) join(list []int) {
	into := int32(-1)
	for _, y := range list {
		x := int(b.canon[y])
		c := b.class[x]
		switch {
		case into >= 0 && c == into:
		case into < 0 && c >= 0:
			into = c
		case into < 0:
			into = int32(len(b.members))
			b.members = append(b.members, []int32{int32(x)})
			b.class[x] = into
		case c < 0:
			b.members[into] = append(b.members[into], int32(x))
			b.class[x] = into
		case c != into:
			for _, y := range b.members[c] {
				b.class[y] = into
			}
			b.members[into] = append(b.members[into], b.members[c]...)
			b.members[c] = nil
		}
	}
}

func (b *board) readOrder() {
	for t := 0; t < b.T; t++ {
		for k := b.atFirst[t]; k < b.atFirst[t+1]; k++ {
			if t >= b.B && t < b.E {
				b.bodySeq = append(b.bodySeq, b.atInstr[k])
			} else {
				b.straightSeq = append(b.straightSeq, b.atInstr[k])
			}
		}
	}
}

func (b *board) inBody(t int) bool { return t >= b.B && t < b.E }
