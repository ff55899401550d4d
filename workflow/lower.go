package workflow

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"strata/costmodel"
	"strata/engine"
	"strata/malloc"
	"strata/model"
)

// Request says which model on which machine under which workload. Zero fields
// take llama.cpp's defaults, or the caller's where a comment says so.
type Request struct {
	HW           string
	Prompt, Gen  int
	Context      int // 0: prompt + gen
	Parallel     int
	Batch        int
	Ubatch       int
	Threads      int // 0: physical cores
	CTK, CTV     string
	Mode         string // "" : fast
	Dram         Size
	Tiers        map[string]Size
	PanelBytes   int64
	Pins         []string // REGEX=TIER
	AllowAssumed bool
}

// Job is a lowered request and what it was made from.
type Job struct {
	Request    Request
	Model      *Model
	Machine    *costmodel.Profile
	Lowered    *costmodel.Lowered
	Capacities map[string]int64
	Assumed    []string
}

// plannedOnly says why the engine cannot run the job; "" when it can.
func (j *Job) plannedOnly() string {
	if why := j.Lowered.Graph.Executable; why != "" {
		return why
	}
	if err := engine.CanRun(j.Lowered); err != nil {
		return err.Error()
	}
	return ""
}

// Program is the job's memory-mapping problem.
func (j *Job) Program() *malloc.Program { return j.Lowered.Program }

// Lower opens the machine and lowers the model onto it.
func Lower(m *Model, r Request) (*Job, error) {
	hw, err := LoadMachine(r.HW)
	if err != nil {
		return nil, err
	}
	return lowerOn(m, hw, r)
}

func lowerOn(m *Model, hw *costmodel.Profile, r Request) (*Job, error) {
	r = r.withDefaults(hw)
	g, err := buildGraph(m, &r)
	if err != nil {
		return nil, err
	}
	if r.Context > int(g.Hyper.ContextTrained) && g.Hyper.ContextTrained > 0 {
		return nil, Badf("a context of %d is more than the %d that %s was trained for: use --ctx-size %d or less",
			r.Context, g.Hyper.ContextTrained, g.Name, g.Hyper.ContextTrained)
	}
	j := &Job{Request: r, Model: m, Machine: hw, Assumed: append([]string(nil), g.Assumed...)}
	for _, key := range hw.Assumed() {
		j.Assumed = append(j.Assumed, fmt.Sprintf("profile %s, %s: %s", hw.Name, key, hw.Sources[key].Document))
	}
	if err := j.lower(g); err != nil {
		return nil, err
	}
	return j, nil
}

// buildGraph builds the model's graph with the request's cache types, which it
// settles.
func buildGraph(m *Model, r *Request) (*model.Graph, error) {
	k, v, err := r.cacheTypes()
	if err != nil {
		return nil, err
	}
	g, err := model.Build(m.Source, model.BuildOptions{KType: k, VType: v, AllowAssumed: r.AllowAssumed})
	return g, badModel(err)
}

// badModel names the way out of an architecture that nobody knows.
func badModel(err error) error {
	var unknown *model.UnknownArchitectureError
	if errors.As(err, &unknown) {
		return Badf("%s: unknown architecture %q; known are %s; for a rough estimate as a plain decoder use --assume",
			unknown.Path, unknown.Arch, strings.Join(unknown.Known, ", "))
	}
	return bad(err)
}

func (r Request) withDefaults(hw *costmodel.Profile) Request {
	if r.Parallel == 0 {
		r.Parallel = 1
	}
	if r.Batch == 0 {
		r.Batch = 2048
	}
	if r.Ubatch == 0 {
		r.Ubatch = 512
	}
	r.Ubatch = min(r.Ubatch, r.Batch)
	if r.Threads == 0 {
		r.Threads = defaultThreads(hw)
	}
	if r.Mode == "" {
		r.Mode = costmodel.ModeFast
	}
	if r.PanelBytes == 0 {
		r.PanelBytes = costmodel.DefaultPanelBytes
	}
	if r.Context == 0 {
		r.Context = (r.Prompt + r.Gen) * r.Parallel
	}
	return r
}

// cacheTypes reads -ctk and -ctv; the default is f16, and f32 in reference mode.
func (r *Request) cacheTypes() (k, v model.DType, err error) {
	def := "f16"
	if r.Mode == costmodel.ModeReference {
		def = "f32"
		if r.CTK != "" && r.CTK != def || r.CTV != "" && r.CTV != def {
			return 0, 0, Badf("reference mode keeps the KV cache in f32: leave out --cache-type-k and --cache-type-v, or use --mode fast")
		}
	}
	if r.CTK == "" {
		r.CTK = def
	}
	if r.CTV == "" {
		r.CTV = def
	}
	if k, err = model.ParseDType(r.CTK); err != nil {
		return 0, 0, Badf("--cache-type-k: %w", err)
	}
	if v, err = model.ParseDType(r.CTV); err != nil {
		return 0, 0, Badf("--cache-type-v: %w", err)
	}
	return k, v, nil
}

// lower lowers once to learn what a share of the model is added to, then with
// the capacities that follow.
func (j *Job) lower(g *model.Graph) error {
	r := &j.Request
	w := costmodel.Workload{Prompt: r.Prompt, Gen: r.Gen, Context: r.Context, Parallel: r.Parallel, Ubatch: r.Ubatch,
		Mode: r.Mode, Threads: r.Threads, PanelBytes: r.PanelBytes}
	l, err := costmodel.Lower(g, j.Machine, w, nil)
	if err != nil {
		return bad(err)
	}
	j.Capacities = map[string]int64{}
	sizes := map[string]Size{}
	for name, s := range r.Tiers {
		sizes[name] = s
	}
	if r.Dram.Set {
		sizes[l.Program.Tiers[l.HomeTier].Name] = r.Dram
	}
	for name, s := range sizes {
		bytes := s.Bytes
		if s.IsShare {
			bytes = int64(s.Percent/100*float64(j.Model.FileBytes())) + l.Sums.KVBytes + l.Sums.ComputeBytes
			bytes = (bytes + 4095) / 4096 * 4096
		}
		j.Capacities[name] = bytes
	}
	if len(j.Capacities) > 0 {
		if l, err = costmodel.Lower(g, j.Machine, w, j.Capacities); err != nil {
			return bad(err)
		}
	}
	for _, t := range l.Program.Tiers {
		if t.Capacity != malloc.Unlimited {
			j.Capacities[t.Name] = t.Capacity
		}
	}
	j.Lowered = l
	return j.pin()
}

// pin writes the user's rules into the instance, where they bind every solver.
func (j *Job) pin() error {
	p := j.Program()
	for _, rule := range j.Request.Pins {
		i := strings.LastIndexByte(rule, '=')
		if i <= 0 {
			return Badf("--pin %q: write REGEX=TIER, for example 'blk\\.0\\..*=dram'", rule)
		}
		re, err := regexp.Compile(rule[:i])
		if err != nil {
			return Badf("--pin %q: %w", rule, err)
		}
		tier := -1
		var names []string
		for t := range p.Tiers {
			names = append(names, p.Tiers[t].Name)
			if p.Tiers[t].Name == rule[i+1:] {
				tier = t
			}
		}
		if tier < 0 {
			return Badf("--pin %q: no tier %q, the machine has %s", rule, rule[i+1:], strings.Join(names, ", "))
		}
		hit := false
		for k := range p.Instructions {
			in := &p.Instructions[k]
			for side, list := range [][]malloc.Operand{in.Reads, in.Writes} {
				for a, o := range list {
					if re.MatchString(p.Buffers[o.Buf].Name) {
						hit = true
						in.Fixed = append(in.Fixed, malloc.Fixed{Arg: string("rw"[side]) + strconv.Itoa(a), Tier: tier})
					}
				}
			}
		}
		if !hit {
			return Badf("--pin %q: no tensor matches; `strata inspect` lists the names", rule)
		}
	}
	return nil
}

// loweringRef is what a plan keeps to be lowered again.
func (j *Job) loweringRef() *malloc.LoweringRef {
	r := &j.Request
	return &malloc.LoweringRef{Prompt: r.Prompt, Gen: r.Gen, Context: r.Context, Parallel: r.Parallel, Ubatch: r.Ubatch,
		CTK: r.CTK, CTV: r.CTV, Mode: r.Mode, Threads: r.Threads, PanelBytes: r.PanelBytes}
}

// requestOf restores the request behind a plan.
func requestOf(plan *malloc.Plan, hw string) (Request, error) {
	l := plan.Lowering
	if l == nil {
		return Request{}, Badf("this plan was made for a bare instance: name it with --instance")
	}
	r := Request{HW: hw, Prompt: l.Prompt, Gen: l.Gen, Context: l.Context, Parallel: l.Parallel, Batch: l.Ubatch, Ubatch: l.Ubatch,
		CTK: l.CTK, CTV: l.CTV, Mode: l.Mode, Threads: l.Threads, PanelBytes: l.PanelBytes, Tiers: map[string]Size{}}
	if plan.Ext != nil {
		for name, bytes := range plan.Ext.Capacities {
			r.Tiers[name] = Size{Bytes: bytes, Set: true}
		}
		r.Pins = plan.Ext.Pins
		r.AllowAssumed = plan.Ext.AllowAssumed
	}
	return r, nil
}
