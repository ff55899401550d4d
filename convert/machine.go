package convert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"strata/costmodel"
	"strata/malloc"
)

// MachineOf reduces a profile to what a schedule of one executor needs: the
// tiers its first executor reaches, and the home where values live.
//
//   - An executor that reaches several tiers (scratchpad and HBM) has its slowest
//     one as home, and that is made the unlimited tier.
//   - One that reaches a single tier has as home a tier with links to and from it
//     (a GPU's host memory), made unlimited.
//   - Where nothing that can be written feeds the single tier, parameters live in
//     the unlimited file and everything else in that tier itself.
//
// capacities overrides limited tiers by name.
func MachineOf(hw *costmodel.Profile, threads int, workingSetBytes int64, capacities map[string]int64) (*Machine, error) {
	if len(hw.Executors) == 0 {
		return nil, fmt.Errorf("profile %s: executors: none, a schedule needs one", hw.Name)
	}
	x := &hw.Executors[0]
	reach := map[string]float64{}
	for _, a := range x.Access {
		bw, err := x.ReadBW(a.Tier, threads, workingSetBytes)
		if err != nil {
			return nil, err
		}
		reach[a.Tier] = bw
	}
	keep, home, params, err := homesOf(hw, reach)
	if err != nil {
		return nil, err
	}
	m := &Machine{Overlap: hw.Overlap.Rule}
	index := map[string]int{}
	unlimited := params
	for i := range hw.Tiers {
		t := &hw.Tiers[i]
		if !slices.Contains(keep, t.Name) {
			continue
		}
		id := len(m.Tiers)
		index[t.Name] = id
		c := t.CapacityBytes.V
		if t.Name == unlimited {
			c = malloc.Unlimited
		}
		if v, ok := capacities[t.Name]; ok {
			if c == malloc.Unlimited {
				return nil, fmt.Errorf("tier %q is the home of the values and unlimited in this instance: its size cannot be set; sizes can be set for %s",
					t.Name, strings.Join(slices.DeleteFunc(slices.Clone(keep), func(s string) bool { return s == unlimited }), ", "))
			}
			c = v
		}
		m.Tiers = append(m.Tiers, malloc.Tier{ID: id, Name: t.Name, Capacity: c, ReadBW: t.ReadBW.V, WriteBW: t.WriteBW.V, LatencyS: t.LatencyS.V, Align: t.Align})
	}
	for name := range capacities {
		if _, ok := index[name]; !ok {
			return nil, fmt.Errorf("no tier %q in this instance, it has %s", name, strings.Join(keep, ", "))
		}
	}
	m.ParamHome, m.Home = index[params], index[home]
	for i := range hw.Links {
		k := &hw.Links[i]
		from, okFrom := index[k.From]
		to, okTo := index[k.To]
		if !okFrom || !okTo {
			continue
		}
		var shares []int
		for _, s := range k.Shares {
			if t, ok := index[s]; ok {
				shares = append(shares, t)
			}
		}
		request := k.RequestBytes
		if request == 0 {
			request = malloc.MaxSizeBytes
		}
		bw := k.BW.V
		if k.RequestBytes > 0 {
			bw = k.RateAt(k.RequestBytes)
		}
		m.Engines = append(m.Engines, malloc.Engine{ID: len(m.Engines), From: from, To: to, BW: bw, LatencyS: k.LatencyS.V,
			RequestBytes: request, IOAlign: k.IOAlign, MaxOutstanding: k.Depth, Order: "fifo", Shares: shares})
	}
	e := malloc.Executor{Name: x.Name}
	for _, a := range x.Access {
		write, err := x.WriteBW(a.Tier, threads, workingSetBytes)
		if err != nil {
			return nil, err
		}
		e.Access = append(e.Access, malloc.Access{Tier: index[a.Tier], ReadBW: reach[a.Tier], WriteBW: write})
	}
	m.Executors = []malloc.Executor{e}
	return m, nil
}

// homesOf picks the tiers to keep, the home of what is written, and the home of
// parameters.
func homesOf(hw *costmodel.Profile, reach map[string]float64) (keep []string, home, params string, err error) {
	slowest := math.Inf(1)
	for i := range hw.Tiers {
		t := &hw.Tiers[i]
		if bw, ok := reach[t.Name]; ok {
			keep = append(keep, t.Name)
			if bw <= slowest && t.WriteBW.V > 0 {
				slowest, home = bw, t.Name
			}
		}
	}
	if len(keep) == 0 {
		return nil, "", "", fmt.Errorf("profile %s: executors[0].access: no tier", hw.Name)
	}
	if len(keep) > 1 {
		if home == "" {
			return nil, "", "", fmt.Errorf("profile %s: executor %s reaches no tier that can be written", hw.Name, hw.Executors[0].Name)
		}
		return keep, home, home, nil
	}
	only := keep[0]
	linked := func(from, to string) bool {
		return slices.ContainsFunc(hw.Links, func(k costmodel.Link) bool { return k.From == from && k.To == to })
	}
	for i := range hw.Tiers {
		if t := &hw.Tiers[i]; t.Name != only && t.WriteBW.V > 0 && linked(t.Name, only) && linked(only, t.Name) {
			return append(keep, t.Name), t.Name, t.Name, nil
		}
	}
	if file := hw.Home(); file >= 0 && hw.Tiers[file].Name != only && linked(hw.Tiers[file].Name, only) {
		return append(keep, hw.Tiers[file].Name), only, hw.Tiers[file].Name, nil
	}
	return nil, "", "", fmt.Errorf("profile %s: nothing is linked to %q, the only tier that %s reaches: a second tier and a link to it are needed", hw.Name, only, hw.Executors[0].Name)
}
