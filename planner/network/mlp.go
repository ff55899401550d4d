package network

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// mlp is a multilayer perceptron with ReLU between its layers and a linear last
// one. All its weights lie in one slice: layer by layer, a matrix in × out, then
// out biases.
type mlp struct {
	widths  []int
	weights []float64
}

func newMLP(widths ...int) *mlp {
	n := 0
	for i := 1; i < len(widths); i++ {
		n += (widths[i-1] + 1) * widths[i]
	}
	return &mlp{widths, make([]float64, n)}
}

// initialise draws weights after He et al. and clears the biases; the last
// layer's are small, so that a fresh network is nearly indifferent.
func (m *mlp) initialise(rng *rand.Rand) {
	at := 0
	for i := 1; i < len(m.widths); i++ {
		in, out := m.widths[i-1], m.widths[i]
		scale := math.Sqrt(2 / float64(in))
		if i == len(m.widths)-1 {
			scale *= 0.1
		}
		for k := range in * out {
			m.weights[at+k] = scale * rng.NormFloat64()
		}
		clear(m.weights[at+in*out : at+(in+1)*out])
		at += (in + 1) * out
	}
}

// layer is a layer's matrix and biases within a slice shaped like weights.
func (m *mlp) layer(flat []float64, i int) (blas64.General, []float64) {
	at := 0
	for k := 1; k < i; k++ {
		at += (m.widths[k-1] + 1) * m.widths[k]
	}
	in, out := m.widths[i-1], m.widths[i]
	return matrix(flat[at:at+in*out], in, out), flat[at+in*out : at+(in+1)*out]
}

func matrix(data []float64, rows, cols int) blas64.General {
	return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: data[:rows*cols]}
}

// pass holds what one forward pass computed, and the gradients of the backward
// one; its memory is used again.
type pass struct {
	rows  int
	at    [][]float64 // per layer: rows × width; at[0] is the input
	slope [][]float64 // per layer: derivative of the loss by at
}

// reserve makes room for rows inputs and returns where they are written.
func (m *mlp) reserve(p *pass, rows int) []float64 {
	if p.at == nil {
		p.at, p.slope = make([][]float64, len(m.widths)), make([][]float64, len(m.widths))
	}
	p.rows = rows
	for i, w := range m.widths {
		if cap(p.at[i]) < rows*w {
			p.at[i] = make([]float64, rows*w)
		}
		p.at[i] = p.at[i][:rows*w]
	}
	return p.at[0]
}

// forward computes the outputs for the inputs in p.
func (m *mlp) forward(p *pass) []float64 {
	for i := 1; i < len(m.widths); i++ {
		w, bias := m.layer(m.weights, i)
		out := p.at[i]
		for r := range p.rows {
			copy(out[r*len(bias):], bias)
		}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, matrix(p.at[i-1], p.rows, w.Rows), w, 1, matrix(out, p.rows, w.Cols))
		if i < len(m.widths)-1 {
			for k, v := range out {
				out[k] = max(v, 0)
			}
		}
	}
	return p.at[len(m.widths)-1]
}

// backward adds to gradient, shaped like weights, the derivative of a loss whose
// derivative by the outputs is slope.
func (m *mlp) backward(p *pass, slope, gradient []float64) {
	last := len(m.widths) - 1
	p.slope[last] = append(p.slope[last][:0], slope...)
	for i := last; i >= 1; i-- {
		w, _ := m.layer(m.weights, i)
		dw, dbias := m.layer(gradient, i)
		d := p.slope[i]
		if i < last {
			for k, v := range p.at[i] {
				if v <= 0 {
					d[k] = 0
				}
			}
		}
		out := matrix(d, p.rows, w.Cols)
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, matrix(p.at[i-1], p.rows, w.Rows), out, 1, dw)
		for r := range p.rows {
			for k := range dbias {
				dbias[k] += d[r*w.Cols+k]
			}
		}
		if i > 1 {
			if cap(p.slope[i-1]) < p.rows*w.Rows {
				p.slope[i-1] = make([]float64, p.rows*w.Rows)
			}
			p.slope[i-1] = p.slope[i-1][:p.rows*w.Rows]
			blas64.Gemm(blas.NoTrans, blas.Trans, 1, out, w, 0, matrix(p.slope[i-1], p.rows, w.Rows))
		}
	}
}
