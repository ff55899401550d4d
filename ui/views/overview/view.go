package overview

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"

	"strata/malloc"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/workflow"
)

// view is the Overview.
type view struct {
	h       *views.Host
	root    fyne.CanvasObject
	word    *parts.Chip
	verdict *parts.Text
	facts   *parts.Text
	bytes   *number
	first   *number
	speed   *number
	tiers   *tierList
	shares  *shareBar
	picture *parts.Picture
	knobs   *knobs
	start   *startCard

	version, plan uint64
	doc           int
}

// New makes the view.
func New(h *views.Host) views.View { return &view{h: h} }

func (v *view) ID() string          { return views.Overview }
func (v *view) Title() string       { return lang.L("Overview") }
func (v *view) Icon() fyne.Resource { return theme.HomeIcon() }

func (v *view) Content() fyne.CanvasObject {
	if v.root != nil {
		return v.root
	}
	v.word = parts.NewChip("", viz.InkMuted)
	v.verdict = parts.NewText("", 17, viz.InkText).Fit(parts.Wrap)
	v.facts = parts.NewText("", parts.Body, viz.InkMuted).Fit(parts.Wrap)
	v.bytes, v.first, v.speed = newNumber(lang.L("MEMORY")), newNumber(lang.L("TIME TO FIRST TOKEN")), newNumber(lang.L("SPEED"))
	v.tiers = newTierList()
	v.shares = newShareBar()
	v.picture = parts.NewPicture(200, 44)
	v.picture.Background = true
	v.knobs = newKnobs(v.h)
	v.start = newStartCard(v.h)
	open := parts.NewPress(v.picture, func() { v.h.Show(views.MemoryMap) })
	open.PadX, open.PadY = 2, 2
	head := parts.Card(parts.Column(6, parts.Row(12, parts.Centred(v.word), parts.Grow(parts.Centred(v.verdict))), v.facts))
	left := parts.Column(10,
		head,
		parts.Row(10, parts.Grow(parts.Card(v.bytes.root)), parts.Grow(parts.Card(v.first.root)), parts.Grow(parts.Card(v.speed.root))),
		parts.Row(10, parts.Grow(parts.Titled(lang.L("TIERS AT THEIR FULLEST"), nil, v.tiers.root)), parts.Grow(parts.Titled(lang.L("WHERE A TOKEN'S TIME GOES"), nil, v.shares.root))),
		parts.Grow(parts.Titled(lang.L("MEMORY MAP"), parts.NewText(lang.L("click to open"), parts.Caption, viz.InkMuted), open)),
	)
	right := container.NewVScroll(parts.InsetEach(parts.Column(10, parts.Titled(lang.L("WHAT IF"), nil, v.knobs.root), v.start.root), 0, 0, 12, 0))
	v.root = parts.InsetEach(parts.Row(10, parts.Grow(left), parts.Fixed(right, 320, 0)), 12, 12, 0, 12)
	return v.root
}

func (v *view) Update(s *controller.Snapshot) {
	v.Content()
	v.start.update(s)
	d := s.Doc()
	if d == nil {
		v.version, v.doc = 0, 0
		v.word.Set(lang.L("NOTHING OPEN"), viz.InkMuted)
		v.verdict.Set(lang.L("Open a model to see whether it fits, where each tensor should live and how fast it will run."))
		v.facts.Set(lang.L("Drop a GGUF or safetensors file, a folder's config.json, a plan or an instance anywhere in this window."))
		for _, n := range []*number{v.bytes, v.first, v.speed} {
			n.set("–", "", "")
		}
		v.tiers.update(nil)
		v.shares.update(nil)
		v.picture.Set(&viz.Figure{Empty: lang.L("No document is open.")})
		v.knobs.update(s, nil)
		return
	}
	if d.Version == v.version {
		return
	}
	v.version = d.Version
	v.knobs.update(s, d)
	v.head(d)
	v.numbers(d)
	v.tiers.update(d)
	v.shares.update(d)
	if d.PlanVersion != v.plan || d.ID != v.doc {
		v.plan, v.doc = d.PlanVersion, d.ID
		v.picture.Set(figure(d))
	}
}

// figure is the small memory map: the picture alone, the card has its title.
func figure(d *controller.Document) *viz.Figure {
	if d.Program == nil {
		return &viz.Figure{Empty: lang.L("Planning …")}
	}
	f := viz.MemoryMap(d.Program, d.Plan, viz.MapOptions{NoCopies: true, Title: " "})
	f.Title, f.Subtitle, f.Legend = "", "", nil // the bars above explain the colours
	for i := range f.Panels {
		p := &f.Panels[i]
		p.X, p.Y, p.Bands = viz.Axis{}, viz.Axis{}, nil
		p.Marks = slices.DeleteFunc(p.Marks, func(m viz.Mark) bool { return m.Ink == viz.InkAccent })
	}
	if d.Plan == nil {
		f.Empty = lang.L("No plan fits: see the message above for what would.")
	}
	return f
}

func (v *view) head(d *controller.Document) {
	word, ink := d.Verdict.Word, parts.ToneInk(uint8(d.Verdict.Tone))
	if word == "" {
		word = lang.L("PLANNING")
	}
	if d.Stale {
		ink = viz.InkMuted
	}
	v.word.Set(word, ink)
	sentence := d.Verdict.Sentence
	if sentence == "" {
		sentence = lang.L("Planning …")
	}
	v.verdict.Set(sentence)
	v.facts.Set(strings.Join(modelFacts(d), " · "))
}

// modelFacts says what the document is about.
func modelFacts(d *controller.Document) []string {
	var out []string
	if i := d.Inspection; i != nil {
		out = append(out, d.Name, i.Architecture, fmt.Sprintf(lang.L("%d layers"), i.Layers), fmt.Sprintf(lang.L("weights %s"), workflow.FormatBytes(i.WeightsBytes)))
	} else if d.Program != nil {
		out = append(out, d.Name, fmt.Sprintf(lang.L("instance of %d instructions"), len(d.Program.Instructions)))
	}
	if d.Machine != nil {
		out = append(out, fmt.Sprintf(lang.L("on %s (%s numbers)"), d.Machine.Name, d.Machine.Kind))
	}
	if d.Sample && !d.HasWeights() {
		out = append(out, lang.L("sample: headers only, `make model` fetches its weights"))
	}
	if d.Executable != "" {
		out = append(out, fmt.Sprintf(lang.L("planned only: %s"), d.Executable))
	}
	return out
}

func (v *view) numbers(d *controller.Document) {
	q := Quantities(d)
	v.bytes.set(q[0].Value, q[0].Unit, q[0].From)
	v.first.set(q[1].Value, q[1].Unit, q[1].From)
	v.speed.set(q[2].Value, q[2].Unit, q[2].From)
}

// Quantity is one of the three numbers, with where it comes from.
type Quantity struct{ Name, Value, Unit, From string }

// Quantities are a document's three numbers.
func Quantities(d *controller.Document) [3]Quantity {
	q := [3]Quantity{{Name: "memory", Value: "–"}, {Name: "time to first token", Value: "–"}, {Name: "speed", Value: "–"}}
	p := d.Predicted
	if p == nil || d.Program == nil {
		return q
	}
	b := workflow.FormatBytes
	tier := d.HomeTier
	if tier < 0 {
		for t := range d.Program.Tiers {
			if d.Program.Tiers[t].Capacity != malloc.Unlimited {
				tier = t
			}
		}
	}
	if tier >= 0 && tier < len(p.Tiers) {
		u := p.Tiers[tier]
		q[0].Value, q[0].Unit = split(b(u.UsedBytes))
		q[0].Unit += " " + u.Name
		q[0].From = fmt.Sprintf(lang.L("highest address of the plan, of %s"), b(u.CapacityBytes))
		for _, t := range d.Attribution.Tiers {
			if t.Tier == tier {
				q[0].From += fmt.Sprintf(lang.L("; at the fullest %s weights, %s KV"), b(t.ByClass[viz.ClassWeight]), b(t.ByClass[viz.ClassKV]))
			}
		}
	}
	a := d.Attribution
	source := lang.L("simulated")
	if d.Machine != nil {
		source = fmt.Sprintf(lang.L("simulated with %s numbers"), d.Machine.Kind)
	}
	q[1].Value, q[1].Unit = split(viz.FormatSeconds(p.PrefillS))
	q[1].From = fmt.Sprintf(lang.L("prefill of %d tokens: %.0f %% computing, %.0f %% waiting for copies; %s"), d.Request.Prompt, 100*a.Prefill.Compute, 100*a.Prefill.Wait(), source)
	if d.Request.Prompt == 0 {
		q[1].From = source
	}
	if t := p.PredictedSPerToken; t > 0 {
		q[2].Value, q[2].Unit = fmt.Sprintf("%.1f", 1/t), lang.L("tokens/s")
		q[2].From = fmt.Sprintf(lang.L("%s a token: %.0f %% computing, %.0f %% waiting for copies"), viz.FormatSeconds(t), 100*a.Decode.Compute, 100*a.Decode.Wait())
		if l := d.LowerBound.MeanS; l > 0 {
			q[2].From += fmt.Sprintf(lang.L("; %.1f %% above the lower bound"), 100*(t/l-1))
		}
		for i := len(d.Validations) - 1; i >= 0; i-- {
			if r := d.Validations[i].Result; r != nil && d.Validations[i].PlanVersion == d.PlanVersion && r.Time.MeasuredSPerToken > 0 {
				q[2].From += fmt.Sprintf(lang.L("; measured %.1f tokens/s on this host"), 1/r.Time.MeasuredSPerToken)
				break
			}
		}
	} else {
		q[2].Name = "whole run"
		q[2].Value, q[2].Unit = split(viz.FormatSeconds(p.PredictedS))
		q[2].From = source
	}
	return q
}

func split(s string) (value, unit string) {
	value, unit, _ = strings.Cut(s, " ")
	return
}

// number is a large number with its name above and where it comes from below.
type number struct {
	root              fyne.CanvasObject
	value, unit, from *parts.Text
}

func newNumber(name string) *number {
	n := &number{value: parts.NewText("–", parts.Figures, viz.InkText).Bold(), unit: parts.NewText("", parts.Body, viz.InkMuted).Fit(parts.Cut), from: parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Wrap)}
	head := parts.NewText(name, parts.Caption, viz.InkMuted).Bold().Fit(parts.Cut)
	n.root = parts.Column(2, head, parts.Row(6, n.value, parts.Grow(parts.InsetEach(n.unit, 0, 10, 0, 0))), parts.Fixed(n.from, 0, 46))
	return n
}

func (n *number) set(value, unit, from string) {
	n.value.Set(value)
	n.unit.Set(unit)
	n.from.Set(from)
	n.root.Refresh()
}

func (v *view) Commands() []command.Command { return nil }

func (v *view) Export() views.Export {
	d := v.h.Controller.Snapshot().Doc()
	if d == nil {
		return views.Export{}
	}
	table := func() [][]string {
		out := [][]string{{"quantity", "value", "unit", "from"}}
		for _, q := range Quantities(d) {
			out = append(out, []string{q.Name, q.Value, q.Unit, q.From})
		}
		if d.Predicted != nil {
			for _, t := range d.Predicted.Tiers {
				out = append(out, []string{"peak of " + t.Name, fmt.Sprint(t.UsedBytes), "bytes", fmt.Sprintf("capacity %d", t.CapacityBytes)})
			}
		}
		return out
	}
	return views.Export{Name: "overview-" + filepath.Base(d.Name), Table: table,
		Text: func() string {
			var b strings.Builder
			fmt.Fprintln(&b, d.Verdict.Word+": "+d.Verdict.Sentence)
			fmt.Fprintln(&b, strings.Join(modelFacts(d), " · "))
			for _, q := range Quantities(d) {
				fmt.Fprintf(&b, "%s: %s %s (%s)\n", q.Name, q.Value, q.Unit, q.From)
			}
			return b.String()
		},
		Figure: func() *viz.Figure {
			f := viz.MemoryMap(d.Program, d.Plan, viz.MapOptions{Title: d.Name, Subtitle: d.Verdict.Sentence})
			return f
		}}
}
