package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"strata/convert"
	"strata/convert/generate"
	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/planner/network"
)

// TrainRequest says from what the agent's network learns.
type TrainRequest struct {
	Families  []string // of generate.Kinds
	HeldOut   []string // families that are only measured on
	Instances int      // of each family
	Options   planner.TrainingOptions
}

// Trained is a network and how it came about.
type Trained struct {
	*planner.TrainingRecord
	Weights int    `json:"weights"`
	SHA256  string `json:"weights_sha256"`

	Network *network.Network `json:"-"`
}

// WriteWeights writes the network with its record.
func (t *Trained) WriteWeights(w io.Writer) error { return t.Network.Write(w, t.TrainingRecord) }

// trainingMachines are what instances are put on, with the tier that is made scarce.
var trainingMachines = []struct{ profile, tier string }{{"tpu-v4i", "cmem"}, {"h100-80gb", "hbm"}, {"laptop", "dram"}}

// Scales and shares of the bytes that instances cycle through, in the training
// families and the held-out ones alike: the split is by family.
var (
	trainingScales = []float64{0.25, 0.5, 1, 0.35}
	trainingShares = []float64{0.35, 0.2, 0.5, 0.1, 0.65}
)

// maxTrainingInstances bounds a family's instances.
const maxTrainingInstances = 1000

// Train makes instances of each family from the seed, and trains.
func Train(ctx context.Context, r TrainRequest) (*Trained, error) {
	if r.Instances < 1 || r.Instances > maxTrainingInstances {
		return nil, Badf("--instances %d: 1 to %d are possible", r.Instances, maxTrainingInstances)
	}
	var problems []planner.TrainingProblem
	for i, family := range slices.Concat(r.Families, r.HeldOut) {
		heldOut := i >= len(r.Families)
		if heldOut && slices.Contains(r.Families, family) {
			return nil, Badf("--families and --held-out both name %q: a family is learned from or held out", family)
		}
		for k := range r.Instances {
			p, err := trainingProblem(family, r.Options.Seed, k)
			if err != nil {
				return nil, err
			}
			if p == nil {
				continue // does not fit even at its slowest
			}
			p.HeldOut = heldOut
			problems = append(problems, *p)
		}
	}
	n, record, err := planner.Train(ctx, problems, r.Options)
	if err != nil {
		return nil, err
	}
	record.Command = fmt.Sprintf("strata train --seed %d --families %s --held-out %s --instances %d --epochs %d",
		r.Options.Seed, strings.Join(r.Families, ","), strings.Join(r.HeldOut, ","), r.Instances, r.Options.Epochs)
	return &Trained{record, n.Weights(), n.SHA256(), n}, nil
}

// trainingProblem is instance k of a family; nil where its machine is too small.
func trainingProblem(family string, seed uint64, k int) (*planner.TrainingProblem, error) {
	s, err := generate.Generate(family, seed*maxTrainingInstances+uint64(k), trainingScales[k%len(trainingScales)])
	if err != nil {
		return nil, bad(err)
	}
	var hw *costmodel.Profile
	opt := convert.Options{}
	name := s.Name
	if s.Machine == nil {
		machine, share := trainingMachines[k%len(trainingMachines)], trainingShares[k%len(trainingShares)]
		if hw, err = costmodel.Shipped(machine.profile); err != nil {
			return nil, err
		}
		all := 0.0
		for i := range s.Values {
			all += float64(s.Values[i].Bytes)
		}
		opt.Capacities = map[string]int64{machine.tier: int64(math.Ceil(share*all/4096)) * 4096}
		name = fmt.Sprintf("%s on %s at %g %%", s.Name, machine.profile, 100*share)
	}
	p, err := convert.Lower(s, hw, opt)
	if err != nil {
		return nil, bad(err)
	}
	bound, err := costmodel.BestBound(p)
	if err != nil {
		return nil, err
	}
	if _, err := malloc.NewGame(p, nil, malloc.Options{NoReward: true}); err != nil {
		var infeasible *malloc.InfeasibleError
		if errors.As(err, &infeasible) {
			return nil, nil
		}
		return nil, err
	}
	return &planner.TrainingProblem{Family: family, Name: name,
		Problem: &planner.Problem{Program: p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: seed}}, nil
}
