package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// Report puts an error into the bar, with what mends it where that is known.
func (c *Controller) Report(err error, doc int) {
	if err == nil || cancelled(err) {
		return
	}
	f := Fault{Text: sentence(err), Doc: doc}
	d := c.Snapshot().ByID(doc)
	var tooSmall *malloc.InfeasibleError
	var locks *lockError
	switch {
	case errors.As(err, &locks):
		f.Fixes = append(f.Fixes, Fix{Label: "Unlock all", apply: func(c *Controller) { c.UnlockAll(doc) }})
	case d != nil && d.Inspection != nil && d.Inspection.Context > 0 && int64(d.Request.Context) > d.Inspection.Context:
		f.Fixes = append(f.Fixes, useContext(doc, int(d.Inspection.Context)))
	case errors.As(err, &tooSmall) && d != nil && d.Program != nil && tooSmall.Tier >= 0 && tooSmall.Tier < len(d.Program.Tiers):
		if least, _, _, err := planner.MinCapacity(d.Program, tooSmall.Tier); err == nil {
			f.Fixes = append(f.Fixes, useCapacity(doc, d.Program.Tiers[tooSmall.Tier].Name, least))
		}
	case strings.Contains(f.Text, "strata calibrate"):
		f.Fixes = append(f.Fixes, fixCalibrate())
	case errors.Is(err, fs.ErrNotExist) && d != nil && d.Sample:
		f.Text = "The sample model's file is not here yet: `make model` fetches it (98 MB); everything but running it works without."
	}
	if d != nil && d.Inspection != nil && d.Plan == nil && d.MaxContext > 0 && d.MaxContext < d.Request.Context {
		f.Fixes = append(f.Fixes, useContext(doc, d.MaxContext))
	}
	c.fault(f)
}

func (c *Controller) fault(f Fault) {
	c.change(func(s *Snapshot) { s.Fault = &f })
}

// addFix adds a button to the error that a document is showing.
func (c *Controller) addFix(doc int, fix Fix) {
	c.change(func(s *Snapshot) {
		if s.Fault == nil || s.Fault.Doc != doc {
			return
		}
		for _, x := range s.Fault.Fixes {
			if x.Label == fix.Label {
				return
			}
		}
		f := *s.Fault
		f.Fixes = append(append([]Fix(nil), f.Fixes...), fix)
		s.Fault = &f
	})
}

// clearFault takes a document's error away once planning works again.
func (c *Controller) clearFault(doc int) {
	if f := c.Snapshot().Fault; f != nil && f.Doc == doc {
		c.change(func(s *Snapshot) {
			if s.Fault == f {
				s.Fault = nil
			}
		})
	}
}

// ApplyFix presses a button of the error bar.
func (c *Controller) ApplyFix(i int) {
	f := c.Snapshot().Fault
	if f == nil || i < 0 || i >= len(f.Fixes) {
		return
	}
	c.Dismiss()
	c.endMerge() // a fix is a step of its own, however fast the button was pressed
	f.Fixes[i].apply(c)
}

// Dismiss closes the error bar.
func (c *Controller) Dismiss() { c.change(func(s *Snapshot) { s.Fault = nil }) }

// sentence turns an error into one that begins with a capital.
func sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return "Something failed without saying why."
	}
	if word, _, _ := strings.Cut(text, " "); !strings.ContainsAny(word, "./_") {
		text = string(unicode.ToUpper(r)) + text[n:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func useContext(doc, context int) Fix {
	return Fix{Label: "Use context " + humanize.Comma(int64(context)), apply: func(c *Controller) { c.setContext(doc, context) }}
}

func (c *Controller) setContext(doc, context int) {
	c.SetWorkload(doc, "context "+humanize.Comma(int64(context)), "", func(r *workflow.Request) {
		r.Context = context
		per := max(1, context/max(1, r.Parallel))
		if r.Prompt+r.Gen-1 > per {
			r.Gen = max(1, min(r.Gen, per/2))
			r.Prompt = max(1, per-r.Gen+1)
		}
	})
}

func useCapacity(doc int, tier string, bytes int64) Fix {
	return Fix{Label: fmt.Sprintf("Use %s of %s", workflow.FormatBytes(bytes), tier), apply: func(c *Controller) {
		c.SetCapacity(doc, tier, bytes)
	}}
}

// SetCapacity limits a tier of a document (the DRAM budget).
func (c *Controller) SetCapacity(doc int, tier string, bytes int64) {
	d := c.Snapshot().ByID(doc)
	if d == nil || d.Program == nil {
		return
	}
	home := d.HomeTier >= 0 && d.Program.Tiers[d.HomeTier].Name == tier
	c.SetWorkload(doc, fmt.Sprintf("%s budget %s", tier, workflow.FormatBytes(bytes)), "capacity "+tier, func(r *workflow.Request) {
		tiers := map[string]workflow.Size{}
		for name, s := range r.Tiers {
			tiers[name] = s
		}
		size := workflow.Size{Bytes: bytes, Set: true}
		if home {
			r.Dram = size
			delete(tiers, tier)
		} else {
			tiers[tier] = size
		}
		r.Tiers = tiers
	})
}

func fixCalibrate() Fix {
	return Fix{Label: "Calibrate this host", apply: func(c *Controller) { c.StartCalibrate() }}
}
