package cli

import (
	"encoding/json"
	"io"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// gameLines shows a game to scripts: one JSON object a line, told apart by their
// field event (schema game).
type gameLines struct {
	enc  *json.Encoder
	game *workflow.Game
}

func newGameLines(w io.Writer, g *workflow.Game) *gameLines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &gameLines{enc, g}
}

type gameTimes struct {
	SlowS  float64 `json:"slow_s"`
	NowS   float64 `json:"now_s"`
	LowerS float64 `json:"lower_s"`
}

func (s *gameLines) times() gameTimes {
	return gameTimes{s.game.SlowS(), s.game.NowS(), s.game.LowerS()}
}

// gameTouch names what a decision is about.
type gameTouch struct {
	Instr       int    `json:"instr"`
	Instruction string `json:"instruction"`
	Buf         int    `json:"buf"` // -1: which executor runs the instruction
	Buffer      string `json:"buffer"`
	Touch       int    `json:"touch"`
}

func (s *gameLines) touch(d malloc.Decision) gameTouch {
	t := gameTouch{Instr: d.Instr, Instruction: s.game.Program.Instructions[d.Instr].Name, Buf: d.Buf, Touch: d.Touch}
	if !d.RunOn {
		t.Buffer = s.game.Program.Buffers[d.Buf].Name
	}
	return t
}

type gameAction struct {
	Number  int     `json:"number"`
	Action  string  `json:"action"`
	RewardS float64 `json:"reward_s"`
}

func (s *gameLines) start(player string) error {
	return s.enc.Encode(struct {
		Event    string `json:"event"`
		Instance string `json:"instance"`
		Player   string `json:"player"`
		Left     int    `json:"left"`
		gameTimes
	}{"start", s.game.Program.Name, player, s.game.Left(), s.times()})
}

func (s *gameLines) decision(number int, d malloc.Decision, options []planner.Option) error {
	event := struct {
		Event  string `json:"event"`
		Number int    `json:"number"`
		gameTouch
		Touches int   `json:"touches"`
		Def     bool  `json:"def"`
		Read    bool  `json:"read"`
		Write   bool  `json:"write"`
		Body    bool  `json:"body"`
		Bytes   int64 `json:"bytes"`
		Left    int   `json:"left"`
		gameTimes
		Tiers   []workflow.TierUse `json:"tiers"`
		Actions []gameAction       `json:"actions"`
	}{Event: "decision", Number: number, gameTouch: s.touch(d), Def: d.Def, Read: d.Read, Write: d.Write, Body: d.Body, Left: s.game.Left(), gameTimes: s.times()}
	p := s.game.Program
	if !d.RunOn {
		event.Touches, event.Bytes = s.game.Touches(d.Buf), p.Buffers[d.Buf].Size
	}
	for t := range p.Tiers {
		if p.Tiers[t].Capacity != malloc.Unlimited {
			event.Tiers = append(event.Tiers, workflow.TierUse{Name: p.Tiers[t].Name, CapacityBytes: p.Tiers[t].Capacity, UsedBytes: s.game.UsedBytes(t, d.Instr)})
		}
	}
	for i, o := range options {
		event.Actions = append(event.Actions, gameAction{i + 1, o.Action.String(), o.RewardS})
	}
	return s.enc.Encode(event)
}

func (s *gameLines) turns(list []planner.Turn) error {
	for _, t := range list {
		err := s.enc.Encode(struct {
			Event string `json:"event"`
			By    string `json:"by"`
			gameTouch
			Action  string  `json:"action"`
			RewardS float64 `json:"reward_s"`
			NowS    float64 `json:"now_s"`
		}{"move", t.By, s.touch(t.Decision), t.Action.String(), t.RewardS, t.NowS})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *gameLines) hint(step *planner.Step) error {
	type alternative struct {
		Action string  `json:"action"`
		Prior  float64 `json:"prior_logit"`
		Visits int32   `json:"visits"`
		Value  float64 `json:"value"`
		Weight float64 `json:"weight"`
	}
	event := struct {
		Event   string        `json:"event"`
		Action  string        `json:"action"`
		Value   float64       `json:"value"`
		Actions []alternative `json:"actions"`
	}{Event: "hint", Action: step.Legal[step.Chosen], Value: step.Value}
	for i, name := range step.Legal {
		event.Actions = append(event.Actions, alternative{name, step.Logits[i], step.Visits[i], step.Values[i], step.Weights[i]})
	}
	return s.enc.Encode(event)
}

func (s *gameLines) undone(t planner.Turn, taken int) error {
	return s.enc.Encode(struct {
		Event string  `json:"event"`
		Taken int     `json:"taken"`
		Last  string  `json:"last"`
		NowS  float64 `json:"now_s"`
	}{"undo", taken, t.Action.String(), s.game.NowS()})
}

func (s *gameLines) refused(input, reason string) error {
	return s.enc.Encode(struct {
		Event  string `json:"event"`
		Input  string `json:"input"`
		Reason string `json:"reason"`
	}{"refused", input, reason})
}

func (s *gameLines) echo(string) error { return nil }

func (s *gameLines) help() error {
	return s.enc.Encode(struct {
		Event   string   `json:"event"`
		Answers []string `json:"answers"`
	}{"help", []string{"N", "DROP", "NOCOPY TIER", "COPY TIER lead 1..4", "COPY TIER back N", "RUN_ON EXECUTOR", "hint", "auto [N]", "undo", "drop rest", "quit"}})
}

func (s *gameLines) end(r *workflow.PlanResult, output string) error {
	return s.enc.Encode(struct {
		Event     string  `json:"event"`
		By        string  `json:"by"`
		Moves     int     `json:"moves"`
		Left      int     `json:"left"`
		Backups   int     `json:"backups"`
		SlowS     float64 `json:"slow_s"`
		Predicted float64 `json:"predicted_s"`
		PerToken  float64 `json:"predicted_s_per_token"`
		LowerS    float64 `json:"lower_bound_s"`
		Method    string  `json:"lower_bound_method"`
		Gap       float64 `json:"gap"`
		Plan      string  `json:"plan"`
	}{"end", r.Component, len(s.game.Turns()), s.game.Left(), s.game.Backups(), s.game.SlowS(), r.PredictedS, r.PredictedSPerToken, r.LowerBoundS, r.LowerBoundMethod, r.Gap, output})
}
