package viz

import "math"

// linear undoes the sRGB transfer curve of one component.
func linear(v uint8) float64 {
	x := float64(v) / 255
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

// Contrast is the WCAG 2 contrast ratio of two colours, 1 to 21.
func Contrast(a, b Color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// lab converts linear RGB to CIE L*a*b* (D65).
func lab(r, g, b float64) [3]float64 {
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4124*r + 0.3576*g + 0.1805*b) / 0.95047)
	y := f(0.2126*r + 0.7152*g + 0.0722*b)
	z := f((0.0193*r + 0.1192*g + 0.9505*b) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// Vision is a kind of colour vision.
type Vision uint8

const (
	NormalVision Vision = iota
	Protanopia
	Deuteranopia
	Tritanopia
)

// Full-severity matrices on linear RGB of Machado, Oliveira and Fernandes, "A
// physiologically-based model for simulation of color vision deficiency"
// (2009), table 1.
var visionMatrix = [...][9]float64{
	NormalVision: {1, 0, 0, 0, 1, 0, 0, 0, 1},
	Protanopia:   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	Deuteranopia: {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	Tritanopia:   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

// Difference is the CIE76 difference of two colours as somebody with the given
// vision sees them; about 2.3 is just noticeable.
func Difference(a, b Color, v Vision) float64 {
	m := &visionMatrix[v]
	see := func(c Color) [3]float64 {
		r, g, b := linear(c.R), linear(c.G), linear(c.B)
		clamp := func(x float64) float64 { return min(max(x, 0), 1) }
		return lab(clamp(m[0]*r+m[1]*g+m[2]*b), clamp(m[3]*r+m[4]*g+m[5]*b), clamp(m[6]*r+m[7]*g+m[8]*b))
	}
	x, y := see(a), see(b)
	return math.Sqrt((x[0]-y[0])*(x[0]-y[0]) + (x[1]-y[1])*(x[1]-y[1]) + (x[2]-y[2])*(x[2]-y[2]))
}
