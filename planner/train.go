package planner

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"strata/malloc"
	"strata/planner/network"
)

// TrainingProblem is an instance to learn from, or to validate on.
type TrainingProblem struct {
	Family  string
	Name    string
	HeldOut bool // nothing is learned from it
	Problem *Problem
}

// TrainingOptions are the knobs of Train; the zero value of a field means its
// default.
type TrainingOptions struct {
	Seed               uint64
	TeacherEvaluations int64 // of the search whose plan is imitated, default 2000
	Games              int   // games a problem is replayed in, default 6
	Epochs             int   // default 8
	SelfPlay           int   // rounds of self-play after imitation, default 1; -1: none
	SelfEvaluations    int64 // of a problem's self-play, default 300
	Log                func(string)
}

// TrainingRecord says how weights came about. It holds no date and no path: equal
// options give equal records.
type TrainingRecord struct {
	Command       string          `json:"command,omitempty"`
	Seed          uint64          `json:"seed"`
	Families      []string        `json:"families"`
	HeldOut       []string        `json:"held_out"`
	Problems      []string        `json:"problems"`
	Teacher       string          `json:"teacher"`
	Games         int             `json:"games"`
	TeacherReturn float64         `json:"teacher_return"` // mean normalised return of the plans imitated
	Stages        []TrainingStage `json:"stages"`
	Kept          string          `json:"kept"` // the stage whose weights these are
}

// TrainingStage is imitation or a round of self-play.
type TrainingStage struct {
	Name      string         `json:"name"`
	Decisions int            `json:"decisions"`
	Steps     int            `json:"steps"`
	Epochs    []network.Loss `json:"epochs"` // over the training families
	HeldOut   network.Loss   `json:"held_out"`
	// Mean normalised return of the game the network plays by its first choices, and
	// of the guide's own best opening, on training and on held-out problems.
	Return        float64 `json:"return"`
	Guide         float64 `json:"guide_return"`
	HeldOutReturn float64 `json:"held_out_return"`
	HeldOutGuide  float64 `json:"held_out_guide_return"`
}

// trainingSteps are the settings of the optimiser.
const (
	trainingBatch = 64
	trainingRate  = 2e-3
	trainingDecay = 1e-4
	selfPlayRate  = 5e-4
	mostDecisions = 160 // kept of a game, evenly
)

// leastSpan is by how much a problem's slowest plan must exceed the lower bound for
// anything to be learned from it.
const leastSpan = 0.02

// noises are the shares of random moves in a problem's games: the first imitates
// as closely as it can, the others show states that the teacher never sees.
var noises = []float64{0, 0.05, 0.15, 0, 0.3, 0.6}

// lesson is a problem and what was made of it.
type lesson struct {
	TrainingProblem
	plan    *malloc.Plan // the teacher's
	weak    *malloc.Plan // what a poorer search found, to imitate from
	best    float64      // the teacher's normalised return
	samples []network.Sample
}

// Train learns a network: first from the plans that lns finds, by imitation at
// states that the teacher and noisy games meet; then from the agent's own
// searches. Of imitation and self-play the weights are kept whose games do better
// on the held-out families. Equal problems and options give equal networks.
func Train(ctx context.Context, problems []TrainingProblem, opt TrainingOptions) (*network.Network, *TrainingRecord, error) {
	opt = opt.withDefaults()
	t := &training{ctx: ctx, opt: opt, record: &TrainingRecord{Seed: opt.Seed, Games: opt.Games, Families: []string{}, HeldOut: []string{}}}
	t.record.Teacher = fmt.Sprintf("lns, %d evaluations", opt.TeacherEvaluations)
	for i := range problems {
		if err := t.prepare(problems[i]); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", problems[i].Name, err)
		}
	}
	if n := len(t.lessons) - heldOut(t.lessons); n > 0 {
		t.record.TeacherReturn /= float64(n)
	}
	if len(t.lessons) == 0 || len(t.record.Families) == 0 {
		return nil, nil, fmt.Errorf("planner: no problem to learn from: at least one that is not held out and leaves a choice is needed")
	}
	n := network.New(stateFeatures, actionFeatures, opt.Seed)
	best, err := t.stage(n, "imitation", t.gather(false), opt.Epochs, trainingRate)
	if err != nil {
		return nil, nil, err
	}
	t.record.Kept = "imitation"
	kept := n.Clone()
	for round := range max(0, opt.SelfPlay) {
		samples := t.gather(false)
		for i := range t.lessons {
			l := &t.lessons[i]
			if l.HeldOut {
				continue
			}
			more, err := t.selfPlay(l, n, uint64(round))
			if err != nil {
				return nil, nil, err
			}
			samples = append(samples, more...)
		}
		name := fmt.Sprintf("self-play %d", round+1)
		got, err := t.stage(n, name, samples, max(1, opt.Epochs/2), selfPlayRate)
		if err != nil {
			return nil, nil, err
		}
		if got > best {
			best, t.record.Kept, kept = got, name, n.Clone()
		}
	}
	return kept, t.record, nil
}

func heldOut(list []lesson) int {
	n := 0
	for i := range list {
		if list[i].HeldOut {
			n++
		}
	}
	return n
}

func (o TrainingOptions) withDefaults() TrainingOptions {
	if o.TeacherEvaluations == 0 {
		o.TeacherEvaluations = 2000
	}
	if o.Games == 0 {
		o.Games = len(noises)
	}
	if o.Epochs == 0 {
		o.Epochs = 8
	}
	if o.SelfPlay == 0 {
		o.SelfPlay = 1
	}
	if o.SelfEvaluations == 0 {
		o.SelfEvaluations = 300
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	return o
}

type training struct {
	ctx     context.Context
	opt     TrainingOptions
	lessons []lesson
	record  *TrainingRecord
}

// prepare searches a problem for plans and replays them.
func (t *training) prepare(x TrainingProblem) error {
	l := lesson{TrainingProblem: x}
	slow, err := demandSolver{}.Solve(t.ctx, x.Problem, Budget{}, nil)
	if err != nil {
		return err
	}
	if slow.Score.TotalS < (1+leastSpan)*x.Problem.LowerS {
		return nil // whatever is done is right
	}
	teacher, err := lnsSolver{}.Solve(t.ctx, x.Problem, Budget{Evaluations: t.opt.TeacherEvaluations}, nil)
	if err != nil {
		return err
	}
	weak, err := xlaGreedy{"xla-default", xlaDefault}.Solve(t.ctx, x.Problem, Budget{Evaluations: 5}, nil)
	if err != nil {
		return err
	}
	if t.ctx.Err() != nil {
		return t.ctx.Err()
	}
	l.plan, l.weak = teacher.Plan, weak.Plan
	rng := rand.New(rand.NewPCG(t.opt.Seed, uint64(len(t.lessons))))
	imitated := math.Inf(-1)
	for game := range t.opt.Games {
		samples, value, err := t.imitate(&l, game, rng)
		if err != nil {
			return err
		}
		l.samples = append(l.samples, samples...)
		imitated = max(imitated, value)
	}
	if len(l.samples) == 0 {
		return nil // no choice: nothing to learn
	}
	t.opt.Log(fmt.Sprintf("%s: %d decisions, return %.3f of the teacher, %.3f of its best imitation", x.Name, len(l.samples), l.best, imitated))
	t.lessons = append(t.lessons, l)
	t.record.Problems = append(t.record.Problems, x.Name)
	list := &t.record.Families
	if x.HeldOut {
		list = &t.record.HeldOut
	} else {
		t.record.TeacherReturn += l.best
	}
	if !slices.Contains(*list, x.Family) {
		*list = append(*list, x.Family)
	}
	return nil
}

// gather collects the samples of imitation.
func (t *training) gather(heldOut bool) []network.Sample {
	var out []network.Sample
	for i := range t.lessons {
		if t.lessons[i].HeldOut == heldOut {
			out = append(out, t.lessons[i].samples...)
		}
	}
	return out
}

// stage fits the network and measures it; it returns the held-out return, or that
// on the training problems where none is held out.
func (t *training) stage(n *network.Network, name string, samples []network.Sample, epochs int, rate float64) (float64, error) {
	s := TrainingStage{Name: name, Decisions: len(samples)}
	opt := network.Options{Epochs: epochs, Batch: trainingBatch, Rate: rate, Decay: trainingDecay, Seed: t.opt.Seed}
	err := n.Learn(t.ctx, samples, opt, func(epoch int, l network.Loss, steps int) {
		s.Epochs, s.Steps = append(s.Epochs, l), steps
		t.opt.Log(fmt.Sprintf("%s epoch %d: policy loss %.4f, value loss %.5f, accuracy %.3f", name, epoch+1, l.Policy, l.Value, l.Accuracy))
	})
	if err != nil {
		return 0, err
	}
	held := t.gather(true)
	s.HeldOut = n.Measure(held)
	if s.Return, s.Guide, err = t.returns(n, false); err != nil {
		return 0, err
	}
	if s.HeldOutReturn, s.HeldOutGuide, err = t.returns(n, true); err != nil {
		return 0, err
	}
	t.opt.Log(fmt.Sprintf("%s: games by the network return %.3f (guide %.3f); held out: policy loss %.4f, value loss %.5f, accuracy %.3f, return %.3f (guide %.3f)",
		name, s.Return, s.Guide, s.HeldOut.Policy, s.HeldOut.Value, s.HeldOut.Accuracy, s.HeldOutReturn, s.HeldOutGuide))
	t.record.Stages = append(t.record.Stages, s)
	if len(held) == 0 {
		return s.Return, nil
	}
	return s.HeldOutReturn, nil
}
