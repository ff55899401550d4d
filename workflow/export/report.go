package export

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"

	"strata/malloc"
	"strata/trace"
	"strata/ui/viz"
)

// Tone says how a verdict is meant.
type Tone string

const (
	Neutral Tone = ""
	Good    Tone = "good"
	Bad     Tone = "bad"
)

// Unknown marks a number that a Row does not have.
var Unknown = math.NaN()

// Units of a Row that are written in a special way; any other is appended to
// the number.
const (
	UnitBytes   = "bytes" // binary units, the exact count beside it
	UnitSeconds = "s"     // s, ms or µs
	UnitCount   = "count" // whole number
	UnitYesNo   = "y/n"   // 0 no, else yes
)

// Row is one line of the table predicted against measured.
type Row struct {
	Name, Unit          string
	Predicted, Measured float64 // Unknown: not predicted, not measured
	Difference          string  // "": predicted minus measured, exact for bytes and counts, else in percent of measured
	Tone                Tone    // of the difference
	Note                string
}

// Fact is a named value.
type Fact struct{ Name, Value string }

// Report is everything the HTML report shows; parts that are nil or empty are
// left out, or said to be missing where a reader would look for them.
type Report struct {
	Title       string
	Verdict     string // one sentence
	VerdictTone Tone
	State       string // cold, cached, resident, unsteady; "": nothing was run
	Facts       []Fact // the few numbers to read first

	Rows      []Row
	Program   *malloc.Program
	Plan      *malloc.Plan
	Predicted *trace.Timeline
	Measured  *trace.Timeline
	Baselines []viz.Baseline

	LowerBoundS float64  // of the whole run; 0: the plan's
	Assumed     []string // what was assumed rather than known
	Provenance  []Fact   // added to what the plan says of itself (profile, host, versions)
	Notes       []string // added to the technical notes
}

//go:embed report.html.tmpl
var reportHTML string

//go:embed report.css
var reportCSS string

//go:embed report.js
var reportJS string

var reportTemplate = template.Must(template.New("report").Parse(reportHTML))

// Size of the report's pictures in logical pixels; the page scales them.
const (
	pictureW  = 1240
	mapH      = 640
	lanesH    = 420 // of one run
	lanesMore = 150 // for a second
	treemapH  = 560
	curveH    = 380
	vectorMax = 5000 // rectangles of a scene that stay vectors with hover text
)

type reportRow struct {
	Name, Predicted, PredictedExact, Measured, MeasuredExact, Difference, Note string
	Tone                                                                       Tone
}

type reportFigure struct {
	ID, Heading, Text string
	SVG               template.HTML
}

type reportPage struct {
	*Report
	CSS        template.CSS
	JS         template.JS
	Rows       []reportRow
	Figures    []reportFigure
	Provenance []Fact
	Notes      []string
	Measured   bool
}

// WriteHTML writes the report as one HTML file: no network, no other files,
// light or dark as the reader's system asks. Without scripts everything is
// readable; a small inline script only shows hover texts sooner.
func WriteHTML(out io.Writer, r *Report) error {
	page := reportPage{Report: r, Measured: r.Measured != nil}
	page.CSS = template.CSS(reportCSS)
	page.JS = template.JS(reportJS)
	if page.Title == "" {
		page.Report = &Report{}
		*page.Report = *r
		page.Report.Title = "Strata report"
	}
	for i := range r.Rows {
		page.Rows = append(page.Rows, r.Rows[i].render())
	}
	figures, err := r.figures()
	if err != nil {
		return err
	}
	page.Figures = figures
	page.Provenance = append(planFacts(r.Program, r.Plan), r.Provenance...)
	page.Notes = append(r.technicalNotes(), r.Notes...)
	return reportTemplate.Execute(out, page)
}

func (r *Row) render() reportRow {
	out := reportRow{Name: r.Name, Difference: r.Difference, Note: r.Note, Tone: r.Tone}
	out.Predicted, out.PredictedExact = formatValue(r.Predicted, r.Unit)
	out.Measured, out.MeasuredExact = formatValue(r.Measured, r.Unit)
	if out.Difference == "" && !math.IsNaN(r.Predicted) && !math.IsNaN(r.Measured) {
		out.Difference = r.difference()
	}
	return out
}

// formatValue returns a number for reading and, where that is rounded, exactly.
func formatValue(v float64, unit string) (short, exact string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–", ""
	}
	switch unit {
	case UnitBytes:
		n := int64(math.Round(v))
		if n < 1024 && n > -1024 {
			return fmt.Sprintf("%d B", n), ""
		}
		return viz.FormatBytes(n), thousands(n) + " B"
	case UnitSeconds:
		return viz.FormatSeconds(v), ""
	case UnitCount:
		return thousands(int64(math.Round(v))), ""
	case UnitYesNo:
		if v == 0 {
			return "no", ""
		}
		return "yes", ""
	}
	s := strconv.FormatFloat(v, 'g', 4, 64)
	if a := math.Abs(v); a >= 1e4 && a < 1e15 {
		s = thousands(int64(math.Round(v)))
	}
	if unit != "" {
		s += " " + unit
	}
	return s, ""
}

// thousands writes 12480 as "12,480".
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// difference is predicted minus measured: exact for bytes and counts, else the
// error of the prediction in percent of what was measured.
func (r *Row) difference() string {
	d := r.Predicted - r.Measured
	if d == 0 {
		if r.Unit == UnitYesNo {
			return ""
		}
		return "0"
	}
	switch r.Unit {
	case UnitBytes:
		return thousandsSigned(d) + " B"
	case UnitCount:
		return thousandsSigned(d)
	case UnitYesNo:
		return "differs"
	}
	if r.Measured == 0 || math.IsInf(d, 0) {
		s, _ := formatValue(d, r.Unit)
		return s
	}
	return fmt.Sprintf("%+.1f %%", 100*d/math.Abs(r.Measured))
}

func thousandsSigned(d float64) string {
	s := thousands(int64(math.Round(d)))
	if d > 0 {
		s = "+" + s
	}
	return s
}

// figures draws the report's pictures.
func (r *Report) figures() ([]reportFigure, error) {
	var out []reportFigure
	add := func(id, heading, text string, f *viz.Figure, h int) error {
		f.Title = "" // the page says it
		var b bytes.Buffer
		if err := f.WriteSVG(&b, pictureW, h, viz.SVGOptions{ID: id, Label: heading, MaxRects: vectorMax}); err != nil {
			return fmt.Errorf("picture %q: %w", heading, err)
		}
		out = append(out, reportFigure{id, heading, text, template.HTML(b.String())})
		return nil
	}
	if r.Program != nil {
		text := "Every block of the plan at its offset, in program order. Hatched: still arriving or leaving. What lives past the loop's end continues at its beginning."
		if err := add("map", "Memory map", text, viz.MemoryMap(r.Program, r.Plan, viz.MapOptions{}), mapH); err != nil {
			return nil, err
		}
		if l := r.Program.PeriodicLoop(); l != nil && l.Begin > 0 && r.Plan != nil {
			text := "The part that repeats, token after token; with a run at hand, instructions are as wide as they are long, waits included."
			run := r.Measured
			if run == nil {
				run = r.Predicted
			}
			if err := add("body", "Memory map of the loop body", text, viz.MemoryMap(r.Program, r.Plan, viz.MapOptions{Begin: l.Begin, End: l.End, ByTime: run}), mapH); err != nil {
				return nil, err
			}
		}
	}
	if r.Predicted != nil || r.Measured != nil {
		height := lanesH
		if r.Predicted != nil && r.Measured != nil {
			height += lanesMore
		}
		heading := "Timeline"
		switch {
		case r.Measured == nil:
			heading = "Timeline, predicted"
		case r.Predicted != nil:
			heading = "Timeline, predicted over measured"
		}
		o := viz.TimelineOptions{Program: r.Program}
		if err := add("timeline", heading, "One lane per executor and copy engine, waits by cause.", viz.Timelines(o, r.Predicted, r.Measured), height); err != nil {
			return nil, err
		}
		if from, ok := steadyIteration(r.Predicted, r.Measured); ok {
			o.FromIteration, o.ToIteration = from, from+2
			if err := add("tokens", "Two iterations of the loop", "Close enough to see single instructions and copies; each run from its own start of these iterations.", viz.Timelines(o, r.Predicted, r.Measured), height); err != nil {
				return nil, err
			}
		}
	}
	if r.Program != nil {
		text := "Area is bytes. Hatched weights are streamed, the others stay in fast memory for the whole loop."
		if err := add("bytes", "Bytes by tensor", text, viz.Treemap(viz.ProgramLeaves(r.Program, r.Plan), viz.TreemapOptions{Aspect: float64(pictureW-36) / (treemapH - 90)}), treemapH); err != nil {
			return nil, err
		}
	}
	if r.Plan != nil && len(r.Plan.Trace) > 0 {
		bound := r.LowerBoundS
		if bound == 0 {
			bound = r.Plan.LowerS
		}
		f := viz.SearchCurve(r.Plan.Trace, viz.CurveOptions{LowerBoundS: bound, Baselines: r.Baselines})
		if err := add("search", "Search", "Predicted time of the best checked plan while the search ran.", f, curveH); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// steadyIteration is the first of two iterations from the middle of the loop
// that every run recorded.
func steadyIteration(runs ...*trace.Timeline) (from int, ok bool) {
	last := -1
	for _, r := range runs {
		if r == nil {
			continue
		}
		for _, l := range r.Lanes {
			for _, s := range l.Slices {
				last = max(last, int(s.Iteration))
			}
		}
	}
	for from = last / 2; last >= 3 && from < last; from++ {
		ok = true
		for _, r := range runs {
			if r == nil {
				continue
			}
			_, _, first := viz.IterationWindow(r, from, from+1)
			_, _, second := viz.IterationWindow(r, from+1, from+2)
			ok = ok && first && second
		}
		if ok {
			return from, true
		}
	}
	return 0, false
}

// planFacts is the plan's own account of where it comes from.
func planFacts(p *malloc.Program, plan *malloc.Plan) []Fact {
	var f []Fact
	add := func(name, value string) {
		if value != "" {
			f = append(f, Fact{name, value})
		}
	}
	if plan != nil {
		add("Solver", plan.Solver)
		add("Seed", strconv.FormatUint(plan.Seed, 10))
		if plan.Evaluations > 0 {
			add("Plans evaluated", thousands(plan.Evaluations))
		}
		if plan.WallS > 0 {
			add("Search time", viz.FormatSeconds(plan.WallS))
		}
		if plan.ClaimedS > 0 {
			add("Predicted run", viz.FormatSeconds(plan.ClaimedS))
		}
		if plan.PeriodS > 0 {
			add("Predicted time per iteration", viz.FormatSeconds(plan.PeriodS))
		}
		if plan.LowerS > 0 {
			add("Lower bound of the run", viz.FormatSeconds(plan.LowerS))
			if plan.ClaimedS >= plan.LowerS {
				add("Gap to the bound", fmt.Sprintf("%.1f %%", 100*(plan.ClaimedS/plan.LowerS-1)))
			}
		}
		if m := plan.Model; m != nil {
			add("Model", m.Name)
			add("Model file", thousands(m.Bytes)+" bytes")
			add("Model SHA-256", m.SHA256)
		}
		if l := plan.Lowering; l != nil {
			add("Workload", fmt.Sprintf("prompt %d, generated %d, context %d, micro-batch %d, sequences %d", l.Prompt, l.Gen, l.Context, l.Ubatch, max(l.Parallel, 1)))
			add("Lowering", fmt.Sprintf("mode %s, threads %d, KV %s/%s, panels of %s", l.Mode, l.Threads, l.CTK, l.CTV, viz.FormatBytes(l.PanelBytes)))
		}
		if plan.Ext != nil {
			add("Hardware profile", plan.Ext.Profile)
			names := make([]string, 0, len(plan.Ext.Notes))
			for name := range plan.Ext.Notes {
				names = append(names, name)
			}
			sort.Strings(names)
			for _, name := range names {
				add(name, plan.Ext.Notes[name])
			}
		}
		add("Instance SHA-256", plan.InstanceSHA256)
		add("Structure SHA-256", plan.StructureSHA256)
		for _, t := range plan.Traffic {
			name := fmt.Sprintf("engine %d", t.Engine)
			if p != nil && t.Engine >= 0 && t.Engine < len(p.Engines) {
				e := &p.Engines[t.Engine]
				if e.From >= 0 && e.To >= 0 && max(e.From, e.To) < len(p.Tiers) {
					name = p.Tiers[e.From].Name + " to " + p.Tiers[e.To].Name
				}
			}
			add("Planned traffic, "+name, fmt.Sprintf("%s bytes in %s requests", thousands(t.Bytes), thousands(t.Requests)))
		}
	}
	if p != nil {
		var tiers []string
		for i := range p.Tiers {
			t := &p.Tiers[i]
			if t.Capacity == malloc.Unlimited {
				tiers = append(tiers, t.Name+" unlimited")
			} else {
				tiers = append(tiers, fmt.Sprintf("%s %s", t.Name, viz.FormatBytes(t.Capacity)))
			}
		}
		add("Tiers", strings.Join(tiers, ", "))
		add("Program", fmt.Sprintf("%s instructions, %s buffers", thousands(int64(len(p.Instructions))), thousands(int64(len(p.Buffers)))))
	}
	return f
}

// technicalNotes explains the words the report uses.
func (r *Report) technicalNotes() []string {
	notes := []string{
		"Bytes and requests are exact: predicted from the plan alone, measured where each read, copy or allocation happens. A difference other than 0 is an error.",
		"Differences are predicted minus measured; those of times are in percent of what was measured.",
		"Time is predicted by a discrete-event simulation of the plan with rates calibrated on other runs. Its error is reported, never corrected.",
	}
	switch r.State {
	case "cold":
		notes = append(notes, "State cold: streamed bytes came from the device, past the operating system's page cache.")
	case "cached":
		notes = append(notes, "State cached: direct reads were refused, or the operating system answered some reads from its cache. The run's bytes and outputs count, its time is not compared.")
	case "resident":
		notes = append(notes, "State resident: the plan streams nothing after the start, so the disk has no part in the time per token.")
	case "unsteady":
		notes = append(notes, "State unsteady: probes of the disk (of memory, for a resident plan) before and after the run disagreed with each other or with the calibration by more than 10 %. The run's bytes and outputs count, its time does not.")
	case "":
		notes = append(notes, "Nothing was run for this report: all numbers are predictions.")
	}
	return append(notes,
		"Peak is the highest address in use at any time, which is what an arena must have; it includes alignment.",
		"The lower bound holds for every plan on these tiers: all instructions at full speed, and every byte that cannot stay resident read once per iteration.")
}
