package costmodel

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Limits of a profile, so that a hostile file cannot make later phases slow.
const (
	maxProfileTiers  = 64
	maxProfileLinks  = 256
	maxProfileRates  = 10_000
	maxProfilePoints = 1_000
	maxCount         = 1 << 20 // threads, depth
)

// Validate checks everything a reader of the profile relies on. Errors name the
// field by its JSON path.
func (p *Profile) Validate() error {
	if p.Format != ProfileFormat {
		return fmt.Errorf("format: found %q, expected %q", p.Format, ProfileFormat)
	}
	if p.Name == "" {
		return errors.New("name: empty; give the profile a short name")
	}
	switch p.Kind {
	case ProfileMeasured, ProfileQuoted, ProfileTest:
	default:
		return fmt.Errorf("kind: found %q, expected %q, %q or %q", p.Kind, ProfileMeasured, ProfileQuoted, ProfileTest)
	}
	if err := checkDate("date", p.Date); err != nil {
		return err
	}
	for _, key := range sortedKeys(p.Sources) {
		if err := p.Sources[key].validate(fmt.Sprintf("sources[%q]", key)); err != nil {
			return err
		}
	}
	c := check{p: p, tiers: make(map[string]bool, len(p.Tiers))}
	return firstOf(c.checkTiers, c.checkLinks, c.checkExecutors, c.checkOverlap)
}

// firstOf returns the first error; later checks rely on earlier ones.
func firstOf(checks ...func() error) error {
	for _, f := range checks {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) validate(at string) error {
	switch s.Kind {
	case SourceQuoted, SourceDerived, SourceAssumed:
	case SourceMeasured:
		if err := checkDate(at+".date", s.Date); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s.kind: found %q, expected %q, %q, %q or %q", at, s.Kind, SourceMeasured, SourceQuoted, SourceDerived, SourceAssumed)
	}
	if s.Document == "" {
		return fmt.Errorf("%s.document: empty; name the document or the method", at)
	}
	return nil
}

func checkDate(at, date string) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("%s: found %q, expected YYYY-MM-DD", at, date)
	}
	return nil
}

// check walks one profile.
type check struct {
	p     *Profile
	tiers map[string]bool
}

// value checks a number: finite, at least least, spread sane, source known.
func (c *check) value(at string, v Value, least float64) error {
	if math.IsNaN(v.V) || math.IsInf(v.V, 0) || v.V < least {
		if least > 0 {
			return fmt.Errorf("%s: found %g, expected a positive number", at, v.V)
		}
		return fmt.Errorf("%s: found %g, expected a number that is not negative", at, v.V)
	}
	if math.IsNaN(v.Spread) || v.Spread < 0 || math.IsInf(v.Spread, 0) {
		return fmt.Errorf("%s.spread: found %g, expected a relative half-width ≥ 0", at, v.Spread)
	}
	return c.source(at, v.Source)
}

func (c *check) positive(at string, v Value) error {
	return c.value(at, v, math.SmallestNonzeroFloat64)
}

func (c *check) source(at, key string) error {
	if _, ok := c.p.Sources[key]; !ok {
		return fmt.Errorf("%s.source: %q is not in sources (%s)", at, key, list(sortedKeys(c.p.Sources)))
	}
	return nil
}

func (c *check) tier(at, name string) error {
	if !c.tiers[name] {
		return fmt.Errorf("%s: no tier %q; there are %s", at, name, list(sortedKeys(c.tiers)))
	}
	return nil
}

func (c *check) checkTiers() error {
	if n := len(c.p.Tiers); n == 0 || n > maxProfileTiers {
		return fmt.Errorf("tiers: found %d, expected 1 to %d", n, maxProfileTiers)
	}
	unlimited := 0
	for i := range c.p.Tiers {
		t := &c.p.Tiers[i]
		at := fmt.Sprintf("tiers[%d]", i)
		if t.Name == "" || c.tiers[t.Name] {
			return fmt.Errorf("%s.name: %q is empty or taken", at, t.Name)
		}
		c.tiers[t.Name] = true
		switch v := t.CapacityBytes.V; {
		case v == Unlimited:
			unlimited++
		case v <= 0 || v >= 1<<53:
			return fmt.Errorf("%s.capacity_bytes: found %d, expected -1 (unlimited) or 1 to 2^53", at, v)
		}
		if !powerOfTwo(t.Align) {
			return fmt.Errorf("%s.align: found %d, expected a power of two", at, t.Align)
		}
		if err := firstOf(
			func() error { return c.source(at+".capacity_bytes", t.CapacityBytes.Source) },
			func() error { return c.positive(at+".read_bw", t.ReadBW) },
			func() error { return c.value(at+".write_bw", t.WriteBW, 0) },
			func() error { return c.value(at+".latency_s", t.LatencyS, 0) },
		); err != nil {
			return err
		}
	}
	if unlimited != 1 {
		return fmt.Errorf("tiers: %d have capacity_bytes -1, expected exactly one (where the model lies)", unlimited)
	}
	return nil
}

func (c *check) checkLinks() error {
	if n := len(c.p.Links); n > maxProfileLinks {
		return fmt.Errorf("links: found %d, at most %d", n, maxProfileLinks)
	}
	names := make(map[string]bool, len(c.p.Links))
	for i := range c.p.Links {
		l := &c.p.Links[i]
		at := fmt.Sprintf("links[%d]", i)
		if l.Name == "" || names[l.Name] {
			return fmt.Errorf("%s.name: %q is empty or taken", at, l.Name)
		}
		names[l.Name] = true
		if l.From == l.To {
			return fmt.Errorf("%s: from and to are both %q", at, l.From)
		}
		if !powerOfTwo(l.IOAlign) {
			return fmt.Errorf("%s.io_align: found %d, expected a power of two", at, l.IOAlign)
		}
		if l.RequestBytes < 0 || l.RequestBytes%l.IOAlign != 0 {
			return fmt.Errorf("%s.request_bytes: found %d, expected 0 or a multiple of io_align %d", at, l.RequestBytes, l.IOAlign)
		}
		if l.Depth != -1 && (l.Depth < 1 || l.Depth > maxCount) {
			return fmt.Errorf("%s.depth: found %d, expected -1 or at least 1", at, l.Depth)
		}
		switch l.State {
		case "", LinkDirect, LinkCached:
		default:
			return fmt.Errorf("%s.state: found %q, expected %q, %q or none", at, l.State, LinkDirect, LinkCached)
		}
		if err := firstOf(
			func() error { return c.tier(at+".from", l.From) },
			func() error { return c.tier(at+".to", l.To) },
			func() error { return c.positive(at+".bw", l.BW) },
			func() error { return c.value(at+".latency_s", l.LatencyS, 0) },
		); err != nil {
			return err
		}
		for j, s := range l.Shares {
			if err := c.tier(fmt.Sprintf("%s.shares[%d]", at, j), s); err != nil {
				return err
			}
		}
		if len(l.Curve) > maxProfilePoints {
			return fmt.Errorf("%s.curve: found %d points, at most %d", at, len(l.Curve), maxProfilePoints)
		}
		for j, pt := range l.Curve {
			pat := fmt.Sprintf("%s.curve[%d]", at, j)
			if pt.RequestBytes <= 0 || pt.Depth < 1 || pt.Depth > maxCount {
				return fmt.Errorf("%s: request_bytes %d, depth %d; both must be at least 1", pat, pt.RequestBytes, pt.Depth)
			}
			if err := c.positive(pat+".bw", pt.BW); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) checkExecutors() error {
	if n := len(c.p.Executors); n == 0 || n > maxProfileTiers {
		return fmt.Errorf("executors: found %d, expected 1 to %d", n, maxProfileTiers)
	}
	names := make(map[string]bool)
	for i := range c.p.Executors {
		x := &c.p.Executors[i]
		at := fmt.Sprintf("executors[%d]", i)
		if x.Name == "" || names[x.Name] {
			return fmt.Errorf("%s.name: %q is empty or taken", at, x.Name)
		}
		names[x.Name] = true
		if x.Cores < 1 || x.Cores > maxCount {
			return fmt.Errorf("%s.cores: found %d, expected at least 1", at, x.Cores)
		}
		if err := firstOf(
			func() error { return c.checkAccess(at, x) },
			func() error { return c.checkCaches(at, x) },
			func() error { return c.threadValues(at+".barrier_s", x.BarrierS, 0) },
			func() error {
				if x.LaunchS == nil {
					return nil
				}
				return c.value(at+".launch_s", *x.LaunchS, 0)
			},
			func() error { return c.checkKernels(at, x) },
		); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) checkAccess(at string, x *Executor) error {
	if len(x.Access) == 0 {
		return fmt.Errorf("%s.access: empty; an executor reaches at least one tier", at)
	}
	seen := make(map[string]bool)
	for j := range x.Access {
		a := &x.Access[j]
		aat := fmt.Sprintf("%s.access[%d]", at, j)
		if err := c.tier(aat+".tier", a.Tier); err != nil {
			return err
		}
		if seen[a.Tier] {
			return fmt.Errorf("%s.tier: %q listed twice", aat, a.Tier)
		}
		seen[a.Tier] = true
		if len(a.Read) == 0 {
			return fmt.Errorf("%s.read: empty", aat)
		}
		if err := c.accessBW(aat+".read", a.Read); err != nil {
			return err
		}
		if err := c.accessBW(aat+".write", a.Write); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) accessBW(at string, list []AccessBW) error {
	if len(list) > maxProfilePoints {
		return fmt.Errorf("%s: found %d points, at most %d", at, len(list), maxProfilePoints)
	}
	for k, b := range list {
		bat := fmt.Sprintf("%s[%d]", at, k)
		if b.Threads < 1 || b.Threads > maxCount {
			return fmt.Errorf("%s.threads: found %d, expected at least 1", bat, b.Threads)
		}
		if b.WorkingSetBytes < 0 {
			return fmt.Errorf("%s.working_set_bytes: found %d, expected at least 0", bat, b.WorkingSetBytes)
		}
		if err := c.positive(bat+".bw", b.BW); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) checkCaches(at string, x *Executor) error {
	var last int64
	if len(x.Caches) > maxProfileTiers {
		return fmt.Errorf("%s.caches: found %d, at most %d", at, len(x.Caches), maxProfileTiers)
	}
	for j := range x.Caches {
		h := &x.Caches[j]
		hat := fmt.Sprintf("%s.caches[%d]", at, j)
		if h.Name == "" {
			return fmt.Errorf("%s.name: empty", hat)
		}
		if h.Bytes.V <= last {
			return fmt.Errorf("%s.bytes: found %d after %d; list caches smallest first", hat, h.Bytes.V, last)
		}
		last = h.Bytes.V
		if err := c.source(hat+".bytes", h.Bytes.Source); err != nil {
			return err
		}
		if h.UsableBytes != (Size{}) {
			if h.UsableBytes.V <= 0 || h.UsableBytes.V > h.Bytes.V {
				return fmt.Errorf("%s.usable_bytes: found %d, expected 1 to bytes %d", hat, h.UsableBytes.V, h.Bytes.V)
			}
			if err := c.source(hat+".usable_bytes", h.UsableBytes.Source); err != nil {
				return err
			}
		}
		if h.Scope != ScopeCore && h.Scope != ScopeShared {
			return fmt.Errorf("%s.scope: found %q, expected %q or %q", hat, h.Scope, ScopeCore, ScopeShared)
		}
		if len(h.Read) == 0 {
			return fmt.Errorf("%s.read: empty", hat)
		}
		if err := c.threadValues(hat+".read", h.Read, math.SmallestNonzeroFloat64); err != nil {
			return err
		}
	}
	return nil
}

// threadValues requires strictly rising thread counts.
func (c *check) threadValues(at string, list []ThreadValue, least float64) error {
	last := 0
	for k, v := range list {
		vat := fmt.Sprintf("%s[%d]", at, k)
		if v.Threads <= last || v.Threads > maxCount {
			return fmt.Errorf("%s.threads: found %d after %d, expected rising counts from 1", vat, v.Threads, last)
		}
		last = v.Threads
		if err := c.value(vat+".value", v.Value, least); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) checkKernels(at string, x *Executor) error {
	if len(x.Kernels) > maxProfileRates {
		return fmt.Errorf("%s.kernels: found %d, at most %d", at, len(x.Kernels), maxProfileRates)
	}
	type key struct {
		kernel, dtype, mode string
		threads             int
	}
	seen := make(map[key]bool, len(x.Kernels))
	for j := range x.Kernels {
		k := &x.Kernels[j]
		kat := fmt.Sprintf("%s.kernels[%d]", at, j)
		if k.Kernel == "" || k.DType == "" {
			return fmt.Errorf("%s: kernel %q, dtype %q; name both, or \"*\"", kat, k.Kernel, k.DType)
		}
		switch k.Mode {
		case ModeFast, ModeReference, Any:
		default:
			return fmt.Errorf("%s.mode: found %q, expected %q, %q or %q", kat, k.Mode, ModeFast, ModeReference, Any)
		}
		if k.Threads < 1 || k.Threads > maxCount {
			return fmt.Errorf("%s.threads: found %d, expected at least 1", kat, k.Threads)
		}
		if want := KernelUnit(k.Kernel); k.Unit != want {
			return fmt.Errorf("%s.unit: found %q, expected %q for %s", kat, k.Unit, want, k.Kernel)
		}
		id := key{k.Kernel, strings.ToLower(k.DType), k.Mode, k.Threads}
		if seen[id] {
			return fmt.Errorf("%s: %s %s %s with %d threads listed twice", kat, k.Kernel, k.DType, k.Mode, k.Threads)
		}
		seen[id] = true
		if n := len(k.Points); n == 0 || n > maxProfilePoints {
			return fmt.Errorf("%s.points: found %d, expected 1 to %d", kat, n, maxProfilePoints)
		}
		if k.StreamBW != nil {
			if err := c.positive(kat+".stream_bw", *k.StreamBW); err != nil {
				return err
			}
		}
		if k.StreamStartS != nil {
			if err := c.value(kat+".stream_start_s", *k.StreamStartS, 0); err != nil {
				return err
			}
		}
		shapes := make(map[[2]int64]bool, len(k.Points))
		for i, pt := range k.Points {
			pat := fmt.Sprintf("%s.points[%d]", kat, i)
			if pt.Tokens < 1 || pt.K < 0 || pt.Tokens >= 1<<40 || pt.K >= 1<<40 {
				return fmt.Errorf("%s: tokens %d, k %d; expected tokens ≥ 1 and k ≥ 0, below 2^40", pat, pt.Tokens, pt.K)
			}
			if shapes[[2]int64{pt.Tokens, pt.K}] {
				return fmt.Errorf("%s: tokens %d, k %d listed twice", pat, pt.Tokens, pt.K)
			}
			shapes[[2]int64{pt.Tokens, pt.K}] = true
			if err := c.positive(pat+".rate", pt.Rate); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) checkOverlap() error {
	o := &c.p.Overlap
	if o.Rule != OverlapSteal && o.Rule != OverlapIdleBW {
		return fmt.Errorf("overlap.rule: found %q, expected %q or %q", o.Rule, OverlapSteal, OverlapIdleBW)
	}
	return firstOf(
		func() error { return c.value("overlap.copy_compute_fraction", o.CopyComputeFraction, 0) },
		func() error { return c.positive("overlap.compute_slowdown", o.ComputeSlowdown) },
		func() error { return c.positive("overlap.copy_slowdown", o.CopySlowdown) },
	)
}

func powerOfTwo(n int64) bool { return n > 0 && n&(n-1) == 0 }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return sorted(keys)
}
