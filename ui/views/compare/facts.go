package compare

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2/lang"

	"strata/ui/viz"
	"strata/ui/widgets"
)

// lines are the numbers of both, beside each other.
func (v *View) lines() []widgets.Fact {
	a, b := v.sides[0].doc, v.sides[1].doc
	if a == nil || b == nil {
		return nil
	}
	f := []widgets.Fact{{Heading: true, Value: lang.L("B against A")}}
	row := func(label, x, y, delta string, ink viz.Ink) {
		f = append(f, widgets.Fact{Label: label, Value: x + " → " + y}, widgets.Fact{Label: " ", Value: delta, Ink: ink})
	}
	if a.Predicted != nil && b.Predicted != nil {
		seconds := func(label string, x, y float64) {
			if x > 0 && y > 0 {
				ink := viz.InkMuted
				if y < x*0.9995 {
					ink = viz.InkGood
				} else if y > x*1.0005 {
					ink = viz.InkBad
				}
				row(label, viz.FormatSeconds(x), viz.FormatSeconds(y), strings.Replace(fmt.Sprintf("%+.1f %%", 100*(y/x-1)), "-", "−", 1), ink)
			}
		}
		seconds(lang.L("whole run"), a.Predicted.PredictedS, b.Predicted.PredictedS)
		seconds(lang.L("first token"), a.Predicted.PrefillS, b.Predicted.PrefillS)
		seconds(lang.L("a token"), a.Predicted.PredictedSPerToken, b.Predicted.PredictedSPerToken)
		f = append(f, widgets.Fact{Heading: true, Value: lang.L("Peak per tier")})
		used := map[string]int64{}
		for _, t := range a.Predicted.Tiers {
			used[t.Name] = t.UsedBytes
		}
		for _, t := range b.Predicted.Tiers {
			before, known := used[t.Name]
			delete(used, t.Name)
			switch {
			case !known:
				row(t.Name, "–", viz.FormatBytes(t.UsedBytes), lang.L("only in B"), viz.InkMuted)
			case before != 0 || t.UsedBytes != 0:
				row(t.Name, viz.FormatBytes(before), viz.FormatBytes(t.UsedBytes), signedBytes(t.UsedBytes-before), viz.InkMuted)
			}
		}
		for name, bytes := range used {
			if bytes > 0 {
				row(name, viz.FormatBytes(bytes), "–", lang.L("only in A"), viz.InkMuted)
			}
		}
	}
	f = append(f, widgets.Fact{Heading: true, Value: lang.L("Tensors")},
		widgets.Fact{Label: lang.L("lie differently"), Value: fmt.Sprintf(lang.L("%d of %d"), len(v.diff.changes), max(len(v.sides[0].list), len(v.sides[1].list)))},
		widgets.Fact{Label: lang.L("their bytes"), Value: viz.FormatBytes(v.diff.bytes)})
	return f
}

func signedBytes(n int64) string {
	switch {
	case n > 0:
		return "+" + viz.FormatBytes(n)
	case n < 0:
		return "−" + viz.FormatBytes(-n)
	}
	return lang.L("the same")
}

func (v *View) cell(r, column int) (string, viz.Ink) {
	c := &v.diff.changes[r]
	switch column {
	case 0:
		return c.name, viz.InkText
	case 1:
		return place(c.a), viz.InkText
	case 2:
		return place(c.b), viz.InkText
	}
	return viz.FormatBytes(c.bytes), viz.InkText
}

// tell writes the line over the table.
func (v *View) tell() {
	if v.sides[0].doc == nil || v.sides[1].doc == nil {
		v.summary.Set("")
		return
	}
	text := ""
	switch n := len(v.diff.changes); n {
	case 0:
		text = lang.L("Every tensor lies the same way in both.")
	case 1:
		text = fmt.Sprintf(lang.L("One tensor lies differently, %s."), viz.FormatBytes(v.diff.bytes))
	default:
		text = fmt.Sprintf(lang.L("%d tensors lie differently, %s."), n, viz.FormatBytes(v.diff.bytes))
	}
	if v.mode.Chosen() == 0 && len(v.diff.changes) > 0 {
		text += " " + lang.L("What moved keeps its colour above, what is the same is grey.")
	}
	v.summary.Set(text)
}
