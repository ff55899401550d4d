package simulate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"strata/malloc"
	"strata/trace"
)

// script is the machine, program and plan that a test file builds line by line.
type script struct {
	p     *malloc.Program
	plan  *malloc.Plan
	tiers map[string]int
	bufs  map[string]int
}

// TestScripts runs testdata/scripts: "machine" states tiers, engines and executors,
// "run" a program with its plan (see testdata/scripts/simulate for the notation) and
// prints what Evaluate says; every run is also checked against Direct, and
// "timeline" prints the recorded slices.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "machine":
				s.machine()
			case "run", "timeline":
				s.program()
			default:
				return "unknown command " + d.Cmd
			}
			for _, line := range strings.Split(d.Input, "\n") {
				if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) == "" {
					continue
				}
				if err = s.line(strings.Fields(line)); err != nil {
					return fmt.Sprintf("%s: %v", line, err)
				}
			}
			switch d.Cmd {
			case "run":
				return s.run()
			case "timeline":
				return s.timeline()
			}
			return "ok"
		})
	})
}

func (s *script) machine() {
	s.p = &malloc.Program{Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"}}
	s.tiers = map[string]int{}
	s.program()
}

func (s *script) program() {
	s.p.Buffers, s.p.Instructions, s.p.Loops = nil, nil, nil
	s.bufs = map[string]int{}
	s.plan = &malloc.Plan{}
}

func (s *script) line(f []string) error {
	opts := map[string]string{}
	var words []string
	for _, w := range f[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			opts[k] = v
		} else {
			words = append(words, w)
		}
	}
	number := func(key string, absent float64) float64 {
		if v, ok := opts[key]; ok {
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				panic(fmt.Sprintf("%s=%s: %v", key, v, err))
			}
			return x
		}
		return absent
	}
	switch f[0] {
	case "tier": // tier NAME read= write=
		s.tiers[words[0]] = len(s.p.Tiers)
		s.p.Tiers = append(s.p.Tiers, malloc.Tier{ID: len(s.p.Tiers), Name: words[0], Capacity: malloc.Unlimited, ReadBW: number("read", 0), WriteBW: number("write", 0), Align: 1, EnergyJPerByt: number("energy", 0)})
	case "engine": // engine FROM TO bw= latency= request= depth= shares=A,B
		e := malloc.Engine{ID: len(s.p.Engines), From: s.tiers[words[0]], To: s.tiers[words[1]], BW: number("bw", 0), LatencyS: number("latency", 0), RequestBytes: int64(number("request", 0)), MaxOutstanding: int(number("depth", -1)), IOAlign: 1, Order: "fifo", EnergyJPerByt: number("energy", 0)}
		if v := opts["shares"]; v != "" {
			for _, n := range strings.Split(v, ",") {
				e.Shares = append(e.Shares, s.tiers[n])
			}
		}
		s.p.Engines = append(s.p.Engines, e)
	case "executor": // executor NAME TIER=READ/WRITE …
		x := malloc.Executor{ID: len(s.p.Executors), Name: words[0]}
		for name, tier := range s.tiers {
			if v, ok := opts[name]; ok {
				var a malloc.Access
				if _, err := fmt.Sscanf(v, "%g/%g", &a.ReadBW, &a.WriteBW); err != nil {
					return err
				}
				a.Tier = tier
				x.Access = append(x.Access, a)
			}
		}
		s.p.Executors = append(s.p.Executors, x)
	case "overlap":
		s.p.Model.Overlap = words[0]
	case "buf": // buf NAME SIZE HOME
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return err
		}
		s.bufs[words[0]] = len(s.p.Buffers)
		s.p.Buffers = append(s.p.Buffers, malloc.Buffer{ID: len(s.p.Buffers), Name: words[0], Size: size, Home: s.tiers[words[2]]})
	case "op": // op COMPUTE read=BUF@TIER:BYTES,… write=…  on=EXECUTOR
		compute, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			return err
		}
		in := malloc.Instruction{ID: len(s.p.Instructions), Name: "op" + strconv.Itoa(len(s.p.Instructions)), ComputeS: compute}
		for _, dir := range []string{"read", "write"} {
			for _, o := range strings.Split(opts[dir], ",") {
				if o == "" {
					continue
				}
				name, rest, _ := strings.Cut(o, "@")
				tier, bytes, _ := strings.Cut(rest, ":")
				n, err := strconv.ParseInt(bytes, 10, 64)
				if err != nil {
					return err
				}
				list := &in.Reads
				if dir == "write" {
					list = &in.Writes
				}
				s.plan.Sites = append(s.plan.Sites, malloc.Site{Instr: in.ID, Arg: dir[:1] + strconv.Itoa(len(*list)), Tier: s.tiers[tier]})
				*list = append(*list, malloc.Operand{Buf: s.bufs[name], Bytes: n})
			}
		}
		if v, ok := opts["on"]; ok {
			x, _ := strconv.Atoi(v)
			in.RunsOn = []malloc.RunsOn{{Executor: x, ComputeS: compute}}
		}
		s.p.Instructions = append(s.p.Instructions, in)
	case "copy": // copy BUF ENGINE START BEFORE [bytes=] [after=] [once]
		buf := s.bufs[words[0]]
		var at [3]int
		for i := range at {
			at[i], _ = strconv.Atoi(words[1+i])
		}
		s.plan.Copies = append(s.plan.Copies, malloc.Copy{Buf: buf, Engine: at[0], Start: at[1], Before: at[2],
			Bytes: int64(number("bytes", float64(s.p.Buffers[buf].Size))), After: int(number("after", -1)), Once: len(words) > 4 && words[4] == "once"})
	case "block": // block BUF TIER START END OFFSET
		var at [3]int
		for i := range at {
			at[i], _ = strconv.Atoi(words[2+i])
		}
		s.plan.Blocks = append(s.plan.Blocks, malloc.Block{Buf: s.bufs[words[0]], Tier: s.tiers[words[1]], Start: at[0], End: at[1], Offset: int64(at[2])})
	case "loop": // loop BEGIN END TRIP [periodic] grow=BUF:SLOPE
		var at [3]int
		for i := range at {
			at[i], _ = strconv.Atoi(words[i])
		}
		l := malloc.Loop{Begin: at[0], End: at[1], Trip: int64(at[2]), Periodic: len(words) > 3 && words[3] == "periodic"}
		if v := opts["grow"]; v != "" {
			name, slope, _ := strings.Cut(v, ":")
			x, err := strconv.ParseFloat(slope, 64)
			if err != nil {
				return err
			}
			l.Growth = append(l.Growth, malloc.Growth{Buf: s.bufs[name], Slope: x})
		}
		s.p.Loops = append(s.p.Loops, l)
	default:
		return fmt.Errorf("unknown line %q", f[0])
	}
	return nil
}

func (s *script) run() string {
	sim := New()
	direct, err := sim.Direct(s.p, s.plan)
	if err != nil {
		return err.Error()
	}
	r, err := sim.Report(s.p, s.plan)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "total %s wait %s", seconds(r.TotalS), seconds(r.WaitS))
	if s.p.PeriodicLoop() != nil {
		fmt.Fprintf(&out, " period %s (before %s, loop %s, after %s)", seconds(r.PeriodS), seconds(r.BeforeS), seconds(r.LoopS), seconds(r.AfterS))
	}
	if r.EnergyJ > 0 {
		fmt.Fprintf(&out, " energy %s", seconds(r.EnergyJ))
	}
	for _, x := range r.Traffic {
		if x.Requests > 0 {
			fmt.Fprintf(&out, "\nengine %d: %d bytes, %d requests", x.Engine, x.Bytes, x.Requests)
		}
	}
	if math.Abs(direct.TotalS-r.TotalS) > 1e-9*direct.TotalS {
		fmt.Fprintf(&out, "\nBUT DIRECT: total %s", seconds(direct.TotalS))
	}
	return out.String()
}

func (s *script) timeline() string {
	t, err := New().Timeline(s.p, s.plan, TimelineOptions{MaxIterations: 3})
	if err != nil {
		return err.Error()
	}
	if err := t.Validate(); err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, l := range t.Lanes {
		fmt.Fprintf(&out, "%s %s\n", l.Kind, l.Name)
		for _, x := range l.Slices {
			iteration := ""
			if x.Iteration >= 0 {
				iteration = fmt.Sprintf(" #%d", x.Iteration)
			}
			what := [...]string{"run", "move", "wait for"}[x.Kind]
			cause := ""
			if x.Kind == trace.Wait {
				cause = " (" + x.Cause + ")"
			}
			fmt.Fprintf(&out, "  %s-%s %s %s%s%s\n", seconds(x.StartS), seconds(x.EndS), what, x.Name, cause, iteration)
		}
	}
	for _, o := range t.Tiers {
		if o.PeakBytes > 0 {
			fmt.Fprintf(&out, "tier %s peak %d:", o.Name, o.PeakBytes)
			for i := range o.TimesS {
				fmt.Fprintf(&out, " %s=%d", seconds(o.TimesS[i]), o.Bytes[i])
			}
			out.WriteByte('\n')
		}
	}
	for _, o := range t.Omitted {
		fmt.Fprintf(&out, "omitted #%d to #%d, %s-%s\n", o.FromIteration, o.ToIteration, seconds(o.StartS), seconds(o.EndS))
	}
	for _, c := range t.Counters {
		fmt.Fprintf(&out, "%s: %s %s\n", c.Name, seconds(c.Value), c.Unit)
	}
	return out.String()
}

// seconds prints to nine digits, so that hand-computed values read as computed.
func seconds(x float64) string { return strconv.FormatFloat(x, 'g', 9, 64) }
