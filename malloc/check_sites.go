package malloc

import (
	"fmt"
	"slices"
)

// checkRuns: every instruction runs on an executor that lists it.
func (k *checkRun) checkRuns() {
	k.exec = make([]int32, k.T)
	for t := range k.exec {
		if on := k.p.Instructions[t].RunsOn; len(on) > 0 {
			k.exec[t] = int32(on[0].Executor)
		}
	}
	set := make([]bool, k.T)
	for i, r := range k.plan.Runs {
		found, want := fmt.Sprintf("runs[%d] puts it on executor %d", i, r.Executor), ""
		on := k.p.Instructions[r.Instr].RunsOn
		switch {
		case set[r.Instr]:
			want = "an instruction has one executor, this is its second"
		case len(on) == 0 && r.Executor != 0:
			want = "it lists none, so it runs on executor 0"
		case len(on) > 0 && !slices.ContainsFunc(on, func(o RunsOn) bool { return o.Executor == r.Executor }):
			want = fmt.Sprintf("its runs_on lists %d others", len(on))
		}
		if want != "" {
			k.fail(Violation{Code: UnreachableExecutor, Buf: -1, Instr: r.Instr, Block: -1, Copy: -1, Start: r.Instr, End: r.Instr + 1, Found: found, Expected: want,
				Message: fmt.Sprintf("instruction %d (%s): %s, %s", r.Instr, clip(k.p.Instructions[r.Instr].Name), found, want)})
			continue
		}
		set[r.Instr] = true
		k.exec[r.Instr] = int32(r.Executor)
	}
}

// checkSites: every operand has exactly one tier, which its executor reaches
// and its pin allows; operands of one place at one instruction agree.
func (k *checkRun) checkSites() {
	k.site = make([]int32, k.argBase[k.T])
	for i := range k.site {
		k.site[i] = -1
	}
	for _, s := range k.plan.Sites {
		in := &k.p.Instructions[s.Instr]
		write, index, _ := parseArg(s.Arg)
		if write {
			index += len(in.Reads)
		}
		a := int(k.argBase[s.Instr]) + index
		if k.site[a] >= 0 {
			k.failTouch(MissingSite, s.Instr, index, "two sites", "every operand has exactly one")
		}
		k.site[a] = int32(s.Tier)
	}
	// tier that the place of a class was used in at instruction placeAt
	placeAt, placeTier := make([]int, len(k.p.Buffers)), make([]int32, len(k.p.Buffers))
	bufAt, bufTier := make([]int, len(k.p.Buffers)), make([]int32, len(k.p.Buffers))
	for i := range placeAt {
		placeAt[i], bufAt[i] = -1, -1
	}
	nt := len(k.p.Tiers)
	for t := range k.p.Instructions {
		in := &k.p.Instructions[t]
		x := int(k.exec[t])
		for j := range len(in.Reads) + len(in.Writes) {
			a := int(k.argBase[t]) + j
			write := j >= len(in.Reads)
			buf := operandBuffer(in, j)
			tier := k.site[a]
			if tier < 0 {
				k.failTouch(MissingSite, t, j, "no site", "every operand has exactly one")
				k.site[a] = int32(k.p.Buffers[buf].Home)
				continue
			}
			if write && !k.runsOut[x*nt+int(tier)] || !write && !k.runsIn[x*nt+int(tier)] {
				k.failTouch(UnreachableExecutor, t, j, fmt.Sprintf("its site is tier %d (%s)", tier, clip(k.p.Tiers[tier].Name)),
					fmt.Sprintf("executor %d does not %s that tier", x, map[bool]string{true: "write", false: "read"}[write]))
			}
			if bufAt[buf] == t && bufTier[buf] != tier {
				k.failTouch(WrongTier, t, j, fmt.Sprintf("its site is tier %d, another operand of the same buffer has tier %d", tier, bufTier[buf]), "reads and writes of one buffer are one touch")
			}
			bufAt[buf], bufTier[buf] = t, tier
			if c := k.class[buf]; c >= 0 {
				if placeAt[c] == t && placeTier[c] != tier {
					k.failTouch(SplitAliasClass, t, j, fmt.Sprintf("its site is tier %d, another member of its class has tier %d", tier, placeTier[c]), "members share their place")
				}
				placeAt[c], placeTier[c] = t, tier
			}
		}
		for _, f := range in.Fixed {
			write, index, _ := parseArg(f.Arg)
			if write {
				index += len(in.Reads)
			}
			if tier := k.site[int(k.argBase[t])+index]; int(tier) != f.Tier {
				k.failTouch(BrokenPin, t, index, fmt.Sprintf("its site is tier %d", tier), fmt.Sprintf("it is fixed to tier %d", f.Tier))
			}
		}
	}
}

// operandBuffer returns the buffer of operand j, reads before writes.
func operandBuffer(in *Instruction, j int) int {
	if j < len(in.Reads) {
		return in.Reads[j].Buf
	}
	return in.Writes[j-len(in.Reads)].Buf
}

// checkScratch: scratch blocks and the instructions' needs are one to one; in
// the unlimited tier a block may be left out.
func (k *checkRun) checkScratch() {
	type place struct{ instr, tier int }
	have := make(map[place]int)
	for i := range k.plan.Blocks {
		b := &k.plan.Blocks[i]
		if b.Buf != ScratchBuf {
			continue
		}
		at := place{b.Start, b.Tier}
		if other, ok := have[at]; ok {
			k.failBlock(WrongScratch, i, fmt.Sprintf("blocks[%d] is the scratch there already", other), "an instruction has one scratch block a tier")
			continue
		}
		have[at] = i
		if b.End != b.Start+1 {
			k.failBlock(WrongScratch, i, fmt.Sprintf("it ends at %d", b.End), fmt.Sprintf("scratch lives for one instruction, until %d", b.Start+1))
		}
	}
	k.scratchSize = make(map[int]int64, len(have))
	for _, s := range k.scratch {
		i, ok := have[place{s.instr, s.tier}]
		if !ok {
			if k.limited(s.tier) {
				k.fail(Violation{Code: WrongScratch, Buf: ScratchBuf, Instr: s.instr, Block: -1, Copy: -1, Start: s.instr, End: s.instr + 1, Found: "no block", Expected: fmt.Sprintf("%d bytes", s.bytes),
					Message: fmt.Sprintf("instruction %d (%s) needs %d bytes of scratch in tier %d, no block holds it", s.instr, clip(k.p.Instructions[s.instr].Name), s.bytes, s.tier)})
			}
			continue
		}
		delete(have, place{s.instr, s.tier})
		z := upTo(s.bytes, k.p.Tiers[s.tier].Align)
		k.scratchSize[i] = z
		if b := &k.plan.Blocks[i]; k.limited(b.Tier) && b.Offset >= 0 && b.Offset <= MaxSizeBytes && b.Offset+z > k.p.Tiers[b.Tier].Capacity {
			k.failBlock(OverCapacity, i, fmt.Sprintf("its %d bytes end at %d", z, b.Offset+z), fmt.Sprintf("the tier has %d", k.p.Tiers[b.Tier].Capacity))
		}
	}
	for _, i := range have {
		k.failBlock(WrongScratch, i, "the instruction needs no scratch there", "leave the block out")
	}
}
