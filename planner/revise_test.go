package planner

import (
	"context"
	"testing"

	"strata/malloc"
)

// TestReviseMovesWhatItIsAskedTo streams each weight that stays, brings it back,
// and asks the checker each time.
func TestReviseMovesWhatItIsAskedTo(t *testing.T) {
	p := smallDecode(4, 3, 0.6).build()
	s, err := New("pin-stream")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Solve(context.Background(), &Problem{Program: p, Seed: 1}, Budget{Evaluations: 50}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stays := staying(p, r.Plan)
	moved := 0
	for b, tier := range stays {
		if tier < 0 || p.Buffers[b].Kind != malloc.KindParam {
			continue
		}
		home := p.Buffers[b].Home
		out, err := Revise(p, r.Plan, []Wish{{b, home}}, nil)
		if err != nil {
			t.Logf("%s: %v", p.Buffers[b].Name, err)
			continue
		}
		moved++
		if got := staying(p, out)[b]; got >= 0 {
			t.Errorf("%s still stays in tier %d", p.Buffers[b].Name, got)
		}
		back, err := Revise(p, out, []Wish{{b, tier}}, nil)
		if err != nil {
			t.Errorf("bringing %s back: %v", p.Buffers[b].Name, err)
			continue
		}
		if got := staying(p, back)[b]; got != tier {
			t.Errorf("%s is in %d, asked for %d", p.Buffers[b].Name, got, tier)
		}
	}
	if moved == 0 {
		t.Error("nothing could be moved")
	}
}
