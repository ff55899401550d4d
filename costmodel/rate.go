package costmodel

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Work is one kernel call of a stage: what to compute, in which shape, on how
// many threads.
type Work struct {
	Kernel, DType, Mode string
	Threads             int
	Rows, Cols, Tokens  int64 // see the Kernel constants; Rows 0 counts as 1
	KV                  int64 // attention length (mean over the tokens)
}

// KernelUnit is the unit that a kernel's rates count.
func KernelUnit(kernel string) string {
	if kernel == KernelMatMul || kernel == KernelAttention {
		return UnitMAC
	}
	return UnitElement
}

// Units is the work in the kernel's unit.
func (w Work) Units() float64 {
	u := float64(max(w.Rows, 1)) * float64(w.Cols) * float64(w.Tokens)
	if w.Kernel == KernelAttention {
		u *= 2 * float64(w.KV)
	}
	return u
}

// reduction is the length that a rate point's K refers to.
func (w Work) reduction() int64 {
	if w.Kernel == KernelAttention {
		return w.KV
	}
	return w.Cols
}

// ComputeS is the compute-only time of w in seconds, operands in the nearest
// cache: memory time is the caller's to add. It includes one kernel launch.
//
// Between the shapes that were measured, time (not rate) is interpolated
// linearly, first in tokens, then in k, and is forced not to fall as the shape
// grows; below the smallest shape and above the largest the nearest rate
// holds. Types are compared without regard to case. Between thread counts the rate is interpolated; below the smallest it
// scales with threads, above the largest it stays. Entries of exactly the dtype
// and mode go before "*", a kernel of its own before the kernel "*".
func (x *Executor) ComputeS(w Work) (float64, error) {
	if w.Threads < 1 || w.Cols < 0 || w.Rows < 0 || w.Tokens < 0 || w.KV < 0 {
		return 0, fmt.Errorf("%s %s: threads %d, shape %d×%d×%d, attention %d: must not be negative, threads at least 1",
			w.Kernel, w.DType, w.Threads, w.Rows, w.Cols, w.Tokens, w.KV)
	}
	dtype, mode, kernel, ok := x.match(w)
	if !ok {
		return 0, fmt.Errorf("executor %s: no rate for kernel %q, type %q, mode %q; it has %s (calibrate again, or add the rate to the profile)",
			x.Name, w.Kernel, w.DType, w.Mode, list(x.rated(w.Kernel)))
	}
	var launch float64
	if x.LaunchS != nil {
		launch = x.LaunchS.V
	}
	if w.Units() == 0 {
		return launch, nil
	}
	// Nearest entries at or below and at or above the thread count.
	var lo, hi *KernelRate
	for i := range x.Kernels {
		k := &x.Kernels[i]
		if k.Kernel != kernel || !strings.EqualFold(k.DType, dtype) || k.Mode != mode {
			continue
		}
		if k.Threads <= w.Threads && (lo == nil || k.Threads > lo.Threads) {
			lo = k
		}
		if k.Threads >= w.Threads && (hi == nil || k.Threads < hi.Threads) {
			hi = k
		}
	}
	switch {
	case lo == nil:
		return launch + shapeS(hi.Points, w)*float64(hi.Threads)/float64(w.Threads), nil
	case hi == nil || lo == hi:
		return launch + shapeS(lo.Points, w), nil
	}
	a, b := 1/shapeS(lo.Points, w), 1/shapeS(hi.Points, w)
	f := float64(w.Threads-lo.Threads) / float64(hi.Threads-lo.Threads)
	return launch + 1/(a+(b-a)*f), nil
}

// match picks the entry keys that serve w, most specific first.
func (x *Executor) match(w Work) (dtype, mode, kernel string, ok bool) {
	kernels := []string{w.Kernel, KernelOther}
	if KernelUnit(w.Kernel) == UnitMAC {
		kernels = kernels[:1]
	}
	for _, kernel := range kernels {
		for _, dm := range [4][2]string{{w.DType, w.Mode}, {w.DType, Any}, {Any, w.Mode}, {Any, Any}} {
			for i := range x.Kernels {
				k := &x.Kernels[i]
				if k.Kernel == kernel && strings.EqualFold(k.DType, dm[0]) && k.Mode == dm[1] {
					return k.DType, dm[1], kernel, true
				}
			}
		}
	}
	return "", "", "", false
}

// rated lists what the executor has for a kernel, for errors.
func (x *Executor) rated(kernel string) []string {
	var names []string
	for i := range x.Kernels {
		k := &x.Kernels[i]
		if k.Kernel == kernel {
			names = append(names, k.DType+"/"+k.Mode)
		}
	}
	return slices.Compact(sorted(names))
}

// shapeS is the time of w by one entry's points.
func shapeS(points []RatePoint, w Work) float64 {
	tokens, k := float64(w.Tokens), float64(w.reduction())
	// per is the work per (token · k): rows, or heads times dimensions.
	per := w.Units() / (tokens * k)
	var lengths []int64
	for i := range points {
		lengths = append(lengths, points[i].K)
	}
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	// For each k: time of one (per) unit at w.Tokens, a curve over tokens.
	curve := make([]point, 0, len(lengths))
	for _, length := range lengths {
		var byTokens []point
		for i := range points {
			if points[i].K == length {
				t := float64(points[i].Tokens)
				byTokens = append(byTokens, point{t, t / points[i].Rate.V})
			}
		}
		perK := curveAt(byTokens, tokens)
		if length == 0 { // any k
			if len(lengths) == 1 {
				return per * k * perK
			}
			continue
		}
		curve = append(curve, point{float64(length), float64(length) * perK})
	}
	return per * curveAt(curve, k)
}

// point is a time at a size.
type point struct{ x, y float64 }

// curveAt evaluates a time curve: y proportional to x below the first point and
// above the last, linear between, never falling.
func curveAt(c []point, x float64) float64 {
	slices.SortFunc(c, func(a, b point) int {
		if a.x < b.x {
			return -1
		} else if a.x > b.x {
			return 1
		}
		return 0
	})
	top := 0.0
	for i := range c {
		top = max(top, c[i].y)
		c[i].y = top
	}
	n := len(c)
	switch {
	case x <= c[0].x:
		return c[0].y * x / c[0].x
	case x >= c[n-1].x:
		return c[n-1].y * x / c[n-1].x
	}
	i := 1
	for c[i].x < x {
		i++
	}
	f := (x - c[i-1].x) / (c[i].x - c[i-1].x)
	return c[i-1].y + f*(c[i].y-c[i-1].y)
}

// ReadBW is the bandwidth in bytes/s at which the executor reads a tier with
// the given threads, sweeping a working set of that many bytes again and again
// (0: large).
func (x *Executor) ReadBW(tier string, threads int, workingSetBytes int64) (float64, error) {
	a, err := x.access(tier)
	if err != nil {
		return 0, err
	}
	return accessAt(a.Read, threads, workingSetBytes), nil
}

// WriteBW likewise for writes; an error where the tier cannot be written.
func (x *Executor) WriteBW(tier string, threads int, workingSetBytes int64) (float64, error) {
	a, err := x.access(tier)
	if err != nil {
		return 0, err
	}
	if len(a.Write) == 0 {
		return 0, fmt.Errorf("executor %s cannot write tier %s", x.Name, tier)
	}
	return accessAt(a.Write, threads, workingSetBytes), nil
}

// StreamS is the time in seconds in which kernel w reads bytes of weights that are
// not cached: at ReadBW of the tier; or, for a matmul whose streaming from the
// executor's first tier was measured, at that bandwidth where it is lower, after
// the time that each matmul needs to get going. The time of a matmul is then
// max(ComputeS, StreamS).
func (x *Executor) StreamS(w Work, tier string, bytes float64, workingSetBytes int64) (float64, error) {
	bw, err := x.ReadBW(tier, w.Threads, workingSetBytes)
	if err != nil {
		return 0, err
	}
	start := 0.0
	if dtype, mode, kernel, ok := x.match(w); ok && tier == x.Access[0].Tier {
		var rates, starts []ThreadValue
		for i := range x.Kernels {
			k := &x.Kernels[i]
			if k.Kernel != kernel || !strings.EqualFold(k.DType, dtype) || k.Mode != mode || k.StreamBW == nil {
				continue
			}
			rates = append(rates, ThreadValue{Threads: k.Threads, Value: *k.StreamBW})
			if k.StreamStartS != nil {
				starts = append(starts, ThreadValue{Threads: k.Threads, Value: *k.StreamStartS})
			}
		}
		byCount := func(a, b ThreadValue) int { return a.Threads - b.Threads }
		slices.SortFunc(rates, byCount)
		slices.SortFunc(starts, byCount)
		if len(rates) > 0 {
			bw = min(bw, byThreads(rates, w.Threads, true))
			start = byThreads(starts, w.Threads, false)
		}
	}
	if bw <= 0 {
		return 0, nil
	}
	return start + bytes/bw, nil
}

// Reaches tells whether the executor reads the tier directly.
func (x *Executor) Reaches(tier string) bool {
	_, err := x.access(tier)
	return err == nil
}

func (x *Executor) access(tier string) (*TierAccess, error) {
	names := make([]string, len(x.Access))
	for i := range x.Access {
		if x.Access[i].Tier == tier {
			return &x.Access[i], nil
		}
		names[i] = x.Access[i].Tier
	}
	return nil, fmt.Errorf("executor %s does not reach tier %q; it reaches %s", x.Name, tier, list(names))
}

// accessAt interpolates in the logarithm of the working set, then in threads.
func accessAt(list []AccessBW, threads int, bytes int64) float64 {
	var counts []int
	for i := range list {
		counts = append(counts, list[i].Threads)
	}
	slices.Sort(counts)
	counts = slices.Compact(counts)
	values := make([]ThreadValue, 0, len(counts))
	for _, n := range counts {
		var c []point
		for i := range list {
			if list[i].Threads == n {
				size := float64(list[i].WorkingSetBytes)
				if size == 0 {
					size = math.Inf(1)
				}
				c = append(c, point{size, list[i].BW.V})
			}
		}
		values = append(values, ThreadValue{Threads: n, Value: Value{V: bwAt(c, bytes)}})
	}
	return byThreads(values, threads, true)
}

// bwAt: constant outside the points, linear in log bytes between.
func bwAt(c []point, bytes int64) float64 {
	slices.SortFunc(c, func(a, b point) int {
		if a.x < b.x {
			return -1
		} else if a.x > b.x {
			return 1
		}
		return 0
	})
	x := float64(bytes)
	if bytes <= 0 {
		x = math.Inf(1)
	}
	n := len(c)
	if x <= c[0].x {
		return c[0].y
	}
	if x >= c[n-1].x {
		return c[n-1].y
	}
	i := 1
	for c[i].x < x {
		i++
	}
	if math.IsInf(c[i].x, 1) {
		return c[i-1].y
	}
	f := math.Log(x/c[i-1].x) / math.Log(c[i].x/c[i-1].x)
	return c[i-1].y + f*(c[i].y-c[i-1].y)
}

// byThreads interpolates linearly between thread counts and stays at the value
// of the largest above; below the smallest it scales with threads if scale,
// else stays.
func byThreads(v []ThreadValue, threads int, scale bool) float64 {
	n := len(v)
	switch {
	case n == 0:
		return 0
	case threads < v[0].Threads:
		if scale {
			return v[0].Value.V * float64(max(threads, 1)) / float64(v[0].Threads)
		}
		return v[0].Value.V
	case threads >= v[n-1].Threads:
		return v[n-1].Value.V
	}
	i := 1
	for v[i].Threads < threads {
		i++
	}
	if v[i].Threads == threads {
		return v[i].Value.V
	}
	f := float64(threads-v[i-1].Threads) / float64(v[i].Threads-v[i-1].Threads)
	return v[i-1].Value.V + f*(v[i].Value.V-v[i-1].Value.V)
}

// LastLevelCache is the largest cache, or nil when the profile names none.
func (x *Executor) LastLevelCache() *Cache {
	if len(x.Caches) == 0 {
		return nil
	}
	return &x.Caches[len(x.Caches)-1]
}

// BW is the cache's read bandwidth for all threads together, bytes/s.
func (c *Cache) BW(threads int) float64 { return byThreads(c.Read, threads, true) }

// ReuseBytes is the reuse distance below which an operand is served from the
// cache, for work shared by that many threads.
func (c *Cache) ReuseBytes(threads int) int64 {
	b := c.Bytes.V
	if c.UsableBytes.V > 0 {
		b = c.UsableBytes.V
	}
	if c.Scope == ScopeCore {
		b *= int64(max(threads, 1))
	}
	return b
}

// Barrier is the time of one barrier between threads; 0 for one thread or when
// the profile gives none.
func (x *Executor) Barrier(threads int) float64 {
	if threads <= 1 {
		return 0
	}
	return byThreads(x.BarrierS, threads, false)
}
