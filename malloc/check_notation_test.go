package malloc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A compact notation for tiny instances and plans, used by testdata/check.
//
//	tier dram 100 align=4          capacity in bytes, or inf; ro: write_bw 0
//	engine file dram io=4 req=8    from, to
//	exec cpu dram hbm              tiers it reaches; ro:NAME reads only
//	buf w 10 param file            size, kind, home; end=out, off=6, select=w,x@3
//	i mul w kv:4 > x               reads > writes, bytes after a colon; scratch=dram:5 fix=r0:dram on=cpu,gpu
//	must a b                       an alias class (may likewise)
//	loop 2 5 4 carried=out:in      begin, end, trip; plain: not periodic
//
//	block w dram 0 3 0             buffer (- for scratch), tier, start, end, offset
//	copy w 0 0 0..2                buffer, block, engine, start..before; bytes=N, once, after=N
//	site 3 r0 dram                 overrides the tier found from the blocks
//	run 3 gpu
//	traffic 0 30 3                 engine, bytes, requests; absent: what the checker counts

func parseProgram(text string) (*Program, error) {
	p := &Program{Format: InstanceFormat, Name: "tiny", Model: CostRules{"additive", "compute", "steal"}}
	tier := func(name string) int {
		return slices.IndexFunc(p.Tiers, func(t Tier) bool { return t.Name == name })
	}
	buffer := func(name string) int {
		return slices.IndexFunc(p.Buffers, func(b Buffer) bool { return b.Name == name })
	}
	executor := func(name string) int {
		return slices.IndexFunc(p.Executors, func(x Executor) bool { return x.Name == name })
	}
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var args []string
		option := map[string]string{}
		for _, w := range words[1:] {
			if key, v, ok := strings.Cut(w, "="); ok {
				option[key] = v
			} else {
				args = append(args, w)
			}
		}
		number := func(s string) int64 {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("%q: %v", line, err))
			}
			return n
		}
		switch words[0] {
		case "tier":
			t := Tier{ID: len(p.Tiers), Name: args[0], Capacity: Unlimited, ReadBW: 10, WriteBW: 10, Align: 1}
			if args[1] != "inf" {
				t.Capacity = number(args[1])
			}
			if slices.Contains(args, "ro") {
				t.WriteBW = 0
			}
			if a, ok := option["align"]; ok {
				t.Align = number(a)
			}
			p.Tiers = append(p.Tiers, t)
		case "engine":
			e := Engine{ID: len(p.Engines), From: tier(args[0]), To: tier(args[1]), BW: 5, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"}
			if a, ok := option["io"]; ok {
				e.IOAlign = number(a)
			}
			if a, ok := option["req"]; ok {
				e.RequestBytes = number(a)
			}
			p.Engines = append(p.Engines, e)
		case "exec":
			x := Executor{ID: len(p.Executors), Name: args[0]}
			for _, a := range args[1:] {
				name, readOnly := strings.CutPrefix(a, "ro:")
				access := Access{Tier: tier(name), ReadBW: 10, WriteBW: 10}
				if readOnly {
					access.WriteBW = 0
				}
				x.Access = append(x.Access, access)
			}
			p.Executors = append(p.Executors, x)
		case "buf":
			b := Buffer{ID: len(p.Buffers), Name: args[0], Size: number(args[1]), Kind: args[2], Home: tier(args[3]), End: EndDead}
			if e, ok := option["end"]; ok {
				b.End = e
			} else if b.Kind == KindParam {
				b.End = EndKeep
			}
			if o, ok := option["off"]; ok {
				off := number(o)
				b.HomeOffset = &off
			}
			if s, ok := option["select"]; ok {
				of, after, _ := strings.Cut(s, "@")
				b.Select = &Select{After: int(number(after))}
				for _, name := range strings.Split(of, ",") {
					b.Select.Of = append(b.Select.Of, buffer(name))
				}
			}
			p.Buffers = append(p.Buffers, b)
		case "i":
			in := Instruction{ID: len(p.Instructions), Name: args[0], Op: args[0], ComputeS: 1}
			list := &in.Reads
			for _, a := range args[1:] {
				if a == ">" {
					list = &in.Writes
					continue
				}
				name, bytes, ok := strings.Cut(a, ":")
				o := Operand{Buf: buffer(name)}
				if ok {
					o.Bytes = number(bytes)
				} else if o.Buf >= 0 {
					o.Bytes = p.Buffers[o.Buf].Size
				}
				*list = append(*list, o)
			}
			if s, ok := option["scratch"]; ok {
				name, bytes, _ := strings.Cut(s, ":")
				in.Scratch = map[string]int64{strconv.Itoa(tier(name)): number(bytes)}
			}
			if s, ok := option["fix"]; ok {
				arg, name, _ := strings.Cut(s, ":")
				in.Fixed = []Fixed{{arg, tier(name)}}
			}
			if s, ok := option["on"]; ok {
				for _, name := range strings.Split(s, ",") {
					in.RunsOn = append(in.RunsOn, RunsOn{executor(name), 1})
				}
			}
			p.Instructions = append(p.Instructions, in)
		case "must", "may":
			a := Alias{Class: fmt.Sprint("class", len(p.Aliases)), Kind: words[0]}
			for _, name := range args {
				a.Buffers = append(a.Buffers, buffer(name))
			}
			p.Aliases = append(p.Aliases, a)
		case "loop":
			l := Loop{Begin: int(number(args[0])), End: int(number(args[1])), Trip: number(args[2]), Periodic: !slices.Contains(args, "plain")}
			if s, ok := option["carried"]; ok {
				for _, pair := range strings.Split(s, ",") {
					out, in, _ := strings.Cut(pair, ":")
					l.Carried = append(l.Carried, [2]int{buffer(out), buffer(in)})
				}
			}
			p.Loops = append(p.Loops, l)
		default:
			return nil, fmt.Errorf("%q: unknown word", line)
		}
	}
	p.normalise()
	return p, Validate(p)
}

// parsePlan reads a plan; operands without a site line use a fast block of
// their buffer that lives at the instruction, else home.
func parsePlan(p *Program, text string) (*Plan, error) {
	plan := &Plan{Format: PlanFormat}
	sites := map[[2]int]int{}
	auto := true
	byName := func(n int, name func(int) string, want string) int {
		for i := range n {
			if name(i) == want {
				return i
			}
		}
		if n, err := strconv.Atoi(want); err == nil {
			return n
		}
		return 1 << 20
	}
	tier := func(w string) int {
		return byName(len(p.Tiers), func(i int) string { return p.Tiers[i].Name }, w)
	}
	buffer := func(w string) int {
		if w == "-" {
			return ScratchBuf
		}
		return byName(len(p.Buffers), func(i int) string { return p.Buffers[i].Name }, w)
	}
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		n := func(i int) int {
			v, err := strconv.Atoi(words[i])
			if err != nil {
				panic(fmt.Sprintf("%q: %v", line, err))
			}
			return v
		}
		switch words[0] {
		case "block":
			plan.Blocks = append(plan.Blocks, Block{buffer(words[1]), tier(words[2]), n(3), n(4), int64(n(5))})
		case "copy":
			s, b, _ := strings.Cut(words[4], "..")
			start, _ := strconv.Atoi(s)
			before, _ := strconv.Atoi(b)
			c := Copy{Buf: buffer(words[1]), Block: n(2), Engine: n(3), Start: start, Before: before, After: -1}
			var t checkTables
			t.load(p)
			if c.Buf < len(p.Buffers) && c.Engine < len(p.Engines) {
				c.Bytes = t.copyBytes(c.Buf, c.Engine)
			}
			for _, w := range words[5:] {
				key, v, _ := strings.Cut(w, "=")
				value, _ := strconv.Atoi(v)
				switch key {
				case "once":
					c.Once = true
				case "after":
					c.After = value
				case "bytes":
					c.Bytes = int64(value)
				}
			}
			plan.Copies = append(plan.Copies, c)
		case "site":
			write, index, _ := parseArg(words[2])
			if write {
				index += len(p.Instructions[n(1)].Reads)
			}
			sites[[2]int{n(1), index}] = tier(words[3])
		case "run":
			plan.Runs = append(plan.Runs, Run{n(1), byName(len(p.Executors), func(i int) string { return p.Executors[i].Name }, words[2])})
		case "traffic":
			plan.Traffic = append(plan.Traffic, Traffic{n(1), int64(n(2)), int64(n(3))})
			auto = false
		default:
			return nil, fmt.Errorf("%q: unknown word", line)
		}
	}
	loop := p.PeriodicLoop()
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for j := range len(in.Reads) + len(in.Writes) {
			arg := fmt.Sprintf("r%d", j)
			if j >= len(in.Reads) {
				arg = fmt.Sprintf("w%d", j-len(in.Reads))
			}
			buf := operandBuffer(in, j)
			at := p.Buffers[buf].Home
			for _, b := range plan.Blocks {
				same := b.Buf == buf
				if loop != nil {
					for _, pair := range loop.Carried {
						same = same || slices.Contains(pair[:], buf) && slices.Contains(pair[:], b.Buf)
					}
				}
				if !same || b.Tier == p.Buffers[buf].Home {
					continue
				}
				wrapped := loop != nil && inLoop(loop, b.Start) && inLoop(loop, t) && t+loop.End-loop.Begin < b.End
				if b.Start <= t && t < b.End || wrapped {
					at = b.Tier
				}
			}
			if s, ok := sites[[2]int{t, j}]; ok {
				at = s
			}
			plan.Sites = append(plan.Sites, Site{t, arg, at})
		}
	}
	if auto {
		report, err := Check(p, plan, nil)
		if err != nil {
			return nil, err
		}
		plan.Traffic = report.Traffic
	}
	return plan, nil
}

// mutate applies edits to a copy of plan:
//
//	block 0 offset=5 end=7 …    copy 1 start=3 …    traffic 0 bytes=1
//	drop block 2                drop copy 1         drop site 3 r0
//	site 3 r0 file              run 3 gpu           swap 0 1 (copies)
func mutate(p *Program, plan *Plan, text string) (*Plan, error) {
	q := clonePlan(plan)
	counted := true
	for _, line := range strings.Split(text, "\n") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		n := func(i int) int {
			v, err := strconv.Atoi(w[i])
			if err != nil {
				panic(fmt.Sprintf("%q: %v", line, err))
			}
			return v
		}
		set := func(fields map[string]func(int)) {
			for _, e := range w[2:] {
				key, v, _ := strings.Cut(e, "=")
				value, err := strconv.Atoi(v)
				if err != nil || fields[key] == nil {
					panic(fmt.Sprintf("%q: %q", line, e))
				}
				fields[key](value)
			}
		}
		siteAt := func(instr int, arg string) int {
			return slices.IndexFunc(q.Sites, func(s Site) bool { return s.Instr == instr && s.Arg == arg })
		}
		tier := func(name string) int {
			return slices.IndexFunc(p.Tiers, func(t Tier) bool { return t.Name == name })
		}
		switch w[0] {
		case "block":
			b := &q.Blocks[n(1)]
			set(map[string]func(int){"buf": func(v int) { b.Buf = v }, "tier": func(v int) { b.Tier = v }, "start": func(v int) { b.Start = v }, "end": func(v int) { b.End = v }, "offset": func(v int) { b.Offset = int64(v) }})
		case "copy":
			c := &q.Copies[n(1)]
			set(map[string]func(int){"buf": func(v int) { c.Buf = v }, "block": func(v int) { c.Block = v }, "engine": func(v int) { c.Engine = v }, "start": func(v int) { c.Start = v }, "before": func(v int) { c.Before = v },
				"bytes": func(v int) { c.Bytes = int64(v) }, "after": func(v int) { c.After = v }, "once": func(v int) { c.Once = v != 0 }})
		case "traffic":
			counted = false
			t := &q.Traffic[n(1)]
			set(map[string]func(int){"bytes": func(v int) { t.Bytes = int64(v) }, "requests": func(v int) { t.Requests = int64(v) }, "engine": func(v int) { t.Engine = v }})
		case "drop":
			switch w[1] {
			case "block":
				dropBlock(q, n(2))
			case "copy":
				dropCopy(q, n(2))
			case "site":
				i := siteAt(n(2), w[3])
				q.Sites = slices.Delete(q.Sites, i, i+1)
			}
		case "site":
			q.Sites[siteAt(n(1), w[2])].Tier = tier(w[3])
		case "run":
			q.Runs = append(q.Runs, Run{n(1), slices.IndexFunc(p.Executors, func(x Executor) bool { return x.Name == w[2] })})
		case "swap":
			q.Copies[n(1)], q.Copies[n(2)] = q.Copies[n(2)], q.Copies[n(1)]
		default:
			return nil, fmt.Errorf("%q: unknown word", line)
		}
	}
	if counted { // the edit is what is tested, not its traffic
		report, err := Check(p, q, nil)
		if err != nil {
			return nil, err
		}
		q.Traffic = report.Traffic
	}
	return q, nil
}

func clonePlan(plan *Plan) *Plan {
	q := *plan
	q.Blocks, q.Copies, q.Sites = slices.Clone(plan.Blocks), slices.Clone(plan.Copies), slices.Clone(plan.Sites)
	q.Runs, q.Traffic = slices.Clone(plan.Runs), slices.Clone(plan.Traffic)
	return &q
}

func dropCopy(q *Plan, i int) {
	q.Copies = slices.Delete(q.Copies, i, i+1)
	for j := range q.Copies {
		if c := &q.Copies[j]; c.After == i {
			c.After = -1
		} else if c.After > i {
			c.After--
		}
	}
}

func dropBlock(q *Plan, i int) {
	q.Blocks = slices.Delete(q.Blocks, i, i+1)
	for j := len(q.Copies) - 1; j >= 0; j-- {
		if c := &q.Copies[j]; c.Block == i {
			dropCopy(q, j)
		} else if c.Block > i {
			c.Block--
		}
	}
}
