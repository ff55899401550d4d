package validate

import (
	"fmt"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/viz"
	"strata/workflow"
)

// live is the running validation: its stage, a bar of generated tokens, meters
// and the button that ends it.
type live struct {
	root  *fyne.Container
	stage *parts.Text
	left  *parts.Text
	bar   *parts.Meter
	facts []*parts.Text
}

// Rows of meters.
const (
	factRate = iota
	factRead
	factRequests
	factArena
	factMemory
)

func newLive(cancel func()) *live {
	l := &live{
		stage: parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut),
		left:  parts.NewText("", parts.Caption, viz.InkMuted),
		bar:   parts.NewMeter(6),
	}
	rows := []fyne.CanvasObject{parts.Row(8, parts.Grow(l.stage), l.left), l.bar}
	for _, name := range []string{lang.L("Decoding"), lang.L("Read from the file"), lang.L("Requests"), lang.L("Arena in use"), lang.L("Memory of this program")} {
		value := parts.NewText("", parts.Body, viz.InkText).Align(fyne.TextAlignTrailing).Fit(parts.Cut)
		l.facts = append(l.facts, value)
		rows = append(rows, parts.Row(8, parts.NewText(name, parts.Body, viz.InkMuted), parts.Grow(value)))
	}
	l.root = parts.Column(6, append(rows, widget.NewButton(lang.L("Cancel"), cancel))...)
	l.root.Hide()
	return l
}

// update shows the newest meters; it changes texts only.
func (l *live) update(t *controller.Task) {
	m := t.Meters
	if m == nil || m.Stage != t.Stage && t.Stage != workflow.StageMeasured && t.Stage != workflow.StageResident {
		// Before the first run: hashing the model, reading the plan.
		m = &workflow.Meters{Stage: t.Stage}
		l.bar.Set(-1, parts.Segment{Share: share(t.Done, t.Total), Ink: viz.InkAccent})
	} else {
		l.bar.Set(-1, parts.Segment{Share: share(int64(m.Tokens), int64(m.OfTokens)), Ink: viz.InkAccent})
	}
	l.stage.Set(stageText(m))
	text := ""
	if t.LeftS >= 1 {
		text = fmt.Sprintf(lang.L("%s left"), remaining(t.LeftS))
	}
	l.left.Set(text)
	set := func(row int, known bool, text string) {
		if !known {
			text = "–"
		}
		l.facts[row].Set(text)
	}
	of := func(x, all int64) string {
		if all > 0 {
			return fmt.Sprintf(lang.L("%s of %s"), workflow.FormatBytes(x), workflow.FormatBytes(all))
		}
		return workflow.FormatBytes(x)
	}
	set(factRate, m.TokensPerS() > 0, fmt.Sprintf(lang.L("%.1f tokens/s"), m.TokensPerS()))
	set(factRead, m.Tokens > 0, of(m.FileBytes, m.OfFileBytes))
	set(factRequests, m.Tokens > 0, fmt.Sprint(m.Requests))
	set(factArena, m.Tokens > 0, of(m.ArenaBytes, m.OfArenaBytes))
	set(factMemory, m.MemoryBytes > 0, workflow.FormatBytes(m.MemoryBytes))
}

func stageText(m *workflow.Meters) string {
	var out []string
	switch m.Stage {
	case workflow.StageResident:
		out = append(out, lang.L("All in memory, to compare with"))
	case workflow.StageProbe:
		out = append(out, lang.L("Probing the machine's speed"))
	case workflow.StageMeasured:
		out = append(out, fmt.Sprintf(lang.L("Measured run %d of %d"), m.Run, m.Runs))
	default:
		return m.Stage
	}
	switch {
	case m.OfTokens == 0:
	case m.Tokens == 0:
		out = append(out, lang.L("prompt"))
	default:
		out = append(out, fmt.Sprintf(lang.L("token %d of %d"), m.Tokens, m.OfTokens))
	}
	return strings.Join(out, " · ")
}

func share(done, total int64) float64 {
	if total <= 0 {
		return 0
	}
	return min(float64(done)/float64(total), 1)
}

func remaining(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
