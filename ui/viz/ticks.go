package viz

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Unit says how an axis places and writes its ticks.
type Unit uint8

const (
	UnitNone    Unit = iota // no ticks
	UnitCount               // integers, steps 1-2-5, thousands apart
	UnitBytes               // steps of powers of two, binary units
	UnitSeconds             // steps 1-2-5, s, ms or µs
)

// Tick is a labelled position on an axis.
type Tick struct {
	Value float64
	Label string
}

// Ticks returns at most about target ticks in [lo, hi], all in one unit.
func Ticks(unit Unit, lo, hi float64, target int) []Tick {
	step := Step(unit, hi-lo, target)
	if step == 0 {
		return nil
	}
	scale, name := 1.0, ""
	switch unit {
	case UnitBytes:
		scale, name = byteUnit(max(math.Abs(lo), math.Abs(hi)))
	case UnitSeconds:
		scale, name = secondUnit(max(math.Abs(lo), math.Abs(hi)))
	}
	decimals := 0
	for s := step / scale; decimals < 6 && math.Abs(s-math.Round(s)) > 1e-6*s; s *= 10 {
		decimals++
	}
	var ticks []Tick
	first := math.Ceil(lo/step - 1e-9)
	for i := range 4*target + 4 { // bounded even where lo + step rounds to lo
		v := (first+float64(i))*step + 0 // no negative zero
		if !(v <= hi+step*1e-9) {
			break
		}
		label := strconv.FormatFloat(v/scale, 'f', decimals, 64)
		if unit == UnitCount {
			label = groupThousands(int64(math.Round(v)))
		}
		if name != "" {
			label += " " + name
		}
		ticks = append(ticks, Tick{v, label})
	}
	return ticks
}

// niceStep is the smallest of 1, 2, 5 · 10^k that is at least v.
func niceStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	switch f := v / p; {
	case f <= 1+1e-9:
		return p
	case f <= 2+1e-9:
		return 2 * p
	case f <= 5+1e-9:
		return 5 * p
	}
	return 10 * p
}

func byteUnit(v float64) (float64, string) {
	for i, name := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if scale := math.Exp2(float64(40 - 10*i)); v >= scale {
			return scale, name
		}
	}
	return 1, "B"
}

func secondUnit(v float64) (float64, string) {
	switch {
	case v >= 1:
		return 1, "s"
	case v >= 1e-3:
		return 1e-3, "ms"
	case v >= 1e-6:
		return 1e-6, "µs"
	}
	return 1e-9, "ns"
}

// FormatBytes writes bytes in the largest binary unit, three or four digits:
// "48.2 MiB".
func FormatBytes(n int64) string {
	scale, name := byteUnit(math.Abs(float64(n)))
	if scale == 1 {
		return fmt.Sprintf("%d B", n)
	}
	return shortFloat(float64(n)/scale) + " " + name
}

// FormatSeconds writes a time in s, ms, µs or ns, three or four digits.
func FormatSeconds(s float64) string {
	if s == 0 {
		return "0 s"
	}
	scale, name := secondUnit(math.Abs(s))
	return shortFloat(s/scale) + " " + name
}

// shortFloat keeps three significant digits without an exponent.
func shortFloat(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// groupThousands writes 12480 as "12,480".
func groupThousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}
