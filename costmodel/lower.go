package costmodel

import (
	"fmt"

	"strata/malloc"
	"strata/model"
)

// Workload is what the model is asked to do on the machine.
type Workload struct {
	Prompt     int    // tokens of each prompt
	Gen        int    // tokens generated per sequence; the first comes from prefill
	Context    int    // positions the KV cache is sized for, over all sequences
	Parallel   int    // concurrent sequences
	Ubatch     int    // most tokens computed at once in prefill
	Mode       string // ModeFast or ModeReference
	Threads    int
	PanelBytes int64 // a panelled matrix is split into row blocks of at most this many bytes
}

// DefaultPanelBytes is the panel size used when none is asked for. Small panels
// make a short read-ahead ring; requests stay long enough for a disk to run at
// full speed.
const DefaultPanelBytes = 640 << 10

// Check reports the first impossible field.
func (w Workload) Check() error {
	switch {
	case w.Prompt < 1:
		return fmt.Errorf("workload: prompt is %d tokens, at least 1 is needed", w.Prompt)
	case w.Gen < 1:
		return fmt.Errorf("workload: gen is %d tokens, at least 1 is needed", w.Gen)
	case w.Parallel < 1:
		return fmt.Errorf("workload: %d concurrent sequences, at least 1 is needed", w.Parallel)
	case w.Ubatch < 1:
		return fmt.Errorf("workload: micro-batch of %d tokens, at least 1 is needed", w.Ubatch)
	case w.Threads < 1:
		return fmt.Errorf("workload: %d threads, at least 1 is needed", w.Threads)
	case w.PanelBytes < 1:
		return fmt.Errorf("workload: panels of %d bytes, at least 1 is needed", w.PanelBytes)
	case w.Mode != ModeFast && w.Mode != ModeReference:
		return fmt.Errorf("workload: mode %q, known are %q and %q", w.Mode, ModeFast, ModeReference)
	case int64(w.Prompt+w.Gen)*int64(w.Parallel) > int64(w.Context)+int64(w.Parallel):
		// The last generated token is never fed back, so its position is not needed.
		return fmt.Errorf("workload: %d sequences of %d + %d tokens need a context of %d, it is %d: raise --ctx-size or generate less",
			w.Parallel, w.Prompt, w.Gen, (w.Prompt+w.Gen-1)*w.Parallel, w.Context)
	}
	return nil
}

// Lowered is a Program together with what each of its buffers and scratch bytes
// is in the model. The engine executes it; the formats hold the Program alone,
// since lowering the same model again restores the rest.
type Lowered struct {
	Program  *malloc.Program
	Graph    *model.Graph
	Work     Workload
	Origins  []Origin      // by buffer
	Scratch  [][]Slot      // by instruction: layout of its scratch block
	KV       []KVLayout    // by tensor of the graph
	HomeTier int           // where KV and activations live
	FileTier int           // the unlimited tier, home of the weights
	Sums     ComponentSums // what the parts weigh
}

// Origin says which rows of which tensor a buffer holds.
type Origin struct {
	Tensor int32 // index into Graph.Tensors
	Shard  int   // file of a split model (weights)
	Row0   int64
	Rows   int64 // 0: the whole tensor
	Ubatch int32 // prefill micro-batch, -1: decode or shared
	Token  int32 // select buffers: which token of the micro-batch, else -1
}

// ComponentSums are bytes by component, before placement.
type ComponentSums struct {
	WeightsBytes int64 // every stored tensor once
	KVBytes      int64
	ComputeBytes int64 // activations, logits and scratch: the most live at one instruction
}

// Lower turns a graph on a machine under a workload into one Program: prefill
// micro-batch by micro-batch, unrolled, then decode as a periodic loop of gen−1
// iterations, since prefill yields the first token. capacities overrides tiers
// by name, in bytes.
//
// Weights are homed in the unlimited tier (the model file) and read only; KV and
// activations are homed in the limited tier that it feeds. The graph carries the
// cache's types.
func Lower(g *model.Graph, hw *Profile, w Workload, capacities map[string]int64) (*Lowered, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	l := &lowering{
		out: &Lowered{Graph: g, Work: w, Program: &malloc.Program{
			Format: malloc.InstanceFormat, Name: g.Name,
			Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: hw.Overlap.Rule},
		}},
		g: g, hw: hw, w: w,
	}
	l.p = l.out.Program
	if err := l.machine(capacities); err != nil {
		return nil, err
	}
	if err := l.buffers(); err != nil {
		return nil, err
	}
	if err := l.schedule(); err != nil {
		return nil, err
	}
	if err := l.costs(); err != nil {
		return nil, err
	}
	l.out.KV = l.kv
	l.sums()
	l.contend()
	return l.out, nil
}

// lowering is the state of one Lower call.
type lowering struct {
	out *Lowered
	p   *malloc.Program
	g   *model.Graph
	hw  *Profile
	w   Workload

	file, home int   // tiers
	execTiers  []int // tiers that need scratch: one per executor
	ioAlign    int64 // of links from the file

	weights [][]int          // by tensor: its panels' buffers
	shared  []int            // by tensor: KV and other tensors with one buffer
	local   map[localKey]int // activations of a micro-batch or of decode
	prefill []ubatch
	kv      []KVLayout // by tensor
}

type localKey struct {
	tensor, ubatch int32
}

// ubatch is one micro-batch of prefill.
type ubatch struct{ token0, tokens int }

// KVLayout is how a layer's cache lies in its buffer: Rows rows of K, then from
// VOffset as many rows of V.
type KVLayout struct {
	Rows, KRow, VRow, VOffset, Bytes int64
}

// machine writes tiers, engines and executors of the profile into the program.
func (l *lowering) machine(capacities map[string]int64) error {
	index := map[string]int{}
	for i, t := range l.hw.Tiers {
		index[t.Name] = i
		c := t.CapacityBytes.V
		if v, ok := capacities[t.Name]; ok {
			if c == Unlimited {
				return fmt.Errorf("tier %q is unlimited in profile %s: its size cannot be set", t.Name, l.hw.Name)
			}
			c = v
		}
		l.p.Tiers = append(l.p.Tiers, malloc.Tier{
			ID: i, Name: t.Name, Capacity: c, ReadBW: t.ReadBW.V, WriteBW: t.WriteBW.V,
			LatencyS: t.LatencyS.V, Align: t.Align,
		})
	}
	for name := range capacities {
		if _, err := l.hw.Tier(name); err != nil {
			return err
		}
	}
	l.file = l.hw.Home()
	l.home = -1
	for i, k := range l.hw.Links {
		from, to := index[k.From], index[k.To]
		shares := make([]int, 0, len(k.Shares))
		for _, s := range k.Shares {
			shares = append(shares, index[s])
		}
		request := k.RequestBytes
		if request == 0 {
			request = malloc.MaxSizeBytes
		}
		bw, latency := l.hw.Links[i].fit(min(request, l.typicalBytes()))
		l.p.Engines = append(l.p.Engines, malloc.Engine{
			ID: i, From: from, To: to, BW: bw, LatencyS: latency,
			RequestBytes: request, IOAlign: k.IOAlign, MaxOutstanding: k.Depth, Order: "fifo", Shares: shares,
		})
		if from == l.file {
			l.ioAlign = max(l.ioAlign, k.IOAlign)
			if l.home < 0 {
				l.home = to
			}
		}
	}
	if l.home < 0 {
		return fmt.Errorf("profile %s: no link leads out of the unlimited tier %q", l.hw.Name, l.p.Tiers[l.file].Name)
	}
	seen := make([]bool, len(l.p.Tiers))
	for i := range l.hw.Executors {
		x := &l.hw.Executors[i]
		e := malloc.Executor{ID: i, Name: x.Name}
		for _, a := range x.Access {
			read, err := x.ReadBW(a.Tier, l.w.Threads, l.modelBytes())
			if err != nil {
				return err
			}
			write, err := x.WriteBW(a.Tier, l.w.Threads, l.modelBytes())
			if err != nil {
				write = 0
			}
			e.Access = append(e.Access, malloc.Access{Tier: index[a.Tier], ReadBW: read, WriteBW: write})
		}
		if t := index[x.Access[0].Tier]; !seen[t] {
			seen[t] = true
			l.execTiers = append(l.execTiers, t)
		}
		l.p.Executors = append(l.p.Executors, e)
	}
	l.out.HomeTier, l.out.FileTier = l.home, l.file
	return nil
}

// typicalBytes is the size of a copy that carries most of the model's bytes: the
// byte-weighted mean over weights and panels.
func (l *lowering) typicalBytes() int64 {
	panelled := map[int32]bool{}
	for _, op := range l.g.Ops {
		if l.g.Stages[op.Stage].Panelled && op.Kind == model.OpMatMul {
			panelled[op.In[1]] = true
		}
	}
	var bytes, squares float64
	for i := range l.g.Tensors {
		t := &l.g.Tensors[i]
		if t.Role != model.RoleWeight {
			continue
		}
		size := float64(t.Bytes)
		if panelled[int32(i)] {
			size = min(size, float64(l.w.PanelBytes))
		}
		bytes += float64(t.Bytes)
		squares += float64(t.Bytes) * size
	}
	if bytes == 0 {
		return 0
	}
	return int64(squares / bytes)
}

func (l *lowering) modelBytes() int64 {
	var n int64
	for i := range l.g.Tensors {
		if l.g.Tensors[i].Role == model.RoleWeight {
			n += l.g.Tensors[i].Bytes
		}
	}
	return n
}

// sums adds up the components as a user thinks of them.
func (l *lowering) sums() {
	var s ComponentSums
	s.WeightsBytes = l.modelBytes()
	for t := range l.g.Tensors {
		s.KVBytes += l.kv[t].Bytes
	}
	// Activations and scratch live at each instruction, over the straight
	// schedule; the body's carried values count throughout it.
	n := len(l.p.Instructions)
	first, last := make([]int, len(l.p.Buffers)), make([]int, len(l.p.Buffers))
	for b := range first {
		first[b], last[b] = n, -1
	}
	for i := range l.p.Instructions {
		in := &l.p.Instructions[i]
		for _, o := range in.Reads {
			first[o.Buf], last[o.Buf] = min(first[o.Buf], i), i
		}
		for _, o := range in.Writes {
			first[o.Buf], last[o.Buf] = min(first[o.Buf], i), i
		}
	}
	change := make([]int64, n+1)
	for b := range l.p.Buffers {
		kind := l.p.Buffers[b].Kind
		if last[b] >= 0 && (kind == malloc.KindActivation || kind == malloc.KindOutput) {
			change[first[b]] += l.p.Buffers[b].Size
			change[last[b]+1] -= l.p.Buffers[b].Size
		}
	}
	var live int64
	for i := range l.p.Instructions {
		var scratch int64
		for _, v := range l.p.Instructions[i].Scratch {
			scratch = max(scratch, v)
		}
		live += change[i]
		s.ComputeBytes = max(s.ComputeBytes, live+scratch)
	}
	l.out.Sums = s
}
