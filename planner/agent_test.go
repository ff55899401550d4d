package planner

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"strata/malloc"
)

// Every policy and order plays whole games: the plan is checked, the record of
// the game adds up, and reads back from JSON.
func TestAgentPlaysAndRecordsGames(t *testing.T) {
	shapes := map[string]*malloc.Program{
		"decode":   smallDecode(2, 3, 0.6).build(),
		"straight": straightShape(3, 16, 0.2),
	}
	for name, program := range shapes {
		for _, opt := range []AgentOptions{
			{Policy: "gumbel", Window: -1},
			{Policy: "puct", Window: -1},
			{Policy: "gumbel", Window: -1, ProgramOrder: true},
			{Policy: "gumbel"},
		} {
			p := problem(t, program, 5)
			r, err := NewAgent(opt).Solve(context.Background(), p, Budget{Evaluations: 900}, nil)
			if err != nil {
				t.Fatalf("%s %+v: %v", name, opt, err)
			}
			verify(t, "mcts", p, r)
			e := r.Episode
			if e == nil || len(e.Moves) == 0 || e.Played < len(e.Moves) {
				t.Fatalf("%s %+v: no record of a game: %+v", name, opt, e)
			}
			sum := 0.0
			for i, m := range e.Moves {
				sum += m.RewardS
				n := len(m.Legal)
				if n < 2 || len(m.Visits) != n || len(m.Weights) != n || len(m.Logits) != n || m.Chosen < 0 || m.Chosen >= n || m.Visits[m.Chosen] == 0 {
					t.Fatalf("%s %+v: move %d is incomplete: %+v", name, opt, i, m)
				}
			}
			for i, m := range e.Moves {
				checkTree(t, &m)
				// The decision below the chosen move is the one decided next.
				for _, n := range m.Tree {
					if n.Parent == 0 && n.Move == m.Legal[m.Chosen] && i+1 < len(e.Moves) && n.Buffer != e.Moves[i+1].Buffer {
						t.Errorf("%s %+v: after move %d the tree decides %q, the game %q", name, opt, i, n.Buffer, e.Moves[i+1].Buffer)
					}
				}
			}
			if math.Abs(sum-(e.StartS-e.FinalS)) > 1e-9*e.StartS {
				t.Errorf("%s %+v: rewards sum to %g s, the game went from %g to %g s", name, opt, sum, e.StartS, e.FinalS)
			}
			var text, doc bytes.Buffer
			if err := e.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			if err := e.WriteJSON(&doc); err != nil {
				t.Fatal(err)
			}
			var back Episode
			if err := json.Unmarshal(doc.Bytes(), &back); err != nil || len(back.Moves) != len(e.Moves) {
				t.Errorf("%s %+v: the record does not read back: %v", name, opt, err)
			}
			if !strings.Contains(text.String(), e.Moves[0].Buffer) {
				t.Errorf("%s %+v: the transcript does not name %q", name, opt, e.Moves[0].Buffer)
			}
			if r.Alone == nil || r.Alone.Score != r.Score {
				t.Errorf("%s %+v: the best found without help is missing", name, opt)
			}
		}
	}
}

// With search the agent's games are at least as good as its guide's own game,
// and on a tight instance better.
func TestSearchImprovesOnTheGuide(t *testing.T) {
	p := problem(t, smallDecode(4, 6, 0.45).build(), 2)
	opening := solve(t, context.Background(), "mcts", p, Budget{Evaluations: int64(len(guideSettings)) + 1})
	searched := solve(t, context.Background(), "mcts", p, Budget{Evaluations: 1000})
	t.Logf("guide %.6f s, after search %.6f s", opening.Score.TotalS, searched.Score.TotalS)
	if searched.Score.TotalS >= opening.Score.TotalS {
		t.Errorf("search found %g s, the guide alone %g s", searched.Score.TotalS, opening.Score.TotalS)
	}
}

// Given a better plan to start from, the agent imitates it closely.
func TestAgentStartsFromAPlan(t *testing.T) {
	p := problem(t, sampleDecode(0.5).build(), 2)
	from := solve(t, context.Background(), "pin-stream", p, Budget{Evaluations: 100})
	r, err := NewAgent(AgentOptions{Guides: []*malloc.Plan{from.Plan}}).Solve(context.Background(), p, Budget{Evaluations: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("plan %.6f s, the game that imitates it %.6f s", from.Score.TotalS, r.Score.TotalS)
	if r.Score.TotalS > 1.05*from.Score.TotalS {
		t.Errorf("imitation %g s of a plan of %g s", r.Score.TotalS, from.Score.TotalS)
	}
	if r.Alone != nil {
		t.Error("a game that started from a plan is not reported as found alone")
	}
}

// checkTree holds a move's tree against the statistics of its root.
func checkTree(t *testing.T, m *Step) {
	t.Helper()
	if len(m.Tree) == 0 || len(m.Tree) > MaxNodes || m.Tree[0].Parent != -1 || m.Tree[0].Buffer != m.Buffer {
		t.Fatalf("the tree of a move on %s begins with %+v", m.Buffer, m.Tree)
	}
	for i, n := range m.Tree[1:] {
		if n.Parent < 0 || n.Parent > i || n.Visits < 1 || n.Visits > m.Tree[n.Parent].Visits || !(n.Prior > 0 && n.Prior <= 1) {
			t.Errorf("node %d of the tree: %+v", i+1, n)
		}
		if n.Parent != 0 {
			continue
		}
		k := slices.Index(m.Legal, n.Move)
		if k < 0 || m.Visits[k] != n.Visits || m.Values[k] != n.Value {
			t.Errorf("node %d %+v differs from the root's statistics %v %v", i+1, n, m.Visits, m.Values)
		}
	}
}

// Where no decision has a choice the agent ends, however much it may spend.
func TestAgentEndsWhereNothingIsToBeDecided(t *testing.T) {
	p := straightShape(1, 12, 0)
	r := solve(t, context.Background(), "mcts", problem(t, p, 1), Budget{Evaluations: 1000})
	if r.Stopped != StopDone {
		t.Errorf("stopped: %s after %d evaluations", r.Stopped, r.Evaluations)
	}
}
