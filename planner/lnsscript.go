package planner

import (
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// script is a game written down as wishes: in which order buffers are decided,
// what each touch wants, and on which executor each instruction runs. Any script
// can be played: where a wish is not legal the nearest legal move is.
type script struct {
	items []item          // the body's first, then those of the straight parts
	wish  []malloc.Action // per touch, see scriptWalk.touchFrom
	run   []int           // per instruction: the executor
}

// item is a buffer's turn in one part of the game.
type item struct {
	buf  int32
	body bool
}

func (s *script) assign(from *script) {
	s.items = append(s.items[:0], from.items...)
	s.wish = append(s.wish[:0], from.wish...)
	s.run = append(s.run[:0], from.run...)
}

// scriptWalk holds a plan as a script of the mallocGame. One game is kept at the
// script played last; another one is played from their first difference on.
type scriptWalk struct {
	a     *attempt
	p     *malloc.Program
	guide *guide
	game  *malloc.Game

	touchFrom []int32            // [buffers+1] into touches and script.wish
	touches   []malloc.TouchInfo // as at the start of the game
	at        [][]int32          // per instruction: buffers with a touch there
	roles     [][]int32          // buffers of one role in the repeated parts
	role      []int32
	tiers     [][]int // per buffer: limited tiers other than home that engines join to it
	groups    [][]int // instructions of one group that have a choice of executor

	now, next script
	changed   []int32 // the buffers that the proposal destroyed
	taken     []bool  // per buffer: in changed

	played script // what the game holds: played.items[:len(marks)]
	marks  []malloc.Mark
	start  malloc.Mark
}

// newScriptWalk returns an *malloc.InfeasibleError (wrapped or not) where the
// game refuses the instance.
func newScriptWalk(a *attempt, base *malloc.Plan) (*scriptWalk, error) {
	p := a.p.Program
	g, err := malloc.NewGame(p, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, err
	}
	n := len(p.Buffers)
	w := &scriptWalk{a: a, p: p, game: g, guide: newGuide(p, base), start: g.Mark(),
		touchFrom: make([]int32, n+1), at: make([][]int32, len(p.Instructions)), role: make([]int32, n), tiers: make([][]int, n),
		taken: make([]bool, n)}
	roles := map[string]int32{}
	for b := range n {
		w.touches = append(w.touches, g.Touches(b)...)
		w.touchFrom[b+1] = int32(len(w.touches))
		for _, t := range w.touches[w.touchFrom[b]:] {
			w.at[t.Instr] = append(w.at[t.Instr], int32(b))
		}
		name := roleName(p.Buffers[b].Name)
		k, ok := roles[name]
		if !ok {
			k = int32(len(w.roles))
			roles[name] = k
			w.roles = append(w.roles, nil)
		}
		w.roles[k] = append(w.roles[k], int32(b))
		w.role[b] = k
		for t := range p.Tiers {
			if t != p.Buffers[b].Home && p.Tiers[t].Capacity != malloc.Unlimited && joined(p, p.Buffers[b].Home, t) {
				w.tiers[b] = append(w.tiers[b], t)
			}
		}
	}
	groups := map[string]int{}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		if len(in.RunsOn) < 2 {
			continue
		}
		k, ok := groups[in.Group]
		if !ok || in.Group == "" {
			k = len(w.groups)
			groups[in.Group] = k
			w.groups = append(w.groups, nil)
		}
		w.groups[k] = append(w.groups[k], t)
	}
	return w, nil
}

func (w *scriptWalk) adopt(plan *malloc.Plan) *malloc.Plan {
	w.now = w.write(plan)
	return w.play(&w.now)
}

func (w *scriptWalk) settle(accepted bool) {
	if accepted {
		w.now, w.next = w.next, w.now
	}
}

// write notes down what a plan does.
func (w *scriptWalk) write(plan *malloc.Plan) script {
	p := w.p
	s := script{wish: make([]malloc.Action, len(w.touches)), run: executorsOf(p, plan)}
	begin, end := len(p.Instructions), len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end = l.Begin, l.End
	}
	length := end - begin
	blocks := make([][]int, len(p.Buffers))
	for i, b := range plan.Blocks {
		if b.Buf >= 0 && p.Buffers[b.Buf].Home != b.Tier {
			blocks[b.Buf] = append(blocks[b.Buf], i)
		}
	}
	filled := make([]int, len(plan.Blocks)) // the copy that fills a block, + 1
	for i, c := range plan.Copies {
		if p.Engines[c.Engine].To == plan.Blocks[c.Block].Tier {
			filled[c.Block] = i + 1
		}
	}
	staying := make([]bool, len(p.Buffers))
	for b := range p.Buffers {
		for i := w.touchFrom[b]; i < w.touchFrom[b+1]; i++ {
			t := w.touches[i].Instr
			s.wish[i] = malloc.Action{Kind: malloc.Drop}
			for _, k := range blocks[b] {
				x := &plan.Blocks[k]
				around := w.touches[i].Body && x.Start >= begin && t < x.Start
				if around {
					t += length
				}
				if x.Start <= t && t < x.End {
					s.wish[i] = malloc.Action{Kind: malloc.NoCopy, Tier: x.Tier}
					if c := filled[k]; c > 0 {
						c := &plan.Copies[c-1]
						if c.Start == t && x.End == x.Start+1 && !w.reaches(s.run[w.touches[i].Instr], p.Buffers[b].Home) {
							s.wish[i] = malloc.Action{Kind: malloc.Drop} // a demand copy
						} else if c.Before == t {
							s.wish[i] = malloc.Action{Kind: malloc.CopyIn, Tier: x.Tier, Back: t - c.Start}
						}
					}
					staying[b] = staying[b] || x.End-x.Start > 1
					break
				}
				if around {
					t -= length
				}
			}
		}
	}
	// First what stays, by worth, then by time: as the guide ranks.
	first := func(it item) int {
		for i := w.touchFrom[it.buf]; i < w.touchFrom[it.buf+1]; i++ {
			if w.touches[i].Body == it.body {
				return w.touches[i].Instr
			}
		}
		return -1
	}
	for _, body := range []bool{true, false} {
		from := len(s.items)
		for b := range p.Buffers {
			if it := (item{int32(b), body}); first(it) >= 0 {
				s.items = append(s.items, it)
			}
		}
		worth := func(it item) float64 {
			if body && w.resident(&s, int(it.buf)) || !body && length == 0 && staying[it.buf] {
				return 1 + w.guide.worth[it.buf]
			}
			return 0
		}
		slices.SortStableFunc(s.items[from:], func(a, b item) int {
			if x, y := worth(a), worth(b); x != y {
				if x > y {
					return -1
				}
				return 1
			}
			return first(a) - first(b)
		})
	}
	return s
}

// reaches says whether an executor reads a tier.
func (w *scriptWalk) reaches(executor, tier int) bool {
	if len(w.p.Executors) == 0 {
		return true
	}
	for _, a := range w.p.Executors[executor].Access {
		if a.Tier == tier && a.ReadBW > 0 {
			return true
		}
	}
	return false
}

// resident says whether a script wishes a buffer to stay for all of the body.
func (w *scriptWalk) resident(s *script, b int) bool {
	any, tier := false, -1
	for i := w.touchFrom[b]; i < w.touchFrom[b+1]; i++ {
		if !w.touches[i].Body {
			continue
		}
		if s.wish[i].Kind != malloc.NoCopy || any && s.wish[i].Tier != tier {
			return false
		}
		any, tier = true, s.wish[i].Tier
	}
	return any
}

// play moves the game to a script and returns its plan; nil when nobody waits for
// it any more, or the game has come to an end without one.
func (w *scriptWalk) play(s *script) *malloc.Plan {
	same := 0
	if slices.Equal(w.played.run, s.run) {
		for same < len(w.marks) && same < len(s.items) && w.played.items[same] == s.items[same] && w.sameWishes(s, s.items[same]) {
			same++
		}
	}
	if same < len(w.marks) {
		w.game.Rewind(w.marks[same])
	} else if len(w.marks) == 0 {
		w.game.Rewind(w.start)
	}
	w.marks = w.marks[:same]
	w.played.assign(s)
	g := w.game
	backups := g.Backups()
	for _, it := range s.items[same:] {
		if len(w.marks)%16 == 0 && w.a.late() {
			w.forget()
			return nil
		}
		w.marks = append(w.marks, g.Mark())
		if !w.turn(s, it) {
			w.forget()
			return nil
		}
	}
	for !g.Done() { // executors of a part without touches
		if !w.move(malloc.Action{Kind: malloc.Drop}) {
			w.forget()
			return nil
		}
	}
	plan := g.Plan()
	if g.Backups() != backups { // a drop-backup replays from before the marks
		w.forget()
	}
	return plan
}

// forget makes the next play begin at the start of the game.
func (w *scriptWalk) forget() { w.marks = w.marks[:0] }

func (w *scriptWalk) sameWishes(s *script, it item) bool {
	lo, hi := w.touchFrom[it.buf], w.touchFrom[it.buf+1]
	return slices.Equal(w.played.wish[lo:hi], s.wish[lo:hi])
}

// turn plays one buffer's touches of a part.
func (w *scriptWalk) turn(s *script, it item) bool {
	g := w.game
	for !g.Done() && g.Next().RunOn {
		d := g.Next()
		a := malloc.Action{Kind: malloc.RunOn, Executor: s.run[d.Instr]}
		if !g.Legal(a) {
			legal := g.Actions(nil)
			if len(legal) == 0 {
				return false
			}
			a = legal[0]
		}
		if _, err := g.Step(a); err != nil {
			return false
		}
	}
	if g.Done() || g.InBody() != it.body {
		return true // forced by others
	}
	b := int(it.buf)
	lo := w.touchFrom[b]
	if it.body && w.resident(s, b) && w.p.Buffers[b].Select == nil {
		for i := lo; i < w.touchFrom[b+1]; i++ {
			if w.touches[i].Body {
				if g.Resident(b, s.wish[i].Tier) {
					return true
				}
				break
			}
		}
	}
	if g.Choose(b) != nil {
		return true // forced by its class
	}
	for !g.Done() && g.InBody() == it.body {
		d := g.Next()
		if d.RunOn || d.Buf != b {
			break
		}
		if !w.move(s.wish[lo+int32(d.Touch)]) {
			return false
		}
	}
	return true
}

// move plays a wish or the legal move nearest to it.
func (w *scriptWalk) move(wish malloc.Action) bool {
	g := w.game
	if wish.Kind == malloc.NoCopy {
		wish.Back = -1
	}
	try := [...]malloc.Action{wish,
		{Kind: malloc.CopyIn, Tier: wish.Tier, Lead: 1, Back: -1},
		{Kind: malloc.CopyIn, Tier: wish.Tier, Back: 0},
		{Kind: malloc.Drop}}
	list := try[:]
	if wish.Kind == malloc.Drop {
		list = try[3:]
	}
	for _, a := range list {
		if g.Legal(a) {
			_, err := g.Step(a)
			return err == nil
		}
	}
	a := malloc.Action{Kind: malloc.Drop}
	if legal := g.Actions(nil); len(legal) > 0 {
		a = legal[0]
	}
	_, err := g.Step(a) // a dead end backs the class up
	return err == nil
}

func (w *scriptWalk) propose(op int, rng *rand.Rand) *malloc.Plan {
	w.next.assign(&w.now)
	for _, b := range w.changed {
		w.taken[b] = false
	}
	w.changed = w.changed[:0]
	if !w.destroy(op, rng) {
		return nil
	}
	return w.play(&w.next)
}
