package workflow

import (
	"math"
	"slices"

	"strata/malloc"
)

// Place is a part of a tensor.
type Place struct {
	Tier     string `json:"tier"`
	Streamed bool   `json:"streamed"` // copied there each time it is needed
	Bytes    int64  `json:"bytes"`
}

// Places is where a tensor lies in the steady state of a plan, largest part
// first.
type Places []Place

func (p Places) bytes() (n int64) {
	for _, x := range p {
		n += x.Bytes
	}
	return n
}

// share is the part of the tensor in a place.
func (p Places) share(like Place) float64 {
	for _, x := range p {
		if x.Tier == like.Tier && x.Streamed == like.Streamed {
			return float64(x.Bytes) / float64(max(p.bytes(), 1))
		}
	}
	return 0
}

// equal compares shares, since tensors of two models may differ in size.
func (p Places) equal(q Places) bool {
	const tolerance = 1e-6
	for _, list := range []Places{p, q} {
		for _, x := range list {
			if math.Abs(p.share(x)-q.share(x)) > tolerance {
				return false
			}
		}
	}
	return true
}

// distance is how many bytes of p lie elsewhere in q.
func (p Places) distance(q Places) int64 {
	away := 0.0
	for _, x := range p {
		away += max(0, p.share(x)-q.share(x))
	}
	return int64(math.Round(away * float64(p.bytes())))
}

// placement is where the tensors of a plan that outlive an instruction lie:
// weights and KV caches.
type placement struct {
	names []string // in the order of the program
	at    map[string]*tensorPlaces
}

type tensorPlaces struct {
	kind   string
	places Places
}

// placesOf reads the steady state from a plan. A buffer lies where a block of it
// lasts a whole turn of the loop (without one: the program), or only grows; one
// that has shorter blocks is streamed to their tier; one without any stays at
// home.
func placesOf(p *malloc.Program, plan *malloc.Plan) placement {
	turn := len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		turn = l.End - l.Begin
	}
	type stay struct {
		tier int
		long bool
	}
	stays := make([]stay, len(p.Buffers))
	for i := range stays {
		stays[i].tier = -1
	}
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Buf < 0 || b.Buf >= len(stays) {
			continue
		}
		long := b.End-b.Start >= turn || p.Buffers[b.Buf].Kind == malloc.KindKV
		// The lasting block counts, of several the fastest tier: it is listed first.
		if s := &stays[b.Buf]; s.tier < 0 || long && !s.long || long == s.long && b.Tier < s.tier {
			*s = stay{b.Tier, long}
		}
	}
	out := placement{at: map[string]*tensorPlaces{}}
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if b.Kind != malloc.KindParam && b.Kind != malloc.KindKV || b.Select != nil {
			continue
		}
		name := b.Name
		if b.PanelOf != nil {
			name = b.PanelOf.Name
		}
		t := out.at[name]
		if t == nil {
			t = &tensorPlaces{kind: b.Kind}
			out.at[name] = t
			out.names = append(out.names, name)
		}
		part := Place{Tier: p.Tiers[b.Home].Name, Bytes: b.Size}
		if s := stays[i]; s.tier >= 0 && s.tier < len(p.Tiers) {
			part.Tier, part.Streamed = p.Tiers[s.tier].Name, !s.long
		}
		k := slices.IndexFunc(t.places, func(x Place) bool { return x.Tier == part.Tier && x.Streamed == part.Streamed })
		if k < 0 {
			t.places = append(t.places, part)
		} else {
			t.places[k].Bytes += part.Bytes
		}
	}
	for _, t := range out.at {
		slices.SortStableFunc(t.places, func(a, b Place) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
	}
	return out
}
