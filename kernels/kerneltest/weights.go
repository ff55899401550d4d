package kerneltest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"strata/kernels/op"
)

// WeightTypes are the types that a matmul reads.
var WeightTypes = []op.Type{op.Q4_1, op.Q4_0, op.Q8_0, op.F16, op.BF16, op.F32}

// Normal gives n values of standard deviation scale.
func Normal(r *rand.Rand, dst []float32, scale float64) {
	for i := range dst {
		dst[i] = float32(r.NormFloat64() * scale)
	}
}

// Weights fills rows of type t with random values of a trained model's size: every nibble and byte is
// possible, scales are positive and negative.
func Weights(r *rand.Rand, t op.Type, k int64, rows []byte) {
	size := int(op.RowBytes(t, k))
	for ; len(rows) >= size; rows = rows[size:] {
		row := rows[:size]
		switch t {
		case op.F32:
			for i := 0; i < size; i += 4 {
				binary.LittleEndian.PutUint32(row[i:], math.Float32bits(float32(r.NormFloat64()*0.05)))
			}
			continue
		case op.F16:
			for i := 0; i < size; i += 2 {
				binary.LittleEndian.PutUint16(row[i:], ToF16(float32(r.NormFloat64()*0.05)))
			}
			continue
		case op.BF16:
			for i := 0; i < size; i += 2 {
				binary.LittleEndian.PutUint16(row[i:], uint16(math.Float32bits(float32(r.NormFloat64()*0.05))>>16))
			}
			continue
		}
		for i := range row {
			row[i] = byte(r.Uint32())
		}
		block := size / int(k/32)
		for i := 0; i < size; i += block {
			d := 0.002 + r.Float64()*0.02
			if t == op.Q8_0 {
				d /= 8
			}
			if r.IntN(4) == 0 {
				d = -d
			}
			binary.LittleEndian.PutUint16(row[i:], ToF16(float32(d)))
			if t == op.Q4_1 {
				binary.LittleEndian.PutUint16(row[i+2:], ToF16(float32(-7.5*d+r.NormFloat64()*0.01)))
			}
		}
	}
}

// Decode gives the exact values of a row of k weights, straight from the formats' definitions.
func Decode(t op.Type, row []byte, k int64) []float64 {
	out := make([]float64, k)
	half := func(i int) float64 { return FromF16(binary.LittleEndian.Uint16(row[i:])) }
	for i := range out {
		b, j := i/32, i%32
		nibble := func(at int) float64 {
			if j < 16 {
				return float64(row[at+j] & 15)
			}
			return float64(row[at+j-16] >> 4)
		}
		switch t {
		case op.F32:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:])))
		case op.F16:
			out[i] = half(2 * i)
		case op.BF16:
			out[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(row[2*i:])) << 16))
		case op.Q4_1:
			out[i] = half(20*b)*nibble(20*b+4) + half(20*b+2)
		case op.Q4_0:
			out[i] = half(18*b) * (nibble(18*b+2) - 8)
		case op.Q8_0:
			out[i] = half(34*b) * float64(int8(row[34*b+2+j]))
		}
	}
	return out
}

// DecodeQ8Pair gives the values d * q of a row of k int8 activations.
func DecodeQ8Pair(row []byte, k int64) []float64 {
	out := make([]float64, k)
	for i := range out {
		pair, half, j := row[i/64*80:], i/32%2, i%32
		at := 16 + j/16*32 + 16*half + j%16
		d := math.Float32frombits(binary.LittleEndian.Uint32(pair[8*half:]))
		out[i] = float64(d) * float64(int8(pair[at]))
	}
	return out
}

// FromF16 is the value of an IEEE 754 binary16.
func FromF16(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return sign * math.Inf(1)
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// ToF16 rounds to the nearest binary16, ties to even.
func ToF16(f float32) uint16 {
	x := math.Abs(float64(f))
	var sign uint16
	if math.Signbit(float64(f)) {
		sign = 0x8000
	}
	switch {
	case math.IsNaN(x):
		return sign | 0x7e00
	case x >= 65520:
		return sign | 0x7c00
	case x < 0x1p-14:
		return sign | uint16(math.RoundToEven(math.Ldexp(x, 24)))
	}
	fraction, exponent := math.Frexp(x) // x = fraction * 2^exponent, 0.5 <= fraction < 1
	return sign | uint16(math.RoundToEven(fraction*2048)-1024) + uint16(exponent+14)<<10
}
