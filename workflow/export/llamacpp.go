package export

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"strata/malloc"
	"strata/ui/viz"
)

// LlamaCPPOptions says how the arguments are written.
type LlamaCPPOptions struct {
	ModelPath string // for -m; "": the plan's model name
	// Recent writes --load-mode and --fit off, which builds from 2026 have,
	// instead of the older --no-mmap and --mlock, which they still accept.
	Recent bool
	Lock   bool // keep the model locked in memory
}

// LlamaCPP is a plan as far as llama.cpp can be told.
type LlamaCPP struct {
	Args []string // for llama-server, llama-cli and llama-bench alike, not quoted
	Lost []string // what the arguments cannot express, one sentence each
	Tips []string // what the user may have to adapt
}

// LlamaCPPArguments translates a plan made by lowering a model. Weights that the
// plan keeps in a tier only an accelerator reaches are offloaded there, those
// it keeps or streams elsewhere stay with the CPU. It fails for a plan of a bare
// instance, which names neither model nor workload.
func LlamaCPPArguments(p *malloc.Program, plan *malloc.Plan, o LlamaCPPOptions) (*LlamaCPP, error) {
	if plan.Lowering == nil || plan.Model == nil && o.ModelPath == "" {
		return nil, fmt.Errorf("plan: fields model and lowering: not there, so the plan is for a bare instance; llama.cpp needs a plan made from a model (strata plan MODEL)")
	}
	l := plan.Lowering
	out := &LlamaCPP{}
	path := o.ModelPath
	if path == "" {
		path = plan.Model.Name
	}
	context := l.Context
	if context == 0 {
		context = l.Prompt + l.Gen
	}
	out.add("-m", path)
	out.add("-c", strconv.Itoa(context))
	if l.Parallel > 1 {
		out.add("-np", strconv.Itoa(l.Parallel))
	}
	if l.Ubatch > 0 {
		out.add("-b", strconv.Itoa(l.Ubatch))
		out.add("-ub", strconv.Itoa(l.Ubatch))
	}
	if l.Threads > 0 {
		out.add("-t", strconv.Itoa(l.Threads))
	}
	if l.CTK != "" {
		out.add("-ctk", l.CTK)
	}
	if l.CTV != "" {
		out.add("-ctv", l.CTV)
	}
	if l.CTV != "" && l.CTV != "f16" && l.CTV != "f32" && l.CTV != "bf16" {
		out.add("-fa", "on") // a quantised V cache needs flash attention
	}

	w := placeWeights(p, plan)
	out.offload(w)
	if o.Recent {
		out.add("--fit", "off")
	} else {
		out.Tips = append(out.Tips, "Builds that fit the model by themselves change the placement unless --fit off is added; older builds do not know that option.")
	}
	out.loading(w, o)
	out.lost(p, plan, w)
	return out, nil
}

func (c *LlamaCPP) add(args ...string) { c.Args = append(c.Args, args...) }

// Command is the arguments as one line for a POSIX shell.
func (c *LlamaCPP) Command(program string) string {
	words := []string{shellQuote(program)}
	for _, a := range c.Args {
		words = append(words, shellQuote(a))
	}
	return strings.Join(words, " ")
}

// WriteScript writes the command with what was lost as comments above it.
func (c *LlamaCPP) WriteScript(out io.Writer, program string) error {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	if len(c.Lost) > 0 {
		b.WriteString("# Not expressible for llama.cpp:\n")
	}
	for _, l := range c.Lost {
		b.WriteString("#  - " + oneLine(l) + "\n")
	}
	for _, t := range c.Tips {
		b.WriteString("# " + oneLine(t) + "\n")
	}
	b.WriteString("exec " + c.Command(program) + " \"$@\"\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// oneLine keeps a comment a comment, whatever a file's tensor is called.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellQuote quotes one word for a POSIX shell.
func shellQuote(s string) string {
	if shellSafe.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// weightPlaces is where a plan has the weights and the KV cache in its steady
// state.
type weightPlaces struct {
	accelerators []int // tiers the host's executor does not reach but another does
	tensors      []tensorPlace
	kvHost       int
	kvAway       int
	streamed     int // buffers
	streamedSize int64
	panels       int
}

// tensorPlace is one tensor of the model file: panels together.
type tensorPlace struct {
	name     string
	bytes    int64
	away     int64 // bytes that stay in an accelerator's tier
	resident int64 // bytes that stay in any limited tier
}

// placeWeights reads the steady state from the plan: a buffer stays in a tier
// when one block there lasts a whole turn of the loop (without one: the
// program).
func placeWeights(p *malloc.Program, plan *malloc.Plan) *weightPlaces {
	w := &weightPlaces{accelerators: acceleratorTiers(p)}
	turn := len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		turn = l.End - l.Begin
	}
	tier := make([]int, len(p.Buffers)) // of the lasting block, -1 without one
	for i := range tier {
		tier[i] = -1
	}
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Buf < 0 || b.Buf >= len(tier) {
			continue
		}
		lasting := b.End-b.Start >= turn || p.Buffers[b.Buf].Kind == malloc.KindKV
		if lasting && (tier[b.Buf] < 0 || slices.Contains(w.accelerators, b.Tier)) {
			tier[b.Buf] = b.Tier
		}
	}
	at := map[string]int{}
	for i := range p.Buffers {
		b := &p.Buffers[i]
		away := tier[i] >= 0 && slices.Contains(w.accelerators, tier[i])
		if b.Kind == malloc.KindKV {
			if away {
				w.kvAway++
			} else {
				w.kvHost++
			}
			continue
		}
		if b.Kind != malloc.KindParam || b.Select != nil {
			continue
		}
		name := b.Name
		if b.PanelOf != nil {
			name = b.PanelOf.Name
			w.panels++
		}
		k, known := at[name]
		if !known {
			k = len(w.tensors)
			at[name] = k
			w.tensors = append(w.tensors, tensorPlace{name: name})
		}
		t := &w.tensors[k]
		t.bytes += b.Size
		if away {
			t.away += b.Size
		}
		if tier[i] >= 0 && p.Tiers[tier[i]].Capacity != malloc.Unlimited {
			t.resident += b.Size
		} else if tier[i] < 0 {
			w.streamed++
			w.streamedSize += b.Size
		}
	}
	return w
}

// acceleratorTiers are the limited tiers that the host's executor does not
// reach but another one does. The host is the executor called "cpu", else the
// first.
func acceleratorTiers(p *malloc.Program) []int {
	if len(p.Executors) < 2 {
		return nil
	}
	host := 0
	for i := range p.Executors {
		if strings.HasPrefix(strings.ToLower(p.Executors[i].Name), "cpu") {
			host = i
			break
		}
	}
	reach := func(e, tier int) bool {
		return slices.ContainsFunc(p.Executors[e].Access, func(a malloc.Access) bool { return a.Tier == tier })
	}
	var tiers []int
	for t := range p.Tiers {
		if p.Tiers[t].Capacity == malloc.Unlimited || reach(host, t) {
			continue
		}
		for e := range p.Executors {
			if e != host && reach(e, t) {
				tiers = append(tiers, t)
				break
			}
		}
	}
	return tiers
}

// offload adds -ngl and the overrides for what stays with the CPU.
func (c *LlamaCPP) offload(w *weightPlaces) {
	if len(w.accelerators) == 0 {
		c.add("-ngl", "0")
		return
	}
	c.add("-ngl", "999")
	if w.kvHost > 0 && w.kvAway == 0 {
		c.add("-nkvo")
	} else if w.kvHost > 0 {
		c.Lost = append(c.Lost, fmt.Sprintf("KV caches of %d layers are planned for the host and %d for the accelerator; llama.cpp keeps a layer's cache with its attention, or all of it with the CPU (-nkvo).", w.kvHost, w.kvAway))
	}
	var host []string
	for _, t := range w.tensors {
		// A tensor llama.cpp cannot split goes where most of it is.
		if 2*t.away < t.bytes {
			host = append(host, t.name)
		}
		if t.away > 0 && t.away < t.bytes {
			c.Lost = append(c.Lost, fmt.Sprintf("%s lies in two tiers (%s of %s with the accelerator); llama.cpp moves whole tensors.", t.name, viz.FormatBytes(t.away), viz.FormatBytes(t.bytes)))
		}
	}
	if len(host) == 0 {
		return
	}
	if n, ok := cpuExperts(host, w.tensors); ok {
		c.add("--n-cpu-moe", strconv.Itoa(n))
		return
	}
	c.add("-ot", overrideRule(host)+"=CPU")
	c.Tips = append(c.Tips, "The first -ot rule that matches a tensor wins: put rules of your own after it.")
}

var blockTensor = regexp.MustCompile(`^blk\.(\d+)\.(.+)$`)

// cpuExperts reports whether the host has exactly the expert tensors of the
// first n blocks: what --n-cpu-moe n says.
func cpuExperts(host []string, all []tensorPlace) (n int, ok bool) {
	onHost := map[string]bool{}
	for _, h := range host {
		m := blockTensor.FindStringSubmatch(h)
		if m == nil || !strings.Contains(m[2], "_exps") {
			return 0, false
		}
		layer, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, false
		}
		n = max(n, layer+1)
		onHost[h] = true
	}
	for _, t := range all {
		m := blockTensor.FindStringSubmatch(t.name)
		if m == nil || !strings.Contains(m[2], "_exps") {
			continue
		}
		if layer, err := strconv.Atoi(m[1]); err != nil || layer < n && !onHost[t.name] {
			return 0, false
		}
	}
	return n, true
}

// overrideRule is one regular expression that matches exactly the given tensors:
// tensors of the same blocks share an alternative.
func overrideRule(names []string) string {
	layers := map[string][]int{} // tensor within its block → blocks
	var order, single []string
	for _, name := range names {
		m := blockTensor.FindStringSubmatch(name)
		layer, err := 0, error(nil)
		if m != nil {
			layer, err = strconv.Atoi(m[1])
		}
		if m == nil || err != nil {
			single = append(single, regexp.QuoteMeta(name))
			continue
		}
		if layers[m[2]] == nil {
			order = append(order, m[2])
		}
		layers[m[2]] = append(layers[m[2]], layer)
	}
	bySet := map[string][]string{}
	var sets []string
	for _, suffix := range order {
		slices.Sort(layers[suffix])
		parts := make([]string, 0, len(layers[suffix]))
		for _, l := range slices.Compact(layers[suffix]) {
			parts = append(parts, strconv.Itoa(l))
		}
		key := strings.Join(parts, "|")
		if bySet[key] == nil {
			sets = append(sets, key)
		}
		bySet[key] = append(bySet[key], regexp.QuoteMeta(suffix))
	}
	var alternatives []string
	for _, key := range sets {
		alternatives = append(alternatives, `blk\.`+group(key, strings.Contains(key, "|"))+`\.`+group(strings.Join(bySet[key], "|"), len(bySet[key]) > 1))
	}
	alternatives = append(alternatives, single...)
	return "^" + group(strings.Join(alternatives, "|"), len(alternatives) > 1) + "$"
}

func group(s string, needed bool) string {
	if needed {
		return "(" + s + ")"
	}
	return s
}

// loading chooses how the file is read.
func (c *LlamaCPP) loading(w *weightPlaces, o LlamaCPPOptions) {
	switch {
	case o.Lock && o.Recent:
		c.add("--load-mode", "mlock")
	case o.Lock:
		c.add("--mlock")
	case w.streamed > 0: // mapped: the system pages in what does not fit
	case o.Recent:
		c.add("--load-mode", "none")
	default:
		c.add("--no-mmap")
	}
	if o.Lock {
		c.Tips = append(c.Tips, "Locking memory needs a high enough limit (ulimit -l).")
		if w.streamed > 0 {
			c.Lost = append(c.Lost, "The plan streams weights, but locking asks for all of them in memory: it will need more than the planned arena.")
		}
	}
}

// lost lists what no argument says.
func (c *LlamaCPP) lost(p *malloc.Program, plan *malloc.Plan, w *weightPlaces) {
	add := func(format string, args ...any) { c.Lost = append(c.Lost, fmt.Sprintf(format, args...)) }
	if w.streamed > 0 {
		add("%d weight buffers (%s) are streamed from the file in the plan; llama.cpp maps the file and leaves to the operating system which pages stay.", w.streamed, viz.FormatBytes(w.streamedSize))
	}
	prefetch, demand := 0, 0
	for i := range plan.Copies {
		if plan.Copies[i].Before > plan.Copies[i].Start {
			prefetch++
		} else {
			demand++
		}
	}
	if prefetch+demand > 0 {
		add("%d prefetches and %d demand copies with their times have no counterpart.", prefetch, demand)
	}
	if w.panels > 0 {
		add("%d row panels of larger matrices are placed one by one; llama.cpp places whole tensors.", w.panels)
	}
	if n := len(plan.Blocks); n > 0 {
		add("Offsets of %d blocks: llama.cpp allocates by itself, and its peak differs from the planned one.", n)
	}
	for i := range p.Tiers {
		if t := &p.Tiers[i]; t.Capacity != malloc.Unlimited {
			add("The limit of %s for tier %s: llama.cpp takes what it needs.", viz.FormatBytes(t.Capacity), t.Name)
		}
	}
	if len(w.accelerators) > 1 {
		names := make([]string, len(w.accelerators))
		for i, t := range w.accelerators {
			names[i] = p.Tiers[t].Name
		}
		add("Which of the accelerators' tiers (%s) has a weight: say it with -ts or one -ot rule per device, whose names depend on the build.", strings.Join(names, ", "))
	}
	for i := range p.Buffers {
		if p.Buffers[i].Select != nil {
			add("Reading single rows (selected embeddings or experts) from the file has no counterpart.")
			break
		}
	}
	if plan.Lowering.Mode == "reference" {
		add("The reference mode's 32-bit activations: llama.cpp quantises activations of quantised matrices.")
	}
}
