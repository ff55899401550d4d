package malloc_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"strata/malloc"
	"strata/simulate"
)

// parseInstance reads the scripts' notation, a line each:
//
//	tier NAME BYTES|unlimited [align=N] [read=BW] [write=BW]
//	engine FROM->TO bw=BW [io=N] [requests=N] [latency=S]
//	executor NAME TIER …
//	buf NAME BYTES KIND home=TIER [end=out] [at=OFFSET] [of=BUF,BUF after=INSTR]
//	do [s=SECONDS] [r=BUF,BUF] [w=BUF] [scratch=TIER:BYTES] [on=X,Y] [pin=r0:TIER]
//	loop BEGIN END trip=N [plain]
//	must NAME BUF BUF …
func parseInstance(text string) (*malloc.Program, error) {
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: "script", Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"}}
	tier := func(name string) int {
		for i := range p.Tiers {
			if p.Tiers[i].Name == name {
				return i
			}
		}
		return -1
	}
	buf := func(name string) int {
		for i := range p.Buffers {
			if p.Buffers[i].Name == name {
				return i
			}
		}
		return -1
	}
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		opt := map[string]string{}
		var pos []string
		for _, w := range f[1:] {
			if k, v, ok := strings.Cut(w, "="); ok {
				opt[k] = v
			} else {
				pos = append(pos, w)
			}
		}
		num := func(k string, d float64) float64 {
			if v, err := strconv.ParseFloat(opt[k], 64); err == nil {
				return v
			}
			return d
		}
		switch f[0] {
		case "tier":
			t := malloc.Tier{ID: len(p.Tiers), Name: pos[0], Capacity: malloc.Unlimited, Align: int64(num("align", 1)), ReadBW: num("read", 100), WriteBW: num("write", 100)}
			if pos[1] != "unlimited" {
				t.Capacity, _ = strconv.ParseInt(pos[1], 10, 64)
			}
			p.Tiers = append(p.Tiers, t)
		case "engine":
			from, to, _ := strings.Cut(pos[0], "->")
			p.Engines = append(p.Engines, malloc.Engine{ID: len(p.Engines), From: tier(from), To: tier(to), BW: num("bw", 10), LatencyS: num("latency", 0), IOAlign: int64(num("io", 1)), RequestBytes: int64(num("requests", 0)), MaxOutstanding: -1, Order: "fifo"})
		case "executor":
			x := malloc.Executor{ID: len(p.Executors), Name: pos[0]}
			for _, n := range pos[1:] {
				x.Access = append(x.Access, malloc.Access{Tier: tier(n), ReadBW: p.Tiers[tier(n)].ReadBW, WriteBW: p.Tiers[tier(n)].WriteBW})
			}
			p.Executors = append(p.Executors, x)
		case "buf":
			b := malloc.Buffer{ID: len(p.Buffers), Name: pos[0], Kind: pos[2], Home: tier(opt["home"]), End: malloc.EndDead}
			b.Size, _ = strconv.ParseInt(pos[1], 10, 64)
			if b.Kind == malloc.KindParam {
				b.End = malloc.EndKeep
			}
			if opt["end"] != "" {
				b.End = opt["end"]
			}
			if opt["at"] != "" {
				off := int64(num("at", 0))
				b.HomeOffset = &off
			}
			if opt["of"] != "" {
				b.Select = &malloc.Select{After: int(num("after", -1))}
				for _, n := range strings.Split(opt["of"], ",") {
					b.Select.Of = append(b.Select.Of, buf(n))
				}
			}
			p.Buffers = append(p.Buffers, b)
		case "do":
			in := malloc.Instruction{ID: len(p.Instructions), Name: fmt.Sprintf("i%d", len(p.Instructions)), ComputeS: num("s", 1)}
			for _, n := range strings.Split(opt["on"], ",") {
				for x := range p.Executors {
					if p.Executors[x].Name == n {
						in.RunsOn = append(in.RunsOn, malloc.RunsOn{Executor: x, ComputeS: in.ComputeS / float64(x+1)})
					}
				}
			}
			add := func(list string) (ops []malloc.Operand) {
				if list == "" {
					return nil
				}
				for _, n := range strings.Split(list, ",") {
					n, part, ok := strings.Cut(n, ":")
					b := buf(n)
					if b < 0 {
						panic("script names no buffer " + n)
					}
					z := p.Buffers[b].Size
					if ok {
						z, _ = strconv.ParseInt(part, 10, 64)
					}
					ops = append(ops, malloc.Operand{Buf: b, Bytes: z})
				}
				return ops
			}
			in.Reads, in.Writes = add(opt["r"]), add(opt["w"])
			if s := opt["scratch"]; s != "" {
				n, z, _ := strings.Cut(s, ":")
				bytes, _ := strconv.ParseInt(z, 10, 64)
				in.Scratch = map[string]int64{strconv.Itoa(tier(n)): bytes}
			}
			if s := opt["pin"]; s != "" {
				arg, n, _ := strings.Cut(s, ":")
				in.Fixed = []malloc.Fixed{{Arg: arg, Tier: tier(n)}}
			}
			p.Instructions = append(p.Instructions, in)
		case "loop":
			b, _ := strconv.Atoi(pos[0])
			e, _ := strconv.Atoi(pos[1])
			p.Loops = append(p.Loops, malloc.Loop{Begin: b, End: e, Trip: int64(num("trip", 1)), Periodic: !slices.Contains(pos, "plain")})
		case "must":
			a := malloc.Alias{Class: pos[0], Kind: "must"}
			for _, n := range pos[1:] {
				a.Buffers = append(a.Buffers, buf(n))
			}
			p.Aliases = append(p.Aliases, a)
			for _, n := range a.Buffers {
				p.Buffers[n].Class = pos[0]
			}
		default:
			return nil, fmt.Errorf("unknown line %q", line)
		}
	}
	return p, malloc.Validate(p)
}

func tierName(p *malloc.Program, t int) string { return p.Tiers[t].Name }

func bufName(p *malloc.Program, b int) string {
	if b == malloc.ScratchBuf {
		return "scratch"
	}
	return p.Buffers[b].Name
}

// showPlan writes a plan as the scripts show it.
func showPlan(p *malloc.Program, plan *malloc.Plan) string {
	var s strings.Builder
	blocks := slices.Clone(plan.Blocks)
	slices.SortStableFunc(blocks, func(a, b malloc.Block) int {
		if a.Tier != b.Tier {
			return a.Tier - b.Tier
		}
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return int(a.Offset - b.Offset)
	})
	for _, b := range blocks {
		fmt.Fprintf(&s, "%s [%d,%d) in %s at %d\n", bufName(p, b.Buf), b.Start, b.End, tierName(p, b.Tier), b.Offset)
	}
	for _, c := range plan.Copies {
		e := p.Engines[c.Engine]
		fmt.Fprintf(&s, "copy %s %s->%s [%d,%d) %d bytes", bufName(p, c.Buf), tierName(p, e.From), tierName(p, e.To), c.Start, c.Before, c.Bytes)
		if c.Once {
			s.WriteString(" once")
		}
		if c.After >= 0 {
			fmt.Fprintf(&s, " after copy %d", c.After)
		}
		s.WriteString("\n")
	}
	return s.String()
}

func showAction(p *malloc.Program, a malloc.Action) string {
	switch a.Kind {
	case malloc.Drop:
		return "drop"
	case malloc.NoCopy:
		return "nocopy " + tierName(p, a.Tier)
	case malloc.RunOn:
		return "run on " + p.Executors[a.Executor].Name
	}
	if a.Back >= 0 {
		return fmt.Sprintf("copy %s back %d", tierName(p, a.Tier), a.Back)
	}
	return fmt.Sprintf("copy %s lead %d", tierName(p, a.Tier), max(a.Lead, 1))
}

func showDecision(p *malloc.Program, d malloc.Decision) string {
	if d.RunOn {
		return fmt.Sprintf("%d: run on?", d.Instr)
	}
	s := fmt.Sprintf("%d: %s touch %d", d.Instr, bufName(p, d.Buf), d.Touch)
	for _, f := range []struct {
		on   bool
		name string
	}{{d.Def, "def"}, {d.Read, "read"}, {d.Write && !d.Def, "write"}, {d.Body, "body"}} {
		if f.on {
			s += " " + f.name
		}
	}
	return s
}

// TestScripts plays the games under testdata/game.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/game", func(t *testing.T, path string) {
		var p *malloc.Program
		var g *malloc.Game
		var checker *malloc.Checker
		sim := simulate.New()
		legal := func(d *datadriven.TestData) string {
			rep, err := checker.Check(g.Plan(), sim)
			if err != nil {
				d.Fatalf(t, "check: %v", err)
			}
			if rep.Err() != nil {
				d.Fatalf(t, "after this the plan is illegal: %v", rep.Err())
			}
			return ""
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "instance":
				var err error
				if p, err = parseInstance(d.Input); err != nil {
					return "refused: " + err.Error() + "\n"
				}
				if checker, err = malloc.NewChecker(p); err != nil {
					return err.Error() + "\n"
				}
				opt := malloc.Options{FirstFit: d.HasArg("first-fit"), StaticReward: d.HasArg("static")}
				if d.HasArg("free") {
					opt.Order = malloc.FreeOrder
				}
				if g, err = malloc.NewGame(p, sim, opt); err != nil {
					var inf *malloc.InfeasibleError
					if errors.As(err, &inf) {
						return fmt.Sprintf("infeasible: %s needs %d of %d bytes at instruction %d for %s\n", inf.TierName, inf.NeedBytes, inf.CapacityBytes, inf.Instr, bufName(p, inf.Buf))
					}
					return err.Error() + "\n"
				}
				legal(d)
				return ""
			case "order":
				var s strings.Builder
				m := g.Mark()
				for !g.Done() {
					s.WriteString(showDecision(p, g.Next()) + "\n")
					acts := g.Actions(nil)
					if _, err := g.Step(acts[0]); err != nil {
						d.Fatalf(t, "%v", err)
					}
				}
				g.Rewind(m)
				return s.String()
			case "next":
				if g.Done() {
					return "done\n"
				}
				var names []string
				for _, a := range g.Actions(nil) {
					names = append(names, showAction(p, a))
				}
				return showDecision(p, g.Next()) + "\n" + strings.Join(names, ", ") + "\n"
			case "play":
				var s strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					f := strings.Fields(line)
					tier := func(n string) int {
						for i := range p.Tiers {
							if p.Tiers[i].Name == n {
								return i
							}
						}
						d.Fatalf(t, "no tier %q", n)
						return -1
					}
					buf := func(n string) int {
						for i := range p.Buffers {
							if p.Buffers[i].Name == n {
								return i
							}
						}
						d.Fatalf(t, "no buffer %q", n)
						return -1
					}
					a := malloc.Action{Back: -1}
					switch f[0] {
					case "choose":
						if err := g.Choose(buf(f[1])); err != nil {
							fmt.Fprintf(&s, "%s: %v\n", line, err)
						}
						continue
					case "resident":
						fmt.Fprintf(&s, "%s: %v\n", line, g.Resident(buf(f[1]), tier(f[2])))
						legal(d)
						continue
					case "finish":
						if err := g.Finish(nil, true); err != nil {
							d.Fatalf(t, "%v", err)
						}
						legal(d)
						continue
					case "drop-rest":
						if err := g.DropRest(); err != nil {
							d.Fatalf(t, "%v", err)
						}
						legal(d)
						continue
					case "drop":
					case "nocopy":
						a.Kind, a.Tier = malloc.NoCopy, tier(f[1])
					case "copy":
						a.Kind, a.Tier = malloc.CopyIn, tier(f[1])
						if len(f) > 3 {
							n, _ := strconv.Atoi(f[3])
							if f[2] == "lead" {
								a.Lead = n
							} else {
								a.Back = n
							}
						}
					case "run":
						a.Kind = malloc.RunOn
						for x := range p.Executors {
							if p.Executors[x].Name == f[1] {
								a.Executor = x
							}
						}
					default:
						d.Fatalf(t, "no move %q", line)
					}
					dec := showDecision(p, g.Next())
					r, err := g.Step(a)
					if err != nil {
						fmt.Fprintf(&s, "%s -> %s: refused\n", dec, line)
						continue
					}
					fmt.Fprintf(&s, "%s -> %s: %+.4g\n", dec, line, r+0)
					legal(d)
				}
				return s.String()
			case "plan":
				return showPlan(p, g.Plan())
			case "repack":
				plan, err := malloc.Repack(p, g.Plan())
				if err != nil {
					return err.Error() + "\n"
				}
				if rep, err := checker.Check(plan, sim); err != nil || rep.Err() != nil {
					d.Fatalf(t, "repacked plan: %v %v", err, rep.Err())
				}
				return showPlan(p, plan)
			case "score":
				sc, err := g.Score()
				if err != nil {
					return err.Error() + "\n"
				}
				return fmt.Sprintf("total %.6g period %.6g backups %d\n", sc.TotalS, sc.PeriodS, g.Backups())
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}
