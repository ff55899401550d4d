package generate

import (
	"fmt"

	"strata/malloc"
)

// decoder is the shape of a decoder-only transformer.
type decoder struct {
	width, heads, kvHeads, headDim, ffn, vocabulary int64
	layers                                          int
}

func (g *generator) decoder() decoder {
	d := decoder{headDim: 64, heads: g.pick(12, 16, 24, 32), layers: g.layers(12), vocabulary: g.pick(16384, 32000, 49152)}
	d.width = d.heads * d.headDim
	d.kvHeads = d.heads / g.pick(1, 2, 4)
	d.ffn = d.width * 8 / 3 / 64 * 64
	return d
}

func (d *decoder) kvWidth() int64 { return d.kvHeads * d.headDim }

// layer writes the steps of one layer on tokens positions and returns the new
// residual. The cache, if any, is written in place and read up to kv positions.
func (g *generator) layer(d *decoder, i, x int, w []int, cache int, tokens, kv int64) int {
	name := func(part string) string { return fmt.Sprintf("%s.%d", part, i) }
	qkv := g.temp(name("qkv"), tokens*(d.width+2*d.kvWidth()))
	g.step(name("qkv"), "qkv", "qkv", []int{x, w[0]}, []int{qkv}, product(d.width+2*d.kvWidth(), d.width, tokens), elements(tokens*d.width))
	mixed := g.temp(name("attention"), tokens*d.width)
	work := attention(d.heads, d.headDim, kv, tokens)
	if cache < 0 {
		g.step(name("attention"), "attention", "attention", []int{qkv}, []int{mixed}, work)
	} else {
		st := g.step(name("store-kv"), "store-kv", "store-kv", []int{qkv}, []int{cache})
		st.Writes[0].Bytes = min(st.Writes[0].Bytes, half*tokens*2*d.kvWidth())
		st = g.step(name("attention"), "attention", "attention", []int{qkv, cache}, []int{mixed}, work)
		st.Reads[1].Bytes = min(st.Reads[1].Bytes, half*kv*2*d.kvWidth())
	}
	y := g.temp(name("residual"), tokens*d.width)
	g.step(name("out"), "out", "out", []int{mixed, w[1], x}, []int{y}, product(d.width, d.width, tokens), elements(tokens*d.width))
	up := g.temp(name("up"), tokens*d.ffn)
	g.step(name("up"), "ffn-up", "ffn-up", []int{y, w[2]}, []int{up}, product(2*d.ffn, d.width, tokens), elements(tokens*d.ffn))
	z := g.temp(name("x"), tokens*d.width)
	g.step(name("down"), "ffn-down", "ffn-down", []int{up, w[3], y}, []int{z}, product(d.width, d.ffn, tokens), elements(tokens*d.width))
	return z
}

func (g *generator) weights(d *decoder, i int) []int {
	name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
	return []int{g.param(name("qkv"), d.width*(d.width+2*d.kvWidth())), g.param(name("out"), d.width*d.width),
		g.param(name("up"), 2*d.width*d.ffn), g.param(name("down"), d.width*d.ffn)}
}

// prefill is a prompt's pass through all layers, straight.
func (g *generator) prefill() {
	d := g.decoder()
	tokens := g.pick(128, 256, 512)
	x := g.temp("embedding", tokens*d.width)
	table := g.param("table", d.vocabulary*d.width)
	st := g.step("embed", "embed", "", []int{table}, []int{x}, elements(tokens*d.width))
	st.Reads[0].Bytes = half * tokens * d.width
	for i := range d.layers {
		x = g.layer(&d, i, x, g.weights(&d, i), -1, tokens, tokens/2)
	}
	g.head(&d, x, table)
}

// head multiplies the last position with the tied table.
func (g *generator) head(d *decoder, x, table int) int {
	logits := g.temp("logits", d.vocabulary)
	st := g.step("logits", "output", "", []int{x, table}, []int{logits}, product(d.vocabulary, d.width, 1))
	st.Reads[0].Bytes = half * d.width
	g.s.Values[logits].Out = true
	return logits
}

// decode is a prompt's caches written at once, then tokens one by one in a
// periodic loop whose attention reads a row more each time.
func (g *generator) decode() {
	d := g.decoder()
	prompt, trip := g.pick(128, 256, 512), g.pick(32, 64, 128)
	table := g.param("table", d.vocabulary*d.width)
	first := g.temp("token.first", 1)
	weights := make([][]int, d.layers)
	caches := make([]int, d.layers)
	for i := range caches {
		weights[i] = g.weights(&d, i)
		caches[i] = g.value(fmt.Sprintf("kv.%d", i), (prompt+trip)*2*d.kvWidth(), malloc.KindKV)
		st := g.step(fmt.Sprintf("prompt.%d", i), "store-kv", "prompt", nil, []int{caches[i]})
		st.Writes[0].Bytes = half * prompt * 2 * d.kvWidth()
	}
	g.step("prompt.token", "sample", "", nil, []int{first})
	begin := len(g.s.Steps)
	x := g.temp("embedding", d.width)
	st := g.step("embed", "embed", "", []int{first, table}, []int{x}, elements(d.width))
	st.Reads[1].Bytes = half * d.width
	loop := malloc.Loop{Begin: begin, Trip: trip, Periodic: true}
	for i := range d.layers {
		x = g.layer(&d, i, x, weights[i], caches[i], 1, prompt+1)
		loop.Growth = append(loop.Growth, malloc.Growth{Buf: caches[i], Slope: float64(half * 2 * d.kvWidth())})
	}
	logits := g.head(&d, x, table)
	g.s.Values[logits].Out = false
	next := g.temp("token.next", 1)
	g.step("sample", "sample", "", []int{logits}, []int{next}, elements(d.vocabulary))
	g.s.Values[next].Out = true
	loop.End = len(g.s.Steps)
	loop.Carried = [][2]int{{next, first}}
	g.s.Loops = append(g.s.Loops, loop)
}

// moe is a prefill whose layers route to a few of their experts, as recorded:
// the seed decides which, and popular experts serve more tokens.
func (g *generator) moe() {
	d := g.decoder()
	d.layers = g.layers(8)
	tokens, experts, active := g.pick(64, 128), int(g.pick(8, 16, 32)), int(g.pick(2, 4))
	expertFFN := d.ffn / g.pick(2, 4) / 64 * 64
	x := g.temp("embedding", tokens*d.width)
	g.step("embed", "embed", "", nil, []int{x}, elements(tokens*d.width))
	for i := range d.layers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		mixed := g.temp(name("mixed"), tokens*d.width)
		g.step(name("attention"), "attention", "attention", []int{x, g.param(name("qkvo"), 4*d.width*d.width)}, []int{mixed},
			product(4*d.width, d.width, tokens), attention(d.heads, d.headDim, tokens/2, tokens))
		router := g.param(name("router"), int64(experts)*d.width)
		routed := g.temp(name("routed"), tokens*int64(experts))
		g.step(name("route"), "route", "route", []int{mixed, router}, []int{routed}, product(int64(experts), d.width, tokens))
		var parts []int
		for k, e := range g.rng.Perm(experts)[:min(experts, active*2)] {
			share := max(1, tokens*int64(active)/int64(2+k))
			share = min(share, tokens)
			w := g.param(fmt.Sprintf("blk.%d.expert.%d", i, e), 3*d.width*expertFFN)
			part := g.temp(fmt.Sprintf("blk.%d.part.%d", i, e), share*d.width)
			g.step(fmt.Sprintf("blk.%d.expert.%d", i, e), "expert", "expert", []int{mixed, routed, w}, []int{part},
				product(3*expertFFN, d.width, share))
			parts = append(parts, part)
		}
		y := g.temp(name("x"), tokens*d.width)
		g.step(name("combine"), "combine", "combine", append([]int{mixed, routed}, parts...), []int{y}, elements(tokens*d.width))
		x = y
	}
	g.s.Values[x].Out = true
}
