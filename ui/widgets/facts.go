package widgets

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Fact is a line of a Facts panel. With Label and Value: two columns. Without a
// Label: a paragraph over the whole width. Heading lines are bold.
type Fact struct {
	Label   string
	Value   string
	Ink     viz.Ink // of Value; 0: text
	Heading bool
	Swatch  viz.Ink // before Label or a heading; 0: none
	Action  func()  // makes the line a link
}

// Facts is a panel of short facts that wraps its texts; everything is a few
// reused text objects.
type Facts struct {
	widget.BaseWidget
	facts   []Fact
	palette *viz.Palette
	texts   *textPool
	boxes   []*canvas.Rectangle
	layer   *fyne.Container
	root    *fyne.Container
	width   float32
	height  float32
	links   []factLink
}

type factLink struct {
	y0, y1 float32
	run    func()
}

// NewFacts returns an empty panel.
func NewFacts() *Facts {
	f := &Facts{palette: viz.Light, texts: newTextPool(), layer: newLayer(), width: 240}
	f.root = newLayer(f.layer, f.texts.layer)
	f.ExtendBaseWidget(f)
	return f
}

// Set replaces the facts.
func (f *Facts) Set(p *viz.Palette, facts []Fact) {
	f.palette, f.facts = p, facts
	before := f.height
	f.draw()
	if f.height != before {
		f.Refresh()
	}
	canvas.Refresh(f.root)
}

const (
	factLine  = float32(18)
	factLabel = float32(0.38) // share of the width
)

func (f *Facts) draw() {
	f.texts.begin()
	f.links = f.links[:0]
	boxes := 0
	y := float32(2)
	muted, text := inkColor(f.palette, viz.InkMuted, 255), inkColor(f.palette, viz.InkText, 255)
	split := f.width * factLabel
	for i, fact := range f.facts {
		top := y
		left := float32(0)
		if fact.Swatch != 0 {
			if boxes == len(f.boxes) {
				r := canvas.NewRectangle(color.Transparent)
				r.CornerRadius = 2
				f.boxes = append(f.boxes, r)
				f.layer.Objects = append(f.layer.Objects, r)
			}
			r := f.boxes[boxes]
			boxes++
			extra := float32(0)
			if fact.Heading && i > 0 {
				extra = 8
			}
			r.FillColor = inkColor(f.palette, fact.Swatch, 255)
			r.Move(fyne.NewPos(0, y+4+extra))
			r.Resize(fyne.NewSize(10, 10))
			r.Show()
			r.Refresh()
			left = 16
		}
		ink := text
		if fact.Ink != 0 {
			ink = inkColor(f.palette, fact.Ink, 255)
		}
		if fact.Action != nil {
			ink = inkColor(f.palette, viz.InkAccent, 255)
		}
		switch {
		case fact.Heading:
			if i > 0 {
				y += 8
			}
			for _, line := range wrapText(fact.Value, f.width-left, textSize, true) {
				f.texts.put(line, left, y, 0, textSize, true, ink)
				y += factLine
			}
		case fact.Label == "":
			for _, line := range wrapText(fact.Value, f.width-left, textSize, false) {
				f.texts.put(line, left, y, 0, textSize, false, ink)
				y += factLine - 1
			}
			y += 3
		default:
			f.texts.put(fitText(fact.Label, split-8, textSize, false), left, y, 0, textSize, false, muted)
			for _, line := range wrapText(fact.Value, f.width-split, textSize, false) {
				f.texts.put(line, split, y, 0, textSize, false, ink)
				y += factLine - 1
			}
			y++
		}
		if fact.Action != nil {
			f.links = append(f.links, factLink{top, y, fact.Action})
		}
	}
	for _, r := range f.boxes[boxes:] {
		r.Hide()
	}
	f.texts.end()
	f.height = y + 4
}

// wrapText breaks a text at spaces, and names without spaces at dots.
func wrapText(s string, width, size float32, bold bool) []string {
	if textWidth(s, size, bold) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	flush := func() {
		if line != "" {
			lines = append(lines, line)
			line = ""
		}
	}
	for _, word := range strings.Fields(s) {
		try := word
		if line != "" {
			try = line + " " + word
		}
		if textWidth(try, size, bold) <= width {
			line = try
			continue
		}
		flush()
		for textWidth(word, size, bold) > width && len(word) > 4 { // longer than a line
			cut := len(word)
			for cut > 4 && textWidth(word[:cut], size, bold) > width {
				cut--
			}
			if dot := strings.LastIndexAny(word[:cut], "._@"); dot > cut/2 {
				cut = dot
			}
			lines = append(lines, word[:cut])
			word = word[cut:]
		}
		line = word
	}
	flush()
	if len(lines) > 12 {
		lines = append(lines[:11], "…")
	}
	return lines
}

// Tapped follows a link.
func (f *Facts) Tapped(e *fyne.PointEvent) {
	for _, l := range f.links {
		if e.Position.Y >= l.y0 && e.Position.Y < l.y1 {
			l.run()
			return
		}
	}
}

// MinSize is as high as the facts need.
func (f *Facts) MinSize() fyne.Size { return fyne.NewSize(180, f.height) }

// CreateRenderer is for Fyne.
func (f *Facts) CreateRenderer() fyne.WidgetRenderer { return factsRenderer{f} }

type factsRenderer struct{ f *Facts }

func (r factsRenderer) Layout(s fyne.Size) {
	r.f.root.Resize(s)
	if s.Width != r.f.width && s.Width > 0 {
		r.f.width = s.Width
		r.f.draw()
	}
}
func (r factsRenderer) MinSize() fyne.Size           { return r.f.MinSize() }
func (r factsRenderer) Refresh()                     { canvas.Refresh(r.f.root) }
func (r factsRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.f.root} }
func (r factsRenderer) Destroy()                     {}
