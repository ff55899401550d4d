package malloc

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCheckScripts runs testdata/check: "program" sets the instance, "plan"
// checks a plan for it, "mutate" checks that plan with a few edits.
func TestCheckScripts(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "check"), func(t *testing.T, path string) {
		var p *Program
		var plan *Plan
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "program":
				if p, err = parseProgram(d.Input); err != nil {
					return fmt.Sprintf("refused: %v\n", err)
				}
				return "ok\n"
			case "plan":
				if plan, err = parsePlan(p, d.Input); err != nil {
					t.Fatal(err)
				}
				return checked(t, p, plan)
			case "mutate":
				q, err := mutate(p, plan, d.Input)
				if err != nil {
					t.Fatal(err)
				}
				return checked(t, p, q)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func checked(t *testing.T, p *Program, plan *Plan) string {
	r, err := Check(p, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	if r.OK() {
		s.WriteString("legal")
		for tier, n := range r.PeakBytes {
			if n > 0 {
				fmt.Fprintf(&s, " %s:%d/%d", p.Tiers[tier].Name, n, r.ArenaBytes[tier])
			}
		}
		for _, x := range r.Traffic {
			fmt.Fprintf(&s, " e%d:%d/%d", x.Engine, x.Bytes, x.Requests)
		}
		s.WriteString("\n")
	}
	for i := range r.Violations {
		s.WriteString(r.Violations[i].Error() + "\n")
	}
	return s.String()
}

// fixedScore is an Evaluator that always says the same.
type fixedScore float64

func (s fixedScore) Evaluate(*Program, *Plan) (Score, error) { return Score{TotalS: float64(s)}, nil }

func tinyPlan(t testing.TB) (*Program, *Plan) {
	t.Helper()
	p, err := parseProgram("tier dram 16\ntier file inf ro\nengine file dram\nexec cpu dram\nbuf w 8 param file\ni a w")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := parsePlan(p, "block w dram 0 1 0\ncopy w 0 0 0..0")
	if err != nil {
		t.Fatal(err)
	}
	if err := Stamp(p, plan); err != nil {
		t.Fatal(err)
	}
	return p, plan
}

func TestCheckRecomputesClaimedTime(t *testing.T) {
	p, plan := tinyPlan(t)
	for _, c := range []struct {
		claimed float64
		legal   bool
	}{{2, true}, {2 * (1 + 5e-10), true}, {2 * (1 + 2e-9), false}, {0, false}} {
		plan.ClaimedS = c.claimed
		r, err := Check(p, plan, fixedScore(2))
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() != c.legal || !c.legal && ViolationCode(r.Err()) != WrongClaimedTime || !r.Scored {
			t.Errorf("claimed %g: %v", c.claimed, r.Err())
		}
	}
	// A new calibration changes the instance's hash only: the time is recomputed,
	// not refused.
	p.Engines[0].BW *= 2
	plan.ClaimedS = 7
	r, err := Check(p, plan, fixedScore(2))
	if err != nil || !r.OK() || r.InstanceMatches || r.Score.TotalS != 2 {
		t.Errorf("%+v %v", r, err)
	}
	// Another structure is another instance.
	p.Tiers[0].Capacity *= 2
	if r, err = Check(p, plan, fixedScore(2)); err != nil || !r.Has(WrongInstance) {
		t.Errorf("%+v %v", r, err)
	}
}

func TestCheckSurvivesAnything(t *testing.T) {
	p, legal := tinyPlan(t)
	extremes := []int{-1 << 62, -2, -1, 0, 1, 7, 1 << 40, 1<<62 - 1}
	for _, v := range extremes {
		for field := range 14 {
			plan := clonePlan(legal)
			b, c, s := &plan.Blocks[0], &plan.Copies[0], &plan.Sites[0]
			switch field {
			case 0:
				b.Buf = v
			case 1:
				b.Tier = v
			case 2:
				b.Start = v
			case 3:
				b.End = v
			case 4:
				b.Offset = int64(v)
			case 5:
				c.Buf = v
			case 6:
				c.Block = v
			case 7:
				c.Engine = v
			case 8:
				c.Start = v
			case 9:
				c.Before = v
			case 10:
				c.Bytes = int64(v)
			case 11:
				c.After = v
			case 12:
				s.Instr = v
			case 13:
				plan.Runs = []Run{{v, v}}
			}
			if _, err := Check(p, plan, nil); err != nil {
				t.Errorf("field %d = %d: %v", field, v, err)
			}
		}
	}
}

// BenchmarkCheck checks a plan of 10^5 instructions: each reads a weight that is
// copied in ahead of time and updates an activation.
func BenchmarkCheck(b *testing.B) {
	const n = 100_000
	off := make([]int64, n)
	p := &Program{Name: "long", Model: CostRules{"additive", "compute", "steal"},
		Tiers:     []Tier{{ID: 0, Name: "dram", Capacity: 1 << 30, ReadBW: 1, WriteBW: 1, Align: 4096}, {ID: 1, Name: "file", Capacity: Unlimited, ReadBW: 1, Align: 1}},
		Engines:   []Engine{{ID: 0, From: 1, To: 0, BW: 1, RequestBytes: 1 << 20, IOAlign: 4096, MaxOutstanding: 2, Order: "fifo"}},
		Executors: []Executor{{ID: 0, Name: "cpu", Access: []Access{{0, 1, 1}}}},
		Buffers:   []Buffer{{ID: 0, Name: "x", Size: 4096, Kind: KindActivation, Home: 0, End: EndDead}}}
	plan := &Plan{Blocks: []Block{{Buf: 0, Tier: 0, Start: 0, End: n, Offset: 0}}}
	const ring = 1000
	for t := range n {
		off[t] = int64(t) * 10000
		w := len(p.Buffers)
		p.Buffers = append(p.Buffers, Buffer{ID: w, Name: fmt.Sprint("w", t), Size: 10000, Kind: KindParam, Home: 1, End: EndKeep, HomeOffset: &off[t]})
		p.Instructions = append(p.Instructions, Instruction{ID: t, Name: "op", Reads: []Operand{{w, 10000}, {0, 4096}}, Writes: []Operand{{0, 4096}}})
		if t == 0 {
			p.Instructions[0].Reads = p.Instructions[0].Reads[:1]
		}
		s := max(0, t-ring+2)
		plan.Blocks = append(plan.Blocks, Block{Buf: w, Tier: 0, Start: s, End: t + 1, Offset: int64(4096 + (t%ring)*16384)})
		lo, hi := off[t]/4096*4096, (off[t]+10000+4095)/4096*4096
		plan.Copies = append(plan.Copies, Copy{Buf: w, Block: t + 1, Engine: 0, Start: s, Before: t, Bytes: hi - lo, After: -1})
		for j := range p.Instructions[t].Reads {
			plan.Sites = append(plan.Sites, Site{t, fmt.Sprint("r", j), 0})
		}
		plan.Sites = append(plan.Sites, Site{t, "w0", 0})
	}
	checker, err := NewChecker(p)
	if err != nil {
		b.Fatal(err)
	}
	r, err := checker.Check(plan, nil)
	if err != nil {
		b.Fatal(err)
	}
	plan.Traffic = r.Traffic
	for b.Loop() {
		if r, err = checker.Check(plan, nil); err != nil || !r.OK() {
			b.Fatal(err, r.Err())
		}
	}
}
