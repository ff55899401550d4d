package hardware

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/costmodel"
	"strata/ui/theme"
	"strata/ui/viz"
	"strata/workflow"
)

// diagram draws executors at the left, tiers in the middle (fastest on top, the
// wider the larger), copy engines at the right as arrows between tiers.
type diagram struct {
	widget.BaseWidget
	p    *costmodel.Profile
	objs []fyne.CanvasObject
	size fyne.Size
}

func newDiagram() *diagram {
	d := &diagram{}
	d.ExtendBaseWidget(d)
	return d
}

func (d *diagram) set(p *costmodel.Profile) {
	if d.p != p {
		d.p = p
		d.Refresh()
	}
}

func (d *diagram) MinSize() fyne.Size { return fyne.NewSize(420, 220) }

func (d *diagram) CreateRenderer() fyne.WidgetRenderer { return &diagramRenderer{d} }

type diagramRenderer struct{ d *diagram }

func (r *diagramRenderer) Layout(s fyne.Size) {
	r.d.size = s
	r.d.draw()
}
func (r *diagramRenderer) MinSize() fyne.Size { return r.d.MinSize() }
func (r *diagramRenderer) Refresh() {
	r.d.draw()
	canvas.Refresh(r.d)
}
func (r *diagramRenderer) Objects() []fyne.CanvasObject { return r.d.objs }
func (r *diagramRenderer) Destroy()                     {}

func gbps(v float64) string {
	switch {
	case v <= 0:
		return "–"
	case v >= 1e12:
		return fmt.Sprintf("%.2f TB/s", v/1e12)
	case v >= 1e9:
		return fmt.Sprintf("%.1f GB/s", v/1e9)
	}
	return fmt.Sprintf("%.0f MB/s", v/1e6)
}

func (d *diagram) text(s string, x, y, size float32, bold bool, c color.Color, align fyne.TextAlign, width float32) {
	t := canvas.NewText(s, c)
	t.TextSize, t.TextStyle.Bold, t.Alignment = size*theme.TextScale(), bold, align
	for len(s) > 4 && fyne.MeasureText(s, t.TextSize, t.TextStyle).Width > width {
		r := []rune(s)
		s = string(r[:len(r)-2]) + "…"
		t.Text = s
	}
	t.Move(fyne.NewPos(x, y))
	t.Resize(fyne.NewSize(width, t.MinSize().Height))
	d.objs = append(d.objs, t)
}

func (d *diagram) box(x, y, w, h float32, fill, line color.Color) {
	r := canvas.NewRectangle(fill)
	r.StrokeColor, r.StrokeWidth, r.CornerRadius = line, 1, 6
	r.Move(fyne.NewPos(x, y))
	r.Resize(fyne.NewSize(w, h))
	d.objs = append(d.objs, r)
}

func (d *diagram) line(x0, y0, x1, y1, width float32, c color.Color) {
	l := canvas.NewLine(c)
	l.StrokeWidth = width
	l.Position1, l.Position2 = fyne.NewPos(x0, y0), fyne.NewPos(x1, y1)
	d.objs = append(d.objs, l)
}

func (d *diagram) draw() {
	d.objs = nil
	p := d.p
	if p == nil || d.size.Width < 100 || len(p.Tiers) == 0 {
		return
	}
	ink, muted, accent := theme.Ink(viz.InkText), theme.Ink(viz.InkMuted), theme.Ink(viz.InkAccent)
	w, h := d.size.Width, d.size.Height
	n := float32(len(p.Tiers))
	gap := float32(26)
	boxH := min((h-gap*(n-1))/n, 84)
	top := max((h-(boxH*n+gap*(n-1)))/2, 0)
	execW := min(w*0.16, 170)
	linkW := min(w*0.34, 300)
	midX, midW := execW+44, w-execW-44-linkW
	// A tier's width follows the logarithm of its capacity.
	low, high := math.Inf(1), math.Inf(-1)
	for i := range p.Tiers {
		if c := p.Tiers[i].CapacityBytes.V; c > 0 {
			low, high = min(low, math.Log2(float64(c))), max(high, math.Log2(float64(c)))
		}
	}
	ys := map[string]float32{}
	right := map[string]float32{}
	for i := range p.Tiers {
		t := &p.Tiers[i]
		y := top + float32(i)*(boxH+gap)
		share := 1.0
		if c := t.CapacityBytes.V; c > 0 {
			share = 0.85
			if high > low {
				share = 0.72 + 0.22*(math.Log2(float64(c))-low)/(high-low)
			}
		}
		bw := midW * float32(share)
		class := viz.ClassTier0 + viz.Class(min(i, 3))
		d.box(midX, y, bw, boxH, theme.Faint(viz.Fill(class), 0.20), theme.Ink(viz.Fill(class)))
		capacity := lang.L("unlimited")
		if t.CapacityBytes.V > 0 {
			capacity = workflow.FormatBytes(t.CapacityBytes.V)
		}
		lines := 3
		if boxH < 58 {
			lines = 2
		}
		ty := y + (boxH-float32(lines)*17)/2
		d.text(t.Name, midX+10, ty, 14, true, ink, fyne.TextAlignLeading, bw-20)
		d.text(capacity, midX+10, ty+18, 12, false, ink, fyne.TextAlignLeading, bw-20)
		if lines == 3 {
			d.text(fmt.Sprintf(lang.L("r %s · w %s"), gbps(t.ReadBW.V), gbps(t.WriteBW.V)), midX+10, ty+34, 11, false, muted, fyne.TextAlignLeading, bw-20)
		}
		ys[t.Name], right[t.Name] = y+boxH/2, midX+bw
	}
	// Executors, from the top.
	m := float32(len(p.Executors))
	eh := min(float32(64), (h-10*(m-1))/max(m, 1))
	ey := top
	for i := range p.Executors {
		e := &p.Executors[i]
		y := ey
		ey += eh + 10
		if m == 1 && len(e.Access) > 0 { // level with the first tier that it reads
			if ty, ok := ys[e.Access[0].Tier]; ok {
				y = ty - eh/2
			}
		}
		d.box(0, y, execW, eh, theme.Ink(viz.InkSurface), muted)
		d.text(e.Name, 8, y+eh/2-19, 13, true, ink, fyne.TextAlignLeading, execW-16)
		d.text(fmt.Sprintf(lang.L("%d cores"), e.Cores), 8, y+eh/2+1, 11, false, muted, fyne.TextAlignLeading, execW-16)
		for _, a := range e.Access {
			if ty, ok := ys[a.Tier]; ok {
				d.line(execW, y+eh/2, midX, ty, 1.5, muted)
			}
		}
	}
	// Links: one arrow each, side by side, labelled at its middle.
	lane := float32(0)
	for i := range p.Links {
		l := &p.Links[i]
		y0, ok0 := ys[l.From]
		y1, ok1 := ys[l.To]
		if !ok0 || !ok1 {
			continue
		}
		x := midX + midW + 14 + lane*18
		lane++
		width := float32(min(max(1.5+0.8*math.Log10(max(l.BW.V, 1e8)/1e9), 1.5), 5))
		side := float32(5)
		if y1 < y0 {
			side = -5
		}
		d.line(right[l.From], y0+side, x, y0+side, width, accent)
		d.line(x, y0+side, x, y1-side, width, accent)
		d.line(x, y1-side, right[l.To], y1-side, width, accent)
		tip := right[l.To]
		d.line(tip, y1-side, tip+7, y1-side-5, width, accent)
		d.line(tip, y1-side, tip+7, y1-side+5, width, accent)
	}
	tx := midX + midW + 14 + lane*18
	ty := top
	for i := range p.Links {
		l := &p.Links[i]
		d.text(fmt.Sprintf("%s → %s", l.From, l.To), tx, ty, 12, true, accent, fyne.TextAlignLeading, w-tx)
		detail := gbps(l.BW.V) + ", " + viz.FormatSeconds(l.LatencyS.V)
		if l.RequestBytes > 0 {
			detail += fmt.Sprintf(lang.L(", %s × %d"), workflow.FormatBytes(l.RequestBytes), l.Depth)
		}
		d.text(detail, tx, ty+16, 11, false, muted, fyne.TextAlignLeading, w-tx)
		ty += 38
	}
}
