package planview

import (
	"context"
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/malloc"
	"strata/ui/controller"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
	"strata/workflow"
)

// Details tells everything about what is selected, and acts on it: the panel at
// the right of the plan's views.
type Details struct {
	host    *views.Host
	facts   *widgets.Facts
	lock    *widget.Button
	unlock  *widget.Button
	root    *fyne.Container
	doc     *controller.Document
	tensors []Tensor
	index   map[int]int // buffer → tensor
	sel     controller.Selection

	version uint64 // of the plan that answers were made for
	answers map[int]*workflow.Explanation
	failed  map[int]string
	asking  int // buffer, -1: none
	cancel  context.CancelFunc
	timer   *time.Timer
}

// DetailsWidth is the width of the panel in logical pixels.
const DetailsWidth = float32(292)

// NewDetails makes the panel.
func NewDetails(h *views.Host) *Details {
	d := &Details{host: h, facts: widgets.NewFacts(), sel: controller.None, asking: -1}
	d.lock = widget.NewButton(lang.L("Lock"), func() { d.setLock(true) })
	d.unlock = widget.NewButton(lang.L("Unlock"), func() { d.setLock(false) })
	scroll := container.NewVScroll(container.New(margins{12}, d.facts))
	buttons := container.NewGridWithColumns(2, d.lock, d.unlock)
	d.root = container.New(bottomBar{}, scroll, container.New(margins{12}, buttons))
	return d
}

// Content is the panel.
func (d *Details) Content() fyne.CanvasObject { return d.root }

// Shown says whether the panel is there (Q).
func (d *Details) Shown() bool { return d.root.Visible() }

// Toggle shows or hides the panel.
func (d *Details) Toggle() {
	if d.root.Visible() {
		d.root.Hide()
	} else {
		d.root.Show()
	}
}

// SetDocument takes a document and its tensors.
func (d *Details) SetDocument(doc *controller.Document, tensors []Tensor) {
	d.doc, d.tensors = doc, tensors
	d.index = make(map[int]int, len(tensors))
	for i := range tensors {
		d.index[tensors[i].Buf] = i
	}
	if doc == nil || doc.PlanVersion != d.version {
		d.stop()
		d.answers, d.failed = map[int]*workflow.Explanation{}, map[int]string{}
		d.version = 0
		if doc != nil {
			d.version = doc.PlanVersion
		}
	}
	d.show()
}

// Select shows a selection.
func (d *Details) Select(s controller.Selection) {
	d.sel = s
	d.show()
}

// Tensor is the tensor of a buffer, or nil.
func (d *Details) Tensor(buf int) *Tensor {
	if i, ok := d.index[buf]; ok {
		return &d.tensors[i]
	}
	return nil
}

func (d *Details) setLock(on bool) {
	if d.doc != nil {
		d.host.Controller.Lock(d.doc.ID, d.sel.Buffers, on)
	}
}

func enable(b *widget.Button, on bool) {
	if on {
		b.Enable()
	} else {
		b.Disable()
	}
}

func (d *Details) show() {
	locked, free := 0, 0
	for _, b := range d.sel.Buffers {
		if d.doc != nil && d.doc.IsLocked(b) {
			locked++
		} else {
			free++
		}
	}
	enable(d.lock, free > 0 && d.doc != nil && d.doc.Plan != nil)
	enable(d.unlock, locked > 0)
	d.facts.Set(d.host.Palette(), d.lines())
}

func (d *Details) lines() []widgets.Fact {
	switch {
	case d.doc == nil || d.doc.Program == nil:
		return []widgets.Fact{{Value: lang.L("No model is open."), Ink: viz.InkMuted}}
	case len(d.sel.Buffers) == 1:
		if t := d.Tensor(d.sel.Buffers[0]); t != nil {
			return d.one(t)
		}
	case len(d.sel.Buffers) > 1:
		return d.many()
	case d.sel.Instr >= 0 && d.sel.Instr < len(d.doc.Program.Instructions):
		return d.instruction(d.sel.Instr)
	}
	return d.nothing()
}

// nothing selected: the whole in numbers.
func (d *Details) nothing() []widgets.Fact {
	var total, resident, copied int64
	for i := range d.tensors {
		t := &d.tensors[i]
		total += t.Bytes
		copied += t.CopyBytes
		if t.How == controller.Resident {
			resident += t.Bytes
		}
	}
	f := []widgets.Fact{
		{Heading: true, Value: lang.L("All tensors")},
		{Label: lang.L("tensors"), Value: thousands(len(d.tensors))},
		{Label: lang.L("bytes"), Value: viz.FormatBytes(total)},
	}
	if d.doc.Plan != nil {
		f = append(f,
			widgets.Fact{Label: lang.L("kept loaded"), Value: viz.FormatBytes(resident)},
			widgets.Fact{Label: lang.L("copied a token"), Value: viz.FormatBytes(copied)})
	}
	return append(f, widgets.Fact{Heading: true, Value: lang.L("Nothing is selected")},
		widgets.Fact{Value: lang.L("Click a tensor to see why it lies where it lies; Ctrl+click adds. Esc clears."), Ink: viz.InkMuted})
}

func (d *Details) many() []widgets.Fact {
	var rows []int32
	var total int64
	for _, b := range d.sel.Buffers {
		if i, ok := d.index[b]; ok {
			rows = append(rows, int32(i))
			total += d.tensors[i].Bytes
		}
	}
	f := []widgets.Fact{{Heading: true, Value: fmt.Sprintf(lang.L("%s tensors selected"), thousands(len(rows)))},
		{Label: lang.L("bytes"), Value: viz.FormatBytes(total)}}
	for _, s := range Groups(ByTier, d.tensors, rows) {
		f = append(f, widgets.Fact{Label: s.Name, Value: fmt.Sprintf("%s, %s", viz.FormatBytes(s.Bytes), count(s.Count))})
	}
	f = append(f, widgets.Fact{Heading: true, Value: lang.L("By role")})
	for _, s := range Groups(ByRole, d.tensors, rows) {
		f = append(f, widgets.Fact{Label: s.Name, Value: fmt.Sprintf("%s, %s", viz.FormatBytes(s.Bytes), count(s.Count))})
	}
	return f
}

func count(n int) string {
	if n == 1 {
		return lang.L("1 tensor")
	}
	return thousands(n) + " " + lang.L("tensors")
}

func (d *Details) instruction(i int) []widgets.Fact {
	in := &d.doc.Program.Instructions[i]
	f := []widgets.Fact{{Heading: true, Value: in.Name, Swatch: viz.Fill(viz.ClassCompute)},
		{Label: lang.L("instruction"), Value: thousands(i)},
		{Label: lang.L("operation"), Value: in.Op},
		{Label: lang.L("computing"), Value: viz.FormatSeconds(in.ComputeS)}}
	list := func(title string, ops []malloc.Operand) {
		if len(ops) == 0 {
			return
		}
		f = append(f, widgets.Fact{Heading: true, Value: title})
		for k, o := range ops {
			if k == 12 {
				f = append(f, widgets.Fact{Value: fmt.Sprintf(lang.L("and %d more"), len(ops)-k), Ink: viz.InkMuted})
				break
			}
			buf := o.Buf
			f = append(f, widgets.Fact{Value: fmt.Sprintf("%s, %s", d.doc.Program.Buffers[buf].Name, viz.FormatBytes(o.Bytes)),
				Action: func() { d.host.Bus.SelectBuffers(d.doc.ID, buf) }})
		}
	}
	list(lang.L("Reads"), in.Reads)
	list(lang.L("Writes"), in.Writes)
	return f
}

func (d *Details) one(t *Tensor) []widgets.Fact {
	f := []widgets.Fact{{Heading: true, Value: t.Name, Swatch: viz.Fill(t.Class)}}
	add := func(label, value string) {
		if value != "" {
			f = append(f, widgets.Fact{Label: label, Value: value})
		}
	}
	add(lang.L("kind"), t.Class.String())
	add(lang.L("type"), t.Type)
	add(lang.L("shape"), t.Shape)
	add(lang.L("bytes"), fmt.Sprintf("%s (%s)", viz.FormatBytes(t.Bytes), thousands(int(t.Bytes))))
	add(lang.L("home"), t.Home)
	if t.First >= 0 {
		p := d.doc.Program
		add(lang.L("first use"), fmt.Sprintf("%d, %s", t.First, p.Instructions[t.First].Name))
		add(lang.L("last use"), fmt.Sprintf("%d, %s", t.Last, p.Instructions[t.Last].Name))
	}
	add(lang.L("uses a token"), thousands(t.Uses))
	if d.doc.Plan == nil {
		return append(f, widgets.Fact{Value: lang.L("There is no plan yet."), Ink: viz.InkMuted})
	}
	where := t.Tier + ", " + t.State()
	if t.Locked {
		where += ", " + lang.L("locked")
	}
	f = append(f, widgets.Fact{Heading: true, Value: lang.L("Why here")}, widgets.Fact{Label: lang.L("now in"), Value: where})
	e := d.answers[t.Buf]
	if msg := d.failed[t.Buf]; msg != "" {
		return append(f, widgets.Fact{Value: msg, Ink: viz.InkBad})
	}
	if e == nil {
		d.ask(t.Buf)
		return append(f, widgets.Fact{Value: lang.L("Working out what other tiers would cost …"), Ink: viz.InkMuted})
	}
	if e.CopyBytes > 0 {
		add(lang.L("copied a token"), viz.FormatBytes(e.CopyBytes))
		add(lang.L("issued ahead"), fmt.Sprintf(lang.L("%d instructions"), e.Ahead))
		add(lang.L("waits for it"), viz.FormatSeconds(e.WaitS))
	}
	f = append(f, widgets.Fact{Value: e.Reason})
	if e.Competes != nil {
		f = append(f, widgets.Fact{Value: e.Competes.String(), Ink: viz.InkMuted})
	}
	f = append(f, widgets.Fact{Heading: true, Value: lang.L("In another tier")})
	for _, o := range e.Options {
		o := o
		if o.Current {
			continue
		}
		name := o.Tier
		if p := d.doc.Program; o.TierID == p.Buffers[t.Buf].Home && t.Kind == malloc.KindParam {
			name = fmt.Sprintf(lang.L("%s (stream)"), o.Tier)
		}
		if !o.Legal {
			f = append(f, widgets.Fact{Label: name, Value: o.Why, Ink: viz.InkMuted})
			continue
		}
		f = append(f, widgets.Fact{Label: name, Value: Delta(o.DeltaS, o.DeltaTokS), Action: func() {
			d.host.Controller.Move(d.doc.ID, []int{t.Buf}, o.TierID)
		}})
	}
	return f
}

// Delta writes a change of the run's time, per token where there is one.
func Delta(total, token float64) string {
	s, unit := token, lang.L("a token")
	if token == 0 {
		s, unit = total, lang.L("in all")
	}
	switch {
	case s > -1e-9 && s < 1e-9:
		return lang.L("no change")
	case s < 0:
		return "−" + viz.FormatSeconds(-s) + " " + unit
	}
	return "+" + viz.FormatSeconds(s) + " " + unit
}

// ask works an explanation out in the background, after a moment of rest.
func (d *Details) ask(buf int) {
	if d.asking == buf {
		return
	}
	d.stop()
	d.asking = buf
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	doc, version := d.doc, d.version
	d.timer = time.AfterFunc(150*time.Millisecond, func() {
		e, err := workflow.Explain(ctx, doc.Program, doc.Plan, doc.Predicted, buf, doc.Locked)
		if ctx.Err() != nil {
			return
		}
		d.host.Do(func() {
			if d.version != version {
				return
			}
			d.asking = -1
			if err != nil {
				d.failed[buf] = err.Error()
			} else {
				d.answers[buf] = e
			}
			d.show()
		})
	})
}

func (d *Details) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.cancel != nil {
		d.cancel()
	}
	d.asking = -1
}

// thousands writes 12480 as "12,480".
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// margins keeps room around one object.
type margins struct{ by float32 }

func (m margins) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Move(fyne.NewPos(m.by, m.by))
	o[0].Resize(fyne.NewSize(max(s.Width-2*m.by, 0), max(s.Height-2*m.by, 0)))
}
func (m margins) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(2*m.by, 2*m.by)
}

// bottomBar is an object with a bar below it.
type bottomBar struct{}

func (bottomBar) Layout(o []fyne.CanvasObject, s fyne.Size) {
	h := o[1].MinSize().Height
	o[0].Resize(fyne.NewSize(s.Width, max(s.Height-h, 0)))
	o[1].Move(fyne.NewPos(0, s.Height-h))
	o[1].Resize(fyne.NewSize(s.Width, h))
}
func (bottomBar) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(DetailsWidth, 120)
}

// Answer is the explanation of a buffer as far as it is worked out, or nil.
func (d *Details) Answer(buf int) *workflow.Explanation { return d.answers[buf] }
