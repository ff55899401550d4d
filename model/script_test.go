package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"strata/model"
	"strata/model/modeltest"
)

// TestGraphScripts runs the scripts under testdata/graph. A command
//
//	graph arch=NAME layers=N …
//
// builds a small model and prints the stages of its first layer and of what
// stands outside the layers, with every op and its operands;
//
//	kv arch=NAME context=N sequences=N ubatch=N padding=N
//
// prints the positions and bytes of every layer's cache.
func TestGraphScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/graph", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			shape := modeltest.Decoder{Layers: 2, Width: 64, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 128, Vocab: 96, Context: 4096, Type: model.Q8_0}
			cfg := model.KVConfig{Context: 4096, Sequences: 1, Ubatch: 512, Padding: 1}
			d.MaybeScanArgs(t, "arch", &shape.Arch)
			d.MaybeScanArgs(t, "tied", &shape.Tied)
			for name, into := range map[string]*int64{
				"layers": &shape.Layers, "window": &shape.Window, "experts": &shape.Experts, "used": &shape.ExpertsUsed, "expert-ffn": &shape.ExpertFFN,
				"context": &cfg.Context, "sequences": &cfg.Sequences, "ubatch": &cfg.Ubatch, "padding": &cfg.Padding,
			} {
				d.MaybeScanArgs(t, name, into)
			}
			d.MaybeScanArgs(t, "unified", &cfg.Unified)
			assumed := d.HasArg("assumed")
			g, err := tryBuild(shape.GGUF(), model.BuildOptions{KType: model.F16, VType: model.F16, AllowAssumed: assumed})
			if err != nil {
				return "error: " + err.Error()
			}
			switch d.Cmd {
			case "graph":
				return describe(g)
			case "kv":
				return describeKV(g, cfg)
			}
			d.Fatalf(t, "unknown command")
			return ""
		})
	})
}

func describe(g *model.Graph) string {
	var b strings.Builder
	for _, s := range g.Stages {
		if s.Layer > 0 {
			continue
		}
		fmt.Fprintf(&b, "%s", s.Name)
		if s.Panelled {
			b.WriteString(" [panelled]")
		}
		if s.OutputOnly {
			b.WriteString(" [outputs]")
		}
		b.WriteByte('\n')
		for _, op := range g.Ops[s.FirstOp : s.FirstOp+s.Ops] {
			var in []string
			for _, id := range op.In {
				in = append(in, g.Tensors[id].Name)
			}
			fmt.Fprintf(&b, "  %s(%s) → %s\n", op.Name, strings.Join(in, ", "), g.Tensors[op.Out[0]].Name)
		}
	}
	for _, a := range g.Assumed {
		fmt.Fprintf(&b, "assumed: %s\n", a)
	}
	if g.Executable != "" {
		fmt.Fprintln(&b, g.Executable)
	}
	return b.String()
}

func describeKV(g *model.Graph, c model.KVConfig) string {
	layers, total, err := g.KVBytes(c)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for _, x := range g.Tensors {
		if x.Role == model.RoleKV {
			cells, err := c.Cells(x.Window)
			if err != nil {
				return "error: " + err.Error()
			}
			fmt.Fprintf(&b, "%s window=%d positions=%d bytes=%d\n", x.Name, x.Window, cells, layers[x.Layer])
		}
	}
	fmt.Fprintf(&b, "total=%d\n", total)
	return b.String()
}
