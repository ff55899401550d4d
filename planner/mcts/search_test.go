package mcts

import (
	"context"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden trees under testdata")

// knapsack is a toy decision process with a known optimum: take or leave items
// in order (action 0 leaves, action 1 takes one, action 2 takes two) under a
// capacity. Its prior is flat and its value is a greedy fill.
type knapsack struct {
	weight, value []float64
	capacity      float64
}

type knapsackState struct {
	item int
	room float64
}

func (k *knapsack) Copy(dst, src *knapsackState) *knapsackState {
	if dst == nil {
		dst = new(knapsackState)
	}
	*dst = *src
	return dst
}

func (k *knapsack) Legal(s *knapsackState, actions []int32) int {
	if s.item == len(k.weight) {
		return 0
	}
	n := 0
	for a := range int32(3) {
		if float64(a)*k.weight[s.item] <= s.room {
			actions[n] = a
			n++
		}
	}
	return n
}

func (k *knapsack) Prior(s *knapsackState, actions []int32, logits []float64) { clear(logits) }

func (k *knapsack) Value(s *knapsackState) float64 {
	room, total := s.room, 0.0
	for i := s.item; i < len(k.weight); i++ {
		for range 2 {
			if k.weight[i] <= room {
				room -= k.weight[i]
				total += k.value[i]
			}
		}
	}
	return total
}

func (k *knapsack) Step(s *knapsackState, a int32) float64 {
	s.room -= float64(a) * k.weight[s.item]
	r := float64(a) * k.value[s.item]
	s.item++
	return r
}

// best is the optimal return from s, by exhaustion.
func (k *knapsack) best(s knapsackState) float64 {
	var legal [3]int32
	n := k.Legal(&s, legal[:])
	if n == 0 {
		return 0
	}
	best := math.Inf(-1)
	for _, a := range legal[:n] {
		next := s
		best = max(best, k.Step(&next, a)+k.best(next))
	}
	return best
}

func randomKnapsack(seed uint64, items int) *knapsack {
	r := rand.New(rand.NewPCG(seed, 7))
	k := &knapsack{}
	for range items {
		k.weight = append(k.weight, 1+math.Floor(9*r.Float64()))
		k.value = append(k.value, 1+math.Floor(9*r.Float64()))
		k.capacity += k.weight[len(k.weight)-1] * 0.8
	}
	return k
}

// play decides move after move with the policy and returns the episode's return.
func play(t *testing.T, k *knapsack, p Policy[*knapsackState]) float64 {
	t.Helper()
	s, total := &knapsackState{room: k.capacity}, 0.0
	for s.item < len(k.weight) {
		d, err := p.Decide(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		total += k.Step(s, d.Action)
	}
	return total
}

func policies(k *knapsack, simulations int, backup Backup, seed uint64) map[string]Policy[*knapsackState] {
	return map[string]Policy[*knapsackState]{
		"puct":   NewPUCT(Environment[*knapsackState](k), simulations, 3, backup, DirichletNoise{}, seed),
		"gumbel": NewGumbel(Environment[*knapsackState](k), simulations, 3, 3, backup, 1, seed),
	}
}

// No policy ever exceeds the optimum that exhaustion finds, and each closes most
// of the way to it from the greedy fill the search starts from; best backups
// close more of it than mean backups do.
func TestPoliciesReachTheOptimum(t *testing.T) {
	const instances = 40
	for _, backup := range []Backup{Mean, Best} {
		reached, optimum, greedy, returned := map[string]int{}, 0.0, 0.0, map[string]float64{}
		for seed := range uint64(instances) {
			k := randomKnapsack(seed, 6)
			start := knapsackState{room: k.capacity}
			want := k.best(start)
			optimum += want
			greedy += k.Value(&start)
			for name, p := range policies(k, 400, backup, seed) {
				got := play(t, k, p)
				returned[name] += got
				if got > want {
					t.Fatalf("seed %d: %s returned %v, above the optimum %v", seed, name, got, want)
				}
				if got == want {
					reached[name]++
				}
			}
		}
		for _, name := range []string{"puct", "gumbel"} {
			t.Logf("backup %d: %s optimal in %d of %d, mean return %.1f (greedy %.1f, optimum %.1f)", backup, name,
				reached[name], instances, returned[name]/instances, greedy/instances, optimum/instances)
			closed := (returned[name] - greedy) / (optimum - greedy)
			if need := map[Backup]float64{Mean: 0.75, Best: 0.9}[backup]; closed < need {
				t.Errorf("backup %d: %s closed %.3f of the way from greedy to optimum, want %.2f", backup, name, closed, need)
			}
		}
	}
}

// goldenTree is a whole tree as it is compared with the files under testdata.
type goldenTree struct {
	Policy  string
	Action  int32
	Weights []float64
	Parents []int32
	Actions []int32
	Visits  []int32
	Values  []float64
	Raw     []float64
	Edges   []goldenEdge
}

type goldenEdge struct {
	Node, Action, Child, Visits int32
	Logit, Reward, Value        float64
}

func dump(name string, d Decision, t *Tree) goldenTree {
	g := goldenTree{Policy: name, Action: d.Action, Weights: d.Weights,
		Parents: t.Parents[:t.Count], Actions: t.Actions[:t.Count], Visits: t.Visits[:t.Count],
		Values: t.Values[:t.Count], Raw: t.RawValues[:t.Count]}
	for n := range int32(t.Count) {
		first, end := t.Edges(n)
		for e := first; e < end; e++ {
			g.Edges = append(g.Edges, goldenEdge{Node: n, Action: t.ChildAction[e], Child: t.ChildNode[e],
				Visits: t.ChildVisits[e], Logit: t.ChildLogit[e], Reward: t.ChildReward[e], Value: t.ChildValue[e]})
		}
	}
	return g
}

func TestGoldenTrees(t *testing.T) {
	k := randomKnapsack(11, 5)
	for name, p := range policies(k, 24, Mean, 3) {
		d, err := p.Decide(context.Background(), &knapsackState{room: k.capacity})
		if err != nil {
			t.Fatal(err)
		}
		got := dump(name, d, p.Tree())
		path := filepath.Join("testdata", name+".json")
		if *rewrite {
			text, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want goldenTree
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(a)) })
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// A node's visits are its own expansion plus those of its edges, and its value
// is the mean of what passed through it.
func TestTreeIsConsistent(t *testing.T) {
	for seed := range uint64(10) {
		k := randomKnapsack(seed, 6)
		for name, p := range policies(k, 100, Mean, seed) {
			if _, err := p.Decide(context.Background(), &knapsackState{room: k.capacity}); err != nil {
				t.Fatal(err)
			}
			tr := p.Tree()
			for n := range int32(tr.Count) {
				first, end := tr.Edges(n)
				if first == end {
					continue
				}
				visits, sum := int32(1), tr.RawValues[n]
				for e := first; e < end; e++ {
					visits += tr.ChildVisits[e]
					if c := tr.ChildNode[e]; c != None {
						if tr.ChildVisits[e] != tr.Visits[c] || tr.ChildValue[e] != tr.Values[c] {
							t.Fatalf("%s seed %d: edge %d disagrees with its child", name, seed, e)
						}
						sum += float64(tr.ChildVisits[e]) * tr.QValue(e)
					}
				}
				if visits != tr.Visits[n] {
					t.Fatalf("%s seed %d: node %d has %d visits, its edges explain %d", name, seed, n, tr.Visits[n], visits)
				}
				if mean := sum / float64(visits); math.Abs(mean-tr.Values[n]) > 1e-9 {
					t.Fatalf("%s seed %d: node %d has value %v, its edges explain %v", name, seed, n, tr.Values[n], mean)
				}
			}
		}
	}
}

func TestConsideredVisits(t *testing.T) {
	for _, c := range []struct {
		considered, simulations int
		want                    []int32
	}{
		{1, 4, []int32{0, 1, 2, 3}},
		{2, 6, []int32{0, 0, 1, 1, 2, 2}},
		{4, 8, []int32{0, 0, 0, 0, 1, 1, 2, 2}},
		{4, 3, []int32{0, 0, 0}},
		{3, 9, []int32{0, 0, 0, 1, 1, 2, 2, 3, 3}},
		{8, 24, []int32{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
	} {
		if diff := cmp.Diff(c.want, ConsideredVisits(c.considered, c.simulations)); diff != "" {
			t.Errorf("considered %d, simulations %d (-want +got):\n%s", c.considered, c.simulations, diff)
		}
	}
}

// A search that was stopped still names a legal action.
func TestCancelledSearchStillDecides(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k := randomKnapsack(1, 5)
	for name, p := range policies(k, 50, Best, 1) {
		d, err := p.Decide(ctx, &knapsackState{room: k.capacity})
		if err != nil || d.Slot < 0 || d.Simulations != 0 {
			t.Errorf("%s: decision %+v, error %v", name, d, err)
		}
	}
}

// Dirichlet noise changes what is tried and keeps the prior a distribution.
func TestDirichletNoiseIsADistribution(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	logits := []float64{0, 1, 2}
	mixDirichlet(logits, DirichletNoise{Fraction: 0.25, Alpha: 0.3}, r)
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l)
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("noisy prior sums to %v", sum)
	}
}

// The loop allocates nothing once its memory is warm.
func TestSearchLoopDoesNotAllocate(t *testing.T) {
	k := randomKnapsack(5, 8)
	s := NewSearcher(Environment[*knapsackState](k), 200, 3)
	q := PUCT(ByParentAndSiblings, 3)
	root := &knapsackState{room: k.capacity}
	run := func() {
		s.Begin(root)
		if _, err := s.Run(context.Background(), 200, q, q); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n != 0 {
		t.Errorf("a warm search made %v allocations", n)
	}
}

func BenchmarkSearch(b *testing.B) {
	k := randomKnapsack(5, 10)
	s := NewSearcher(Environment[*knapsackState](k), 200, 3)
	q := PUCT(ByParentAndSiblings, 3)
	root := &knapsackState{room: k.capacity}
	for b.Loop() {
		s.Begin(root)
		if _, err := s.Run(context.Background(), 200, q, q); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*200/b.Elapsed().Seconds(), "simulations/s")
}
