package hlo

import (
	"fmt"
	"strconv"
	"strings"
)

// parseWindow reads "size=3x3 stride=2x2 pad=1_1x1_1 lhs_dilate=2x2".
func parseWindow(text string) ([]WindowDim, error) {
	var out []WindowDim
	for field := range strings.FieldsSeq(text) {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return nil, fmt.Errorf("%q: KEY=VALUE is expected", excerpt(field))
		}
		parts := strings.Split(value, "x")
		if len(parts) > maxRank {
			return nil, fmt.Errorf("more than %d dimensions", maxRank)
		}
		if out == nil {
			out = make([]WindowDim, len(parts))
			for i := range out {
				out[i] = WindowDim{Size: 1, Stride: 1, BaseDilation: 1, WindowDilation: 1}
			}
		}
		if len(parts) != len(out) {
			return nil, fmt.Errorf("%q has %d dimensions, the fields before %d", excerpt(field), len(parts), len(out))
		}
		for i, part := range parts {
			if key == "pad" {
				part, _, _ = strings.Cut(part, "_")
			}
			v, err := strconv.ParseInt(part, 10, 40)
			if err != nil {
				return nil, fmt.Errorf("%q: whole numbers are expected", excerpt(field))
			}
			w := &out[i]
			switch key {
			case "size":
				w.Size = v
			case "stride":
				w.Stride = v
			case "pad":
				w.PadLow = v
			case "lhs_dilate":
				w.BaseDilation = v
			case "rhs_dilate":
				w.WindowDilation = v
			}
		}
	}
	return out, checkWindow(out)
}

func checkWindow(window []WindowDim) error {
	for _, w := range window {
		if w.Size < 1 || w.Stride < 1 || w.BaseDilation < 1 || w.WindowDilation < 1 {
			return fmt.Errorf("window %+v: sizes, strides and dilations are at least 1", w)
		}
	}
	return nil
}

// parseLabels reads "bf01_oi01->bf01".
func parseLabels(text string) (ConvDims, error) {
	in, rest, ok1 := strings.Cut(text, "_")
	kernel, out, ok2 := strings.Cut(rest, "->")
	if !ok1 || !ok2 || len(text) > 3*maxRank {
		return ConvDims{}, fmt.Errorf("%q: labels such as bf01_oi01->bf01 are expected", excerpt(text))
	}
	var c ConvDims
	place := func(labels string, first, second byte, a, b *int64) []int64 {
		spatial := make([]int64, 0, len(labels))
		for i := range len(labels) {
			switch l := labels[i]; {
			case l == first:
				*a = int64(i)
			case l == second:
				*b = int64(i)
			case l >= '0' && l <= '9':
				for len(spatial) <= int(l-'0') {
					spatial = append(spatial, -1)
				}
				spatial[l-'0'] = int64(i)
			}
		}
		return spatial
	}
	c.InSpatial = place(in, 'b', 'f', &c.InBatch, &c.InFeature)
	c.KernelSpatial = place(kernel, 'i', 'o', &c.KernelIn, &c.KernelOut)
	c.OutSpatial = place(out, 'b', 'f', &c.OutBatch, &c.OutFeature)
	return c, nil
}
