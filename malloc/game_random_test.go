package malloc_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// kind says what a family of random instances has.
type kind struct {
	name                                      string
	loop, limited, gpu, select_, aliases, out bool
	file, pins, spans, plainLoop, carried     bool
	roomy                                     bool // hand-overs in two hops have room to spare
}

var kinds = []kind{
	{name: "straight, writable home", out: true},
	{name: "periodic file streaming", loop: true, file: true, limited: true},
	{name: "periodic writable home", loop: true, out: true, spans: true},
	{name: "three tiers, two executors", loop: true, gpu: true, file: true, limited: true, spans: true},
	{name: "three tiers with room", loop: true, gpu: true, file: true, limited: true, spans: true, roomy: true},
	{name: "aliases", loop: true, aliases: true, out: true},
	{name: "select", loop: true, file: true, limited: true, select_: true},
	{name: "limited homes", loop: true, limited: true, out: true, spans: true},
	{name: "pins", loop: true, pins: true, out: true},
	{name: "straight three tiers", gpu: true, file: true, limited: true, out: true},
	{name: "plain loop", plainLoop: true, out: true},
	{name: "carried pairs", loop: true, carried: true, out: true},
	{name: "carried pairs, limited homes", loop: true, carried: true, limited: true},
}

// randomProgram draws an instance. Tiers: 0 fast (dram), 1 home (a writable slow
// memory or a file), with gpu also 2 (vram).
func randomProgram(k kind, r *rand.Rand) *malloc.Program {
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: k.name, Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"}}
	dram := int64(64 + r.IntN(20)*16)
	if r.IntN(3) == 0 {
		p.Model.Overlap = "idle_bw"
	}
	p.Tiers = []malloc.Tier{
		{ID: 0, Name: "dram", Capacity: dram, ReadBW: 100, WriteBW: 100, Align: 8},
		{ID: 1, Name: "slow", Capacity: malloc.Unlimited, ReadBW: 20, WriteBW: 20, Align: 1},
	}
	if k.file {
		p.Tiers[1].WriteBW = 0
	}
	io := []int64{1, 8, 16}[r.IntN(3)]
	p.Engines = []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 15, LatencyS: 0.01, RequestBytes: 32, IOAlign: io, MaxOutstanding: 2, Order: "fifo", Shares: []int{0}}}
	if !k.file {
		p.Engines = append(p.Engines, malloc.Engine{ID: 1, From: 0, To: 1, BW: 15, IOAlign: io, MaxOutstanding: -1, Order: "fifo"})
	}
	x := malloc.Executor{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: 0, ReadBW: 100, WriteBW: 100}}}
	if !k.file && r.IntN(2) == 0 {
		x.Access = append(x.Access, malloc.Access{Tier: 1, ReadBW: 20, WriteBW: 20})
	}
	p.Executors = []malloc.Executor{x}
	if k.gpu {
		p.Tiers = append(p.Tiers, malloc.Tier{ID: 2, Name: "vram", Capacity: int64(64 + r.IntN(12)*16), ReadBW: 400, WriteBW: 400, Align: 16})
		n := len(p.Engines)
		p.Engines = append(p.Engines, malloc.Engine{ID: n, From: 0, To: 2, BW: 25, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"},
			malloc.Engine{ID: n + 1, From: 2, To: 0, BW: 25, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"})
		p.Executors = append(p.Executors, malloc.Executor{ID: 1, Name: "gpu", Access: []malloc.Access{{Tier: 2, ReadBW: 400, WriteBW: 400}}})
	}
	pre, body, post := 3+r.IntN(6), 0, 0
	if k.loop {
		body = 1 + r.IntN(7)
		post = r.IntN(3)
		p.Loops = []malloc.Loop{{Begin: pre, End: pre + body, Trip: int64(1 + r.IntN(5)), Periodic: true}}
	}
	if k.plainLoop {
		pre += 4
		p.Loops = []malloc.Loop{{Begin: 1 + r.IntN(3), End: 4 + r.IntN(3), Trip: 3}}
	}
	T := pre + body + post
	for t := 0; t < T; t++ {
		in := malloc.Instruction{ID: t, Name: fmt.Sprintf("i%d", t), ComputeS: r.Float64() * 2}
		if k.gpu {
			switch r.IntN(3) {
			case 0:
				in.RunsOn = []malloc.RunsOn{{Executor: 1, ComputeS: in.ComputeS / 2}}
			case 1:
				in.RunsOn = []malloc.RunsOn{{Executor: 0, ComputeS: in.ComputeS}, {Executor: 1, ComputeS: in.ComputeS / 2}}
			}
		}
		if r.IntN(3) == 0 {
			in.Scratch = map[string]int64{"0": int64(1 + r.IntN(16))}
		}
		p.Instructions = append(p.Instructions, in)
	}
	add := func(b malloc.Buffer) int {
		b.ID = len(p.Buffers)
		b.Name = fmt.Sprintf("b%d", b.ID)
		if b.End == "" {
			b.End = malloc.EndDead
		}
		p.Buffers = append(p.Buffers, b)
		return b.ID
	}
	read := func(t, b int, n int64) {
		p.Instructions[t].Reads = append(p.Instructions[t].Reads, malloc.Operand{Buf: b, Bytes: n})
	}
	write := func(t, b int, n int64) {
		p.Instructions[t].Writes = append(p.Instructions[t].Writes, malloc.Operand{Buf: b, Bytes: n})
	}
	size := func() int64 { return int64(1 + r.IntN(32)) }
	pos := int64(0)
	for n := 2 + r.IntN(6); n > 0; n-- { // params
		z := size()
		b := malloc.Buffer{Size: z, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep}
		if k.file {
			off := pos + int64(r.IntN(5))
			pos = off + z
			b.HomeOffset = &off
		}
		id := add(b)
		for t := 0; t < T; t++ {
			if r.IntN(5) == 0 {
				read(t, id, z)
			}
		}
	}
	if k.select_ {
		of := []int{add(malloc.Buffer{Size: 16, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep}), add(malloc.Buffer{Size: 16, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep})}
		for _, o := range of {
			read(p.Loops[0].Begin+r.IntN(body), o, 16)
		}
		after := p.Loops[0].End - 1
		s := add(malloc.Buffer{Size: 8, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep, Select: &malloc.Select{Of: of, After: after}})
		read(p.Loops[0].Begin+r.IntN(body), s, 8)
	}
	homeTier := 1
	if k.file || k.limited {
		homeTier = 0
	}
	temp := func(lo, hi int, end string) int { // defined in [lo, hi), read later there
		z := size()
		id := add(malloc.Buffer{Size: z, Kind: malloc.KindActivation, Home: homeTier, End: end})
		d := lo + r.IntN(hi-lo)
		write(d, id, z)
		for t := d + 1; t < hi; t++ {
			switch r.IntN(5) {
			case 0, 1:
				read(t, id, z)
			case 2:
				read(t, id, z)
				write(t, id, 1+int64(r.IntN(int(z))))
			}
		}
		return id
	}
	end := func() string {
		if k.out && r.IntN(3) == 0 {
			return malloc.EndOut
		}
		return malloc.EndDead
	}
	for n := 1 + r.IntN(4); n > 0; n-- {
		temp(0, pre, end())
		if body > 0 {
			temp(pre, pre+body, end())
		}
		if k.spans && body > 0 {
			temp(0, T, end())
		}
	}
	if k.aliases {
		for n := 1 + r.IntN(2); n > 0; n-- {
			lo, hi := 0, pre
			if r.IntN(2) == 0 && body > 2 {
				lo, hi = pre, pre+body
			}
			if hi-lo < 3 {
				continue
			}
			z := size()
			name := fmt.Sprintf("in-place %d", n)
			a := add(malloc.Buffer{Size: z, Kind: malloc.KindActivation, Home: homeTier, Class: name})
			b := add(malloc.Buffer{Size: z, Kind: malloc.KindActivation, Home: homeTier, Class: name, End: end()})
			m := lo + 1 + r.IntN(hi-lo-2)
			write(lo, a, z)
			read(m, a, z)
			write(m, b, z)
			read(hi-1, b, z)
			p.Aliases = append(p.Aliases, malloc.Alias{Class: name, Kind: "must", Buffers: []int{a, b}})
		}
	}
	if k.carried && body > 1 {
		z := size()
		in := add(malloc.Buffer{Size: z, Kind: malloc.KindActivation, Home: homeTier})
		out := add(malloc.Buffer{Size: z, Kind: malloc.KindActivation, Home: homeTier, End: end()})
		write(r.IntN(pre-1), in, z)
		m := pre + 1 + r.IntN(body-1)
		for t := pre; t < m; t++ {
			if t == pre || r.IntN(2) == 0 {
				read(t, in, z)
			}
		}
		write(m, out, z)
		for t := m + 1; t < T; t++ {
			if r.IntN(2) == 0 {
				read(t, out, z)
			}
		}
		p.Loops[0].Carried = [][2]int{{out, in}}
	}
	if k.pins {
		for t := range p.Instructions {
			if len(p.Instructions[t].Reads) > 0 && r.IntN(4) == 0 {
				p.Instructions[t].Fixed = []malloc.Fixed{{Arg: "r0", Tier: 0}}
			}
		}
	}
	for i := range p.Tiers {
		if k.roomy && p.Tiers[i].Capacity != malloc.Unlimited {
			p.Tiers[i].Capacity *= 16
		}
	}
	return p
}

// playRandomly plays a whole episode with random legal moves.
func playRandomly(g *malloc.Game, free bool, r *rand.Rand, check func(step string)) error {
	var acts []malloc.Action
	for !g.Done() {
		if free && r.IntN(4) == 0 {
			if u := g.Undecided(); len(u) > 0 {
				b := u[r.IntN(len(u))]
				if g.Choose(b) == nil && r.IntN(3) == 0 {
					g.Resident(b, []int{0, 2}[r.IntN(2)])
					continue
				}
			}
		}
		acts = g.Actions(acts[:0])
		a := malloc.Action{}
		if len(acts) > 0 {
			a = acts[r.IntN(len(acts))]
			if a.Kind == malloc.Drop && r.IntN(2) == 0 {
				a = acts[r.IntN(len(acts))]
			}
		}
		d := g.Next()
		if _, err := g.Step(a); err != nil {
			return fmt.Errorf("%+v of %v: %w", d, acts, err)
		}
		check(fmt.Sprintf("%+v %s", d, a))
	}
	return nil
}

// Every state on the way of a random episode means a plan the checker accepts.
func TestRandomEpisodesAreLegal(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 20
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			refused, moves, backups := 0, 0, 0
			failed := map[string]int{}
			for seed := uint64(0); seed < uint64(n); seed++ {
				r := rand.New(rand.NewPCG(seed, 7))
				p := randomProgram(k, r)
				c, err := malloc.NewChecker(p)
				if err != nil {
					failed["instance: "+err.Error()]++
					continue
				}
				opt := malloc.Options{NoReward: true, FirstFit: r.IntN(4) == 0}
				free := r.IntN(2) == 0
				if free {
					opt.Order = malloc.FreeOrder
				}
				sim := simulate.New()
				g, err := malloc.NewGame(p, sim, opt)
				if err != nil {
					refused++
					continue
				}
				bad := ""
				check := func(step string) {
					moves++
					if bad != "" {
						return
					}
					plan := g.Plan()
					rep, err := c.Check(plan, nil)
					if err != nil {
						bad = err.Error()
					} else if rep.Err() != nil {
						bad = fmt.Sprintf("seed %d after %s: %v", seed, step, rep.Err())
					}
				}
				check("start")
				if err := playRandomly(g, free, r, check); err != nil && bad == "" {
					bad = fmt.Sprintf("seed %d: %v", seed, err)
				}
				backups += g.Backups()
				if bad == "" {
					s1, err := g.Score()
					if err != nil {
						bad = fmt.Sprintf("seed %d: %v", seed, err)
					}
					packed, err := malloc.Repack(p, g.Plan())
					if err != nil {
						bad = fmt.Sprintf("seed %d: %v", seed, err)
					} else if rep, err := c.Check(packed, sim); err != nil || rep.Err() != nil || rep.Score != s1 {
						bad = fmt.Sprintf("seed %d repacked: %v, %v, %v from %v", seed, err, rep.Err(), rep.Score, s1)
					}
				}
				if bad != "" {
					failed[bad]++
				}
			}
			shown := 0
			for f := range failed {
				if shown++; shown <= 4 {
					t.Error(f)
				}
			}
			if len(failed) > 4 {
				t.Errorf("and %d more", len(failed)-4)
			}
			t.Logf("%d moves, %d of %d instances refused, %d backups", moves, refused, n, backups)
		})
	}
}
