package simulate

import (
	"fmt"
	"slices"

	"strata/malloc"
)

// touch marks the segment of instruction t as changed.
func (x *Incremental) touch(t int) {
	x.dirty[x.segOf[t]] = true
	x.stale = true
}

// SetSite moves an operand (reads first, then writes) of instruction t to a tier.
func (x *Incremental) SetSite(t, operand, tier int) error {
	s := &x.sim
	if t < 0 || t >= len(s.p.Instructions) || operand < 0 || operand >= int(s.operandFrom[t+1]-s.operandFrom[t]) || tier < 0 || tier >= s.tiers {
		return fmt.Errorf("simulate: no operand %d of instruction %d, or no tier %d", operand, t, tier)
	}
	at := int(s.operandFrom[t]) + operand
	was := s.siteTier[at]
	s.siteTier[at] = int32(tier)
	if err := x.retime(t); err != nil {
		s.siteTier[at] = was
		_ = x.retime(t) // it was valid before
		return err
	}
	x.edits = append(x.edits, edit{kind: editSite, at: t, operand: operand, value: was})
	x.touch(t)
	return nil
}

// SetRun runs instruction t on an executor it lists; its operands must be where
// that executor reaches them, so sites may have to change first or with it.
func (x *Incremental) SetRun(t, executor int) error {
	s := &x.sim
	if t < 0 || t >= len(s.p.Instructions) || !slices.ContainsFunc(s.p.Instructions[t].RunsOn, func(r malloc.RunsOn) bool { return r.Executor == executor }) {
		return fmt.Errorf("simulate: instruction %d does not run on executor %d", t, executor)
	}
	was := s.executor[t]
	x.placeRun(t, int32(executor))
	if err := x.retime(t); err != nil {
		x.placeRun(t, was)
		_ = x.retime(t)
		return err
	}
	x.edits = append(x.edits, edit{kind: editRun, at: t, value: was})
	x.touch(t)
	return nil
}

func (x *Incremental) placeRun(t int, executor int32) {
	s := &x.sim
	for _, r := range s.p.Instructions[t].RunsOn {
		if r.Executor == int(executor) {
			s.executor[t], s.computeS[t] = executor, r.ComputeS
		}
	}
}

// SetCopy replaces copy i, which keeps its place in plan order. Copies that follow
// another one, or are followed, keep buffer and engine.
func (x *Incremental) SetCopy(i int, c malloc.Copy) error {
	if i < 0 || i >= len(x.plan.Copies) || !x.live[i] {
		return fmt.Errorf("simulate: no copy %d", i)
	}
	was := x.plan.Copies[i]
	if c.After != was.After || (c.Buf != was.Buf || c.Engine != was.Engine) && x.chained(i) {
		return fmt.Errorf("simulate: copies[%d] is one of two hops: its buffer, engine and order stay", i)
	}
	if err := x.checkCopy(i, &c); err != nil {
		return err
	}
	x.unlink(i)
	x.plan.Copies[i] = c
	if err := x.link(i); err != nil {
		x.plan.Copies[i] = was
		_ = x.link(i)
		return err
	}
	x.edits = append(x.edits, edit{kind: editCopy, at: i, copy: was, live: true})
	return nil
}

// RemoveCopy takes copy i out of the plan.
func (x *Incremental) RemoveCopy(i int) error {
	if i < 0 || i >= len(x.plan.Copies) || !x.live[i] {
		return fmt.Errorf("simulate: no copy %d", i)
	}
	if x.chained(i) {
		return fmt.Errorf("simulate: copies[%d] is one of two hops", i)
	}
	x.unlink(i)
	x.live[i] = false
	x.edits = append(x.edits, edit{kind: editCopy, at: i, copy: x.plan.Copies[i], live: true})
	return nil
}

// AddCopy appends a copy to the plan's order and returns its index.
func (x *Incremental) AddCopy(c malloc.Copy) (int, error) {
	if c.After >= 0 {
		return 0, fmt.Errorf("simulate: a copy that is added follows no other one")
	}
	i := len(x.plan.Copies)
	if err := x.checkCopy(i, &c); err != nil {
		return 0, err
	}
	x.plan.Copies, x.live = append(x.plan.Copies, c), append(x.live, true)
	s := &x.sim
	for len(s.windows) <= i {
		s.windows, s.isBack = append(s.windows, window{}), append(s.isBack, false)
	}
	x.widenQueues()
	if err := x.link(i); err != nil {
		x.plan.Copies, x.live = x.plan.Copies[:i], x.live[:i]
		return 0, err
	}
	x.edits = append(x.edits, edit{kind: editAdd, at: i})
	return i, nil
}

func (x *Incremental) chained(i int) bool {
	if x.plan.Copies[i].After >= 0 {
		return true
	}
	return x.sim.hasAfter && slices.ContainsFunc(x.plan.Copies, func(c malloc.Copy) bool { return c.After == i })
}

func (x *Incremental) checkCopy(i int, c *malloc.Copy) error {
	s := &x.sim
	if c.Buf < 0 || c.Buf >= len(s.p.Buffers) || c.Engine < 0 || c.Engine >= len(s.engines) || c.Bytes < 0 || c.Bytes > malloc.MaxSizeBytes {
		return fmt.Errorf("simulate: copies[%d]: no buffer %d or engine %d, or %d bytes", i, c.Buf, c.Engine, c.Bytes)
	}
	if e := &s.engines[c.Engine]; e.requestBytes > 0 && float64(c.Bytes)/e.requestBytes > maxRequests {
		return fmt.Errorf("simulate: copies[%d]: %d bytes are more than %d requests", i, c.Bytes, maxRequests)
	}
	return nil
}

// link puts copy i's operations into their phases' lists.
func (x *Incremental) link(i int) error {
	if !x.live[i] {
		return nil
	}
	s := &x.sim
	s.plan = &x.plan
	c := &x.plan.Copies[i]
	if c.After < 0 && !x.chained(i) {
		s.isBack[i] = s.p.Engines[c.Engine].To == s.p.Buffers[c.Buf].Home
	}
	w, err := s.window(i)
	if err != nil {
		return err
	}
	x.moved[i] = true
	s.windows[i] = w
	x.insert(w.issueKey, int32(i)<<opShift|w.flags)
	x.insert(w.waitKey, int32(i)<<opShift|w.flags&opOnce|opWait)
	if w.openAtExit {
		s.exitWait = append(s.exitWait, int32(i))
	}
	return nil
}

// unlink takes copy i's operations out.
func (x *Incremental) unlink(i int) {
	if !x.live[i] {
		return
	}
	s := &x.sim
	w := &s.windows[i]
	x.remove(w.issueKey, int32(i))
	x.remove(w.waitKey, int32(i))
	if w.openAtExit {
		s.exitWait = slices.DeleteFunc(s.exitWait, func(id int32) bool { return id == int32(i) })
	}
}

// insert adds an operation to a phase's list, in plan order.
func (x *Incremental) insert(key int, op int32) {
	s := &x.sim
	from, to := s.opsFrom[key], s.opsTo[key]
	if to == x.room[key] { // move the list to where there is room
		n := to - from
		at := int32(len(s.ops))
		s.ops = append(s.ops, s.ops[from:to]...)
		for range n + 4 {
			s.ops = append(s.ops, 0)
		}
		from, to = at, at+n
		s.opsFrom[key], x.room[key] = from, int32(len(s.ops))
	}
	k := to
	for ; k > from && s.ops[k-1]>>opShift > op>>opShift; k-- {
		s.ops[k] = s.ops[k-1]
	}
	s.ops[k] = op
	s.opsTo[key] = to + 1
	x.touch(key / phases)
}

func (x *Incremental) remove(key int, id int32) {
	s := &x.sim
	from, to := s.opsFrom[key], s.opsTo[key]
	k := from
	for k < to && s.ops[k]>>opShift != id {
		k++
	}
	if k == to {
		return
	}
	copy(s.ops[k:to-1], s.ops[k+1:to])
	s.opsTo[key] = to - 1
	x.touch(key / phases)
}
