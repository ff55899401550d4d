package planner

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"strata/malloc"
)

// A match played at random, with moves taken back: rewards telescope, taking back
// returns to the very state, and the plan is the one that the moves say.
func TestMatch(t *testing.T) {
	for _, s := range smallShapes() {
		t.Run(s.name, func(t *testing.T) {
			pr := problem(t, s.p, 3)
			m, err := NewMatch(context.Background(), pr, 2)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(7, 7))
			for n := 0; !m.Done() && n < 30; n++ {
				before, turns := m.NowS(), len(m.Turns())
				options, err := m.Options()
				if err != nil || len(options) < 2 {
					t.Fatalf("%d options: %v", len(options), err)
				}
				o := options[rng.IntN(len(options))]
				if read, err := malloc.ParseAction(s.p, o.Action.String()); err != nil || read.String() != o.Action.String() {
					t.Fatalf("%s read as %s: %v", o.Action, read, err)
				}
				turn, err := m.Play(o.Action)
				if err != nil {
					t.Fatal(err)
				}
				if turn.RewardS != o.RewardS {
					t.Fatalf("%s: reward %g s was offered, %g s given", o.Action, o.RewardS, turn.RewardS)
				}
				if rng.IntN(3) == 0 {
					if back, ok, err := m.Undo(); err != nil || !ok || back.Action != o.Action || m.NowS() != before || len(m.Turns()) != turns {
						t.Fatalf("taken back %v: %g s after %g s, %d moves after %d: %v", back.Action, m.NowS(), before, len(m.Turns()), turns, err)
					}
				}
			}
			sum := 0.0
			for _, turn := range m.Turns() {
				sum += turn.RewardS
			}
			if math.Abs(m.SlowS()-m.NowS()-sum) > 1e-9*m.SlowS() {
				t.Errorf("rewards add up to %g s, the time fell by %g s", sum, m.SlowS()-m.NowS())
			}
			if _, err := m.Play(malloc.Action{Kind: malloc.NoCopy, Tier: 99}); err == nil {
				t.Error("a move into no tier is legal")
			}
			r, err := m.Result()
			if err != nil {
				t.Fatal(err)
			}
			verify(t, "game", pr, r)
			if r.Score.TotalS != m.NowS() {
				t.Errorf("the plan takes %g s, the game says %g s", r.Score.TotalS, m.NowS())
			}
		})
	}
}

// The agent's advice depends on the moves and the seed alone, changes nothing, and
// is a legal move; its own game is no worse than leaving everything at home.
func TestMatchAgent(t *testing.T) {
	p := straightShape(5, 14, 0.5)
	match := func() *Match {
		m, err := NewMatch(context.Background(), problem(t, p, 3), 4)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m, again := match(), match()
	for !m.Done() {
		before := m.NowS()
		step, a, err := m.Hint()
		if err != nil || m.NowS() != before || !m.game.Legal(a) || step.Legal[step.Chosen] != a.String() {
			t.Fatalf("hint %s: %v", a, err)
		}
		turn, err := again.PlayAgent()
		if err != nil || turn.Action != a || !reflect.DeepEqual(turn.Step.Visits, step.Visits) {
			t.Fatalf("a hint of %s, a move %s: %v", a, turn.Action, err)
		}
		if _, err := m.Play(a); err != nil {
			t.Fatal(err)
		}
	}
	if again.NowS() > again.SlowS() || again.NowS() != m.NowS() {
		t.Errorf("%g s, hints give %g s, all slow %g s", again.NowS(), m.NowS(), again.SlowS())
	}
	e := again.Episode()
	if len(e.Moves) == 0 || e.FinalS != again.NowS() || len(e.Moves[0].Tree) == 0 {
		t.Errorf("%d moves, %g s", len(e.Moves), e.FinalS)
	}
	if _, err := again.PlayAgent(); err != ErrOver {
		t.Errorf("a move after the end: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m, err := NewMatch(ctx, problem(t, p, 3), 4)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, _, err := m.Hint(); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if r, err := m.Result(); err != nil || r.Plan == nil {
		t.Errorf("cancelled: %v", err)
	}
}
