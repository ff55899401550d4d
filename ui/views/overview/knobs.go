package overview

import (
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"
	"github.com/dustin/go-humanize"

	"strata/malloc"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/workflow"
)

// knobs are the sliders. Each change goes to the controller, which plans when
// the slider rests; the sliders follow the document (undo moves them back).
type knobs struct {
	h                                    *views.Host
	root                                 *fyne.Container
	context, parallel, prompt, gen, dram *parts.Knob
	kv                                   *widget.Select
	longest                              *widget.Button
	note                                 *parts.Text
	doc                                  int
	quiet                                bool
	touched                              time.Time // the user moved a slider last
}

// kvTypes are the cache types offered.
var kvTypes = []string{"f16", "q8_0", "q4_0", "f32"}

func whole(v float64) string { return humanize.Comma(int64(v)) }

func newKnobs(h *views.Host) *knobs {
	k := &knobs{h: h}
	change := func(label, key string, set func(r *workflow.Request, v float64)) func(float64) {
		return func(v float64) {
			k.touched = time.Now()
			h.Controller.SetWorkload(k.doc, fmt.Sprintf("%s %s", label, whole(v)), key, func(r *workflow.Request) { set(r, v) })
		}
	}
	k.context = parts.NewKnob(lang.L("Context"), 64, 4096, 1, true, whole, change(lang.L("context"), "context", func(r *workflow.Request, v float64) {
		r.Context = int(v)
		shrink(r)
	}))
	k.parallel = parts.NewKnob(lang.L("Concurrent sequences"), 1, 16, 1, false, whole, change(lang.L("sequences"), "parallel", func(r *workflow.Request, v float64) {
		r.Parallel = int(v)
		shrink(r)
	}))
	k.prompt = parts.NewKnob(lang.L("Prompt tokens"), 1, 2048, 1, true, whole, change(lang.L("prompt"), "prompt", func(r *workflow.Request, v float64) {
		r.Prompt = int(v)
		widen(r)
	}))
	k.gen = parts.NewKnob(lang.L("Generated tokens"), 2, 1024, 1, true, whole, change(lang.L("generated"), "gen", func(r *workflow.Request, v float64) {
		r.Gen = int(v)
		widen(r)
	}))
	k.dram = parts.NewKnob(lang.L("Memory budget"), 1, 2, 4096, true, func(v float64) string { return workflow.FormatBytes(int64(v)) }, func(v float64) {
		k.touched = time.Now()
		if d := h.Controller.Snapshot().ByID(k.doc); d != nil && d.HomeTier >= 0 {
			h.Controller.SetCapacity(k.doc, d.Program.Tiers[d.HomeTier].Name, int64(v)/4096*4096)
		}
	})
	k.kv = parts.NewChoice(kvTypes, func(s string) {
		if k.quiet {
			return
		}
		h.Controller.SetWorkload(k.doc, lang.L("KV cache")+" "+s, "kv", func(r *workflow.Request) { r.CTK, r.CTV = s, s })
	})
	k.kv.PlaceHolder = "–"
	k.longest = widget.NewButton(lang.L("Longest that fits"), func() { h.Controller.SolveContext(k.doc, true) })
	k.note = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Wrap)
	k.root = parts.Column(6, k.context, parts.Row(0, parts.Grow(parts.NewText("", parts.Caption, viz.InkMuted)), k.longest), k.parallel, k.dram, k.prompt, k.gen,
		parts.Row(8, parts.Grow(parts.Centred(parts.NewText(lang.L("KV cache type"), parts.Body, viz.InkMuted))), parts.Fixed(k.kv, 96, 0)), parts.Fixed(k.note, 0, 30))
	return k
}

// shrink keeps the workload inside a context that became smaller.
func shrink(r *workflow.Request) {
	per := max(2, r.Context/max(1, r.Parallel))
	if r.Prompt+r.Gen-1 > per {
		r.Gen = max(1, min(r.Gen, per/2))
		r.Prompt = max(1, min(r.Prompt, per-r.Gen+1))
	}
}

// widen grows the context to hold the workload.
func widen(r *workflow.Request) {
	r.Context = max(r.Context, (r.Prompt+r.Gen-1)*max(1, r.Parallel))
}

func (k *knobs) update(_ *controller.Snapshot, d *controller.Document) {
	off := d == nil || d.Inspection == nil
	for _, x := range []*parts.Knob{k.context, k.parallel, k.prompt, k.gen, k.dram} {
		if off {
			x.Slider().Disable()
		} else {
			x.Slider().Enable()
		}
	}
	if off {
		k.doc = 0
		k.kv.Disable()
		k.longest.Disable()
		if d != nil {
			k.note.Set(lang.L("A bare instance has one workload and one machine: open its model to move these."))
		}
		return
	}
	k.kv.Enable()
	k.longest.Enable()
	moved := k.doc != d.ID
	k.doc = d.ID
	r := d.Request
	trained := float64(max(d.Inspection.Context, 128))
	k.context.Range(64, trained)
	k.prompt.Range(1, max(64, min(trained, 32768)))
	k.gen.Range(2, max(64, min(trained, 8192)))
	if d.HomeTier >= 0 && d.Program != nil {
		t := d.Program.Tiers[d.HomeTier]
		if lo, hi := budgetRange(d, t); hi > lo {
			k.dram.Range(lo, hi)
		}
		capacity := float64(t.Capacity)
		if r.Dram.Set && !r.Dram.IsShare {
			capacity = float64(r.Dram.Bytes)
		}
		k.show(k.dram, capacity, moved)
	}
	k.show(k.context, float64(r.Context), moved)
	k.show(k.parallel, float64(max(1, r.Parallel)), moved)
	k.show(k.prompt, float64(r.Prompt), moved)
	k.show(k.gen, float64(r.Gen), moved)
	kv := r.CTK
	if kv == "" {
		kv = "f16"
	}
	k.quiet = true
	if !slices.Contains(kvTypes, kv) {
		k.kv.SetOptions(append(slices.Clone(kvTypes), kv))
	}
	if k.kv.Selected != kv {
		k.kv.SetSelected(kv)
	}
	k.quiet = false
	note := ""
	if l := d.Limits; l.LeastBytes > 0 {
		note = fmt.Sprintf(lang.L("Budget: at least %s"), workflow.FormatBytes(l.LeastBytes))
		if l.ResidentBytes > 0 {
			note += fmt.Sprintf(lang.L("; nothing streams from %s on"), workflow.FormatBytes(l.ResidentBytes))
		}
		note += "."
	}
	if d.MaxContext > 0 {
		note += " " + fmt.Sprintf(lang.L("Longest context that fits: %s."), humanize.Comma(int64(d.MaxContext)))
	}
	k.note.Set(note)
}

// show follows the document, but not under the user's pointer.
func (k *knobs) show(x *parts.Knob, v float64, moved bool) {
	if !moved && time.Since(k.touched) < 400*time.Millisecond {
		return
	}
	if x.Value() != v || moved {
		x.Put(v)
	}
}

// budgetRange is from a little below what is possible (so that "too little" can
// be tried) to the machine's capacity, or to a little above what is useful.
func budgetRange(d *controller.Document, t malloc.Tier) (lo, hi float64) {
	least, resident := float64(d.Limits.LeastBytes), float64(d.Limits.ResidentBytes)
	if least == 0 {
		least = float64(t.Capacity) / 4
	}
	lo = least * 0.75
	hi = resident * 1.25
	if d.Machine != nil {
		if m, err := d.Machine.Tier(t.Name); err == nil && m.CapacityBytes.V > 0 && (hi == 0 || float64(m.CapacityBytes.V) < hi) {
			hi = float64(m.CapacityBytes.V)
		}
	}
	return lo, max(hi, float64(t.Capacity), least*1.5)
}
