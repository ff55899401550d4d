// Package generate makes schedules of well-known shapes from a seed: the same
// kind, seed and scale give the same schedule everywhere. Widths and lengths vary with
// the seed, the number of repeated layers with the scale.
package generate

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"strata/convert"
	"strata/costmodel"
	"strata/malloc"
)

// Kinds lists what can be generated.
var Kinds = []string{"transformer-prefill", "transformer-decode", "conv", "moe", "recurrent", "known-optimum"}

// maxScale keeps the largest schedule within 10^5 instructions.
const maxScale = 256

// Generate makes a schedule; scale 1 has 8 to 16 layers.
func Generate(kind string, seed uint64, scale float64) (*convert.Schedule, error) {
	if scale == 0 {
		scale = 1
	}
	if !(scale > 0) || scale > maxScale {
		return nil, fmt.Errorf("scale %g: more than 0 and at most %d is expected", scale, maxScale)
	}
	h := fnv.New64a()
	h.Write([]byte(kind))
	g := &generator{rng: rand.New(rand.NewPCG(seed, h.Sum64())), scale: scale, s: &convert.Schedule{Name: fmt.Sprintf("%s-%d", kind, seed)}}
	switch kind {
	case "transformer-prefill":
		g.prefill()
	case "transformer-decode":
		g.decode()
	case "conv":
		g.conv()
	case "moe":
		g.moe()
	case "recurrent":
		g.recurrent()
	case "known-optimum":
		g.knownOptimum()
	default:
		return nil, fmt.Errorf("kind %q is not known; known are %s", kind, strings.Join(Kinds, ", "))
	}
	g.s.Source.Converter = "generate " + kind
	g.s.Source.License = "CC0-1.0"
	g.s.Notes = append(g.s.Notes, fmt.Sprintf("generated with seed %d and scale %g", seed, scale))
	return g.s, nil
}

type generator struct {
	rng   *rand.Rand
	scale float64
	s     *convert.Schedule
}

// layers is base layers, scaled, at least one.
func (g *generator) layers(base int) int { return max(1, int(math.Round(float64(base)*g.scale))) }

// pick chooses one of a few sizes.
func (g *generator) pick(sizes ...int64) int64 { return sizes[g.rng.IntN(len(sizes))] }

const half = 2 // bytes of an f16 element

func (g *generator) value(name string, elements int64, kind string) int {
	g.s.Values = append(g.s.Values, convert.Value{Name: name, Bytes: half * elements, Kind: kind})
	return len(g.s.Values) - 1
}

func (g *generator) param(name string, elements int64) int {
	return g.value(name, elements, malloc.KindParam)
}
func (g *generator) temp(name string, elements int64) int {
	return g.value(name, elements, malloc.KindActivation)
}

// step adds an instruction that reads and writes whole values.
func (g *generator) step(name, op, group string, reads, writes []int, work ...costmodel.Work) *convert.Step {
	st := convert.Step{Name: name, Op: op, Group: group, Work: work}
	for _, w := range work {
		if costmodel.KernelUnit(w.Kernel) == costmodel.UnitMAC {
			st.FLOPs += 2 * w.Units()
		} else {
			st.FLOPs += w.Units()
		}
	}
	for _, v := range reads {
		st.Reads = append(st.Reads, malloc.Operand{Buf: v, Bytes: g.s.Values[v].Bytes})
	}
	for _, v := range writes {
		st.Writes = append(st.Writes, malloc.Operand{Buf: v, Bytes: g.s.Values[v].Bytes})
	}
	g.s.Steps = append(g.s.Steps, st)
	return &g.s.Steps[len(g.s.Steps)-1]
}

func product(rows, k, tokens int64) costmodel.Work {
	return costmodel.Work{Kernel: costmodel.KernelMatMul, DType: "f16", Rows: rows, Cols: k, Tokens: tokens}
}

func elements(n int64) costmodel.Work {
	return costmodel.Work{Kernel: "elementwise", DType: "f32", Cols: n, Tokens: 1}
}

func attention(heads, headDim, kv, tokens int64) costmodel.Work {
	return costmodel.Work{Kernel: costmodel.KernelAttention, DType: "f16", Rows: heads, Cols: headDim, KV: kv, Tokens: tokens}
}
