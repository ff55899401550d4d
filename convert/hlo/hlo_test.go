package hlo

import (
	"os"
	"strings"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
)

func loopText(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/loop.hlo")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoopWithKnownTripCount(t *testing.T) {
	s, err := Text([]byte(loopText(t)))
	if err != nil {
		t.Fatal(err)
	}
	p := converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy", "mcts")
	loop := p.PeriodicLoop()
	if loop == nil || loop.Trip != 12 {
		t.Fatalf("loops %+v, a periodic one of 12 iterations is expected", p.Loops)
	}
	// The counter and both states are carried; the weight is invariant.
	if len(loop.Carried) != 3 {
		t.Errorf("carried %v, three pairs are expected", loop.Carried)
	}
	var dots, writtenParams int
	for i := loop.Begin; i < loop.End; i++ {
		if in := &p.Instructions[i]; in.Op == "dot" {
			dots++
			if in.FLOPs != 2*8*256*256 {
				t.Errorf("dot has %g FLOP", in.FLOPs)
			}
		}
		for _, w := range p.Instructions[i].Writes {
			if p.Buffers[w.Buf].Kind == malloc.KindParam {
				writtenParams++
			}
		}
	}
	if dots != 1 || writtenParams != 0 {
		t.Errorf("%d products, %d writes to parameters in the body", dots, writtenParams)
	}
	outs := 0
	for _, b := range p.Buffers {
		if b.End == malloc.EndOut {
			outs++
			if b.Size != 8*256*4 {
				t.Errorf("result %s has %d bytes", b.Name, b.Size)
			}
		}
	}
	if outs != 1 {
		t.Errorf("%d results, one is expected", outs)
	}
}

func TestLoopWithoutTripCountIsCountedOnce(t *testing.T) {
	text, _, _ := strings.Cut(loopText(t), ", backend_config")
	s, err := Text([]byte(text + "\n  ROOT %r = f32[8,256] get-tuple-element(%loop), index=1\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy")
	if len(p.Loops) != 0 || !strings.Contains(p.Source.Notes, "counted once") {
		t.Errorf("loops %v, notes %q", p.Loops, p.Source.Notes)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"type":    {"f32[8,256]{1,0} negate", "f33[8,256]{1,0} negate", `element type "f33"`},
		"operand": {"negate(%x)", "negate(%y)", `operand "y" is not defined`},
		"calls":   {"calls=%fused", "calls=%lost", `calls "lost"`},
		"size":    {"f32[8,256]{1,0} negate", "f32[99999999,99999999999]{1,0} negate", "larger than 2^53-1"},
		"index":   {"%loop), index=1", "%loop), index=9", "no tuple with such an element"},
		"twice":   {"%first = ", "%x = ", "defined twice"},
		"circle":  {"condition=%cond, body=%body", "condition=%cond, body=%body", ""},
		"entry":   {"ENTRY %main", "%main", "no ENTRY"},
		"header":  {"HloModule", "Module", "HloModule NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Text([]byte(strings.Replace(loopText(t), c.old, c.new, 1)))
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, %q is expected", err, c.want)
			}
		})
	}
}

func TestSimpleFusion(t *testing.T) {
	s, err := Text([]byte(`HloModule m
ENTRY e {
  x = f32[64,64] parameter(0)
  two = f32[] constant(2)
  all = f32[64,64] broadcast(two), dimensions={}
  a = f32[64,64] multiply(x, all)
  b = f32[64,64] add(a, x)
  c = f32[64,64] exponential(b)
  d = f32[64,64] dot(c, x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  e1 = f32[64,64] negate(c)
  t = f32[64,64]{0,1} transpose(e1), dimensions={1,0}
  ROOT r = (f32[64,64], f32[64,64]{0,1}) tuple(d, t)
}
`))
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for i := range s.Steps {
		ops = append(ops, s.Steps[i].Op)
	}
	// multiply and add run inside exponential, which two instructions read; the
	// transpose only relabels; negate is a result.
	if got := strings.Join(ops, " "); got != "exponential dot negate" {
		t.Errorf("steps %q", got)
	}
	converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy")
}

func FuzzText(f *testing.F) {
	f.Add(loopText(f))
	f.Add("HloModule m\nENTRY e {\n  x = f32[2] parameter(0)\n  ROOT y = (f32[2]) tuple(x)\n}\n")
	f.Add("HloModule m\nENTRY e {\n  x = f32[8,4,4,4] parameter(0)\n  k = f32[2,4,3,3] parameter(1)\n  ROOT y = f32[8,2,4,4] convolution(x, k), window={size=3x3 pad=1_1x1_1}, dim_labels=bf01_oi01->bf01\n}\n")
	hw := converttest.Profile(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		s, err := Text([]byte(text))
		if err != nil {
			return
		}
		if p, err := convert.Lower(s, hw, convert.Options{}); err == nil {
			if err := malloc.Validate(p); err != nil {
				t.Error(err)
			}
		} else if strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
