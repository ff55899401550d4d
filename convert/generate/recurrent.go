package generate

import (
	"fmt"

	"strata/malloc"
)

// recurrent is a stack of gated recurrent layers run over a sequence: one
// periodic loop in which every layer's state is carried to the next position.
func (g *generator) recurrent() {
	width, batch, trip := g.pick(512, 1024, 1536), g.pick(1, 4, 16), g.pick(64, 128, 256)
	layers := g.layers(8)
	weights, states := make([]int, layers), make([]int, layers)
	for i := range layers {
		weights[i] = g.param(fmt.Sprintf("weight.%d", i), 6*width*width)
		states[i] = g.temp(fmt.Sprintf("state.%d", i), batch*width)
		g.step(fmt.Sprintf("zero.%d", i), "fill", "fill", nil, []int{states[i]}, elements(batch*width))
	}
	embedding := g.param("embedding", 4096*width)
	loop := malloc.Loop{Begin: len(g.s.Steps), Trip: trip, Periodic: true}
	x := g.temp("input", batch*width)
	st := g.step("input", "embed", "", []int{embedding}, []int{x}, elements(batch*width))
	st.Reads[0].Bytes = half * batch * width
	for i := range layers {
		gates := g.temp(fmt.Sprintf("gates.%d", i), batch*3*width)
		g.step(fmt.Sprintf("gates.%d", i), "gates", "gates", []int{x, states[i], weights[i]}, []int{gates}, product(6*width, width, batch))
		next := g.temp(fmt.Sprintf("state.next.%d", i), batch*width)
		g.step(fmt.Sprintf("cell.%d", i), "cell", "cell", []int{gates, states[i]}, []int{next}, elements(3*batch*width))
		loop.Carried = append(loop.Carried, [2]int{next, states[i]})
		x = next
	}
	loop.End = len(g.s.Steps)
	g.s.Loops = append(g.s.Loops, loop)
	g.s.Values[x].Out = true
}
