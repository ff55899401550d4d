package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"strata/workflow"
)

// modelFlags are the options that describe a request, named as llama.cpp names
// them.
type modelFlags struct {
	r     workflow.Request
	dram  string
	tiers []string
}

func (f *modelFlags) register(c *cobra.Command) {
	p := c.Flags()
	p.StringVar(&f.r.HW, "hw", "", "hardware profile: a shipped name or a file (default: this host's calibration)")
	p.StringVar(&f.dram, "dram", "", "size of the memory arena: 64MiB, 1.5GB, bytes, or 50% of the model file (added to KV, activations and scratch)")
	p.StringArrayVar(&f.tiers, "tier", nil, "size of another tier, NAME=SIZE (may be repeated)")
	p.IntVarP(&f.r.Context, "ctx-size", "c", 0, "positions the KV cache is sized for")
	p.IntVarP(&f.r.Batch, "batch-size", "b", 0, "logical batch (default 2048)")
	p.IntVar(&f.r.Ubatch, "ubatch-size", 0, "-ub: most tokens computed at once in prefill (default 512)")
	p.IntVar(&f.r.Parallel, "parallel", 0, "-np: concurrent sequences (default 1)")
	p.IntVarP(&f.r.Threads, "threads", "t", 0, "threads (default: physical cores)")
	p.StringVar(&f.r.CTK, "cache-type-k", "", "-ctk: type of cached keys (default f16)")
	p.StringVar(&f.r.CTV, "cache-type-v", "", "-ctv: type of cached values (default f16)")
	p.StringVar(&f.r.Mode, "mode", "", "numeric mode: fast (int8 activations, f16 KV) or reference (f32) (default fast)")
	p.Int64Var(&f.r.PanelBytes, "panel-bytes", 0, "largest row panel of the output matrix (default 640 KiB)")
	p.BoolVar(&f.r.AllowAssumed, "assume", false, "estimate an unknown architecture as a plain decoder, marked as assumed")
}

// request parses the sizes.
func (f *modelFlags) request() (workflow.Request, error) {
	r := f.r
	r.Tiers = map[string]workflow.Size{}
	if f.dram != "" {
		s, err := workflow.ParseSize(f.dram)
		if err != nil {
			return r, err
		}
		r.Dram = s
	}
	for _, t := range f.tiers {
		name, size, ok := strings.Cut(t, "=")
		if !ok {
			return r, workflow.Badf("--tier %q: write NAME=SIZE", t)
		}
		s, err := workflow.ParseSize(size)
		if err != nil {
			return r, err
		}
		r.Tiers[name] = s
	}
	for name, v := range map[string]int{"--ctx-size": r.Context, "--batch-size": r.Batch, "--ubatch-size": r.Ubatch, "--parallel": r.Parallel, "--threads": r.Threads, "--prompt": r.Prompt, "--gen": r.Gen} {
		if v < 0 {
			return r, workflow.Badf("%s %d: a positive number is expected", name, v)
		}
	}
	if r.Mode != "" && r.Mode != "fast" && r.Mode != "reference" {
		return r, workflow.Badf("--mode %q: known modes are fast and reference", r.Mode)
	}
	return r, nil
}
