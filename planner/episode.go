package planner

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"strata/malloc"
)

// Episode is one game written out: every searched decision with what the search
// knew of it. Moves that were not searched are left out of Moves but counted in
// Played.
type Episode struct {
	Instance string  `json:"instance"`
	Policy   string  `json:"policy"`
	Seed     uint64  `json:"seed"`
	Played   int     `json:"played"`  // moves of the whole game, RUN_ON and forced ones too
	Backups  int     `json:"backups"` // drop-backups
	SlowS    float64 `json:"slow_s"`  // all-slow time, where rewards start from
	StartS   float64 `json:"start_s"` // time at the first searched decision
	FinalS   float64 `json:"final_s"` // time of the searched part's plan, the straight parts still all-DROP in a game with a loop
	Moves    []Step  `json:"moves"`
}

// Step is one searched decision. Legal, Logits, Visits, Values and Weights are
// aligned; a value is the return (slow − total)/(slow − bound) that following
// the move led to, 0 where it was not visited.
type Step struct {
	Instr       int       `json:"instr"`
	Instruction string    `json:"instruction"`
	Buf         int       `json:"buf"` // -1: which executor runs the instruction
	Buffer      string    `json:"buffer"`
	Touch       int       `json:"touch"`
	Legal       []string  `json:"legal"`
	Logits      []float64 `json:"prior_logits"`
	Visits      []int32   `json:"visits"`
	Values      []float64 `json:"values"`
	Weights     []float64 `json:"weights"` // the search's improved policy
	Value       float64   `json:"value"`   // of the decision's state before search
	Chosen      int       `json:"chosen"`  // index into Legal
	RewardS     float64   `json:"reward_s"`
	Tree        []Node    `json:"tree"` // what the search visited, most visited nodes first where they are more than MaxNodes
}

// WriteJSON writes the episode as one JSON document.
func (e *Episode) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(e)
}

// WriteText writes the episode as a transcript, a line per move and a line per
// alternative that was visited.
func (e *Episode) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "game %q, policy %s, seed %d: %d moves, %d of them searched, %d backups\n", e.Instance, e.Policy, e.Seed, e.Played, len(e.Moves), e.Backups)
	fmt.Fprintf(&b, "all slow %.6f s, before the search %.6f s, final %.6f s\n", e.SlowS, e.StartS, e.FinalS)
	for i, m := range e.Moves {
		fmt.Fprintf(&b, "%4d  %s @ %s touch %d: %s, value %.4f, reward %+.9f s\n", i+1, m.Buffer, m.Instruction, m.Touch, m.Legal[m.Chosen], m.Value, m.RewardS)
		m.writeVisited(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteText writes what the search knows of the decision: a line per alternative
// that was visited.
func (m *Step) WriteText(w io.Writer) error {
	var b strings.Builder
	m.writeVisited(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *Step) writeVisited(b *strings.Builder) {
	for k, name := range m.Legal {
		if m.Visits[k] > 0 {
			fmt.Fprintf(b, "        %-18s prior %+.2f visits %3d value %.4f weight %.3f\n", name, m.Logits[k], m.Visits[k], m.Values[k], m.Weights[k])
		}
	}
}

// describe fills the names of a decision.
func describe(p *malloc.Program, d malloc.Decision) Step {
	s := Step{Instr: d.Instr, Instruction: p.Instructions[d.Instr].Name, Buf: d.Buf, Touch: d.Touch}
	if !d.RunOn {
		s.Buffer = p.Buffers[d.Buf].Name
	}
	return s
}
