package workflow

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Size is a number of bytes, or a share of the model file's bytes that is added
// to what KV, activations, scratch and staging need.
type Size struct {
	Bytes   int64
	Percent float64 // when IsShare
	IsShare bool
	Set     bool
}

// ParseSize reads "64MiB", "1.5GB", plain bytes, or "50%".
func ParseSize(text string) (Size, error) {
	t := strings.TrimSpace(text)
	if p, ok := strings.CutSuffix(t, "%"); ok {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || math.IsNaN(v) || v < 0 || v > 1e6 {
			return Size{}, Badf("size %q: a share looks like 50%%", text)
		}
		return Size{Percent: v, IsShare: true, Set: true}, nil
	}
	v, err := humanize.ParseBytes(t)
	if err != nil || v > 1<<53-1 {
		return Size{}, Badf("size %q: write 64MiB, 1.5GB, plain bytes or 50%%", text)
	}
	return Size{Bytes: int64(v), Set: true}, nil
}

// FormatBytes writes bytes in binary units with one decimal, small numbers
// exactly.
func FormatBytes(n int64) string {
	if n < 0 {
		return "unlimited"
	}
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/(1<<10), 0
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for v >= 1023.95 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}
