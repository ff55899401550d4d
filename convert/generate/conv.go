package generate

import "fmt"

// conv is a training step of a residual convolutional net: activations are
// kept from the forward pass until the backward pass reads them in reverse.
func (g *generator) conv() {
	batch, size, channels := g.pick(8, 16, 32), g.pick(32, 56, 64), g.pick(32, 64)
	blocks := g.layers(12)
	type record struct{ in, out, weight, macsRows, macsK, positions int64 }
	var tape []record
	x := int64(g.temp("images", batch*size*size*channels))
	g.step("images", "load", "", nil, []int{int(x)})
	for i := range blocks {
		out, stride := channels, int64(1)
		if i > 0 && i%max(1, blocks/4) == 0 && size > 7 {
			out, stride = 2*channels, 2
		}
		size = (size + stride - 1) / stride
		w := int64(g.param(fmt.Sprintf("weight.%d", i), 9*channels*out))
		y := int64(g.temp(fmt.Sprintf("activation.%d", i), batch*size*size*out))
		r := record{x, y, w, out, 9 * channels, batch * size * size}
		g.step(fmt.Sprintf("conv.%d", i), "convolution", "convolution", []int{int(x), int(w)}, []int{int(y)}, product(r.macsRows, r.macsK, r.positions), elements(r.positions*out))
		tape = append(tape, r)
		x, channels = y, out
	}
	gradient := g.temp("gradient.loss", batch*size*size*channels)
	g.step("loss", "loss", "", []int{int(x)}, []int{gradient}, elements(batch*size*size*channels))
	for i := len(tape) - 1; i >= 0; i-- {
		r := tape[i]
		update := g.temp(fmt.Sprintf("update.%d", i), r.macsK*r.macsRows)
		g.step(fmt.Sprintf("weight-gradient.%d", i), "convolution", "weight-gradient", []int{gradient, int(r.in)}, []int{update}, product(r.macsRows, r.positions, r.macsK))
		g.s.Values[update].Out = true
		if i == 0 {
			break
		}
		next := g.temp(fmt.Sprintf("gradient.%d", i), g.s.Values[r.in].Bytes/half)
		g.step(fmt.Sprintf("gradient.%d", i), "convolution", "gradient", []int{gradient, int(r.weight), int(r.in)}, []int{next}, product(r.macsK, r.macsRows, r.positions))
		gradient = next
	}
}
