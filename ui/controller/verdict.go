package controller

import (
	"fmt"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// judge fills a document's verdict from its plan and limits.
func (d *Document) judge() {
	b := workflow.FormatBytes
	p := d.Program
	switch {
	case p == nil:
		d.Verdict = Verdict{}
	case d.Plan == nil:
		d.Verdict = Verdict{Tone: Bad, Word: "DOES NOT FIT", Sentence: "No plan fits: nothing was found that holds every operand where it is needed."}
		if t := d.Limits; t.LeastBytes > 0 && d.HomeTier >= 0 && p.Tiers[d.HomeTier].Capacity >= 0 && t.LeastBytes > p.Tiers[d.HomeTier].Capacity {
			c := p.Tiers[d.HomeTier].Capacity
			d.Verdict.Word = b(t.LeastBytes-c) + " OVER"
			d.Verdict.Sentence = fmt.Sprintf("It does not fit: %s has %s, the least that works is %s.", p.Tiers[d.HomeTier].Name, b(c), b(t.LeastBytes))
		}
	default:
		d.Verdict = Verdict{Tone: Good, Word: "FITS"}
		where := ""
		if t := d.HomeTier; t >= 0 && d.Predicted != nil && t < len(d.Predicted.Tiers) {
			u := d.Predicted.Tiers[t]
			if u.CapacityBytes != malloc.Unlimited {
				where = fmt.Sprintf(" in %s of %s, %s to spare", b(u.UsedBytes), u.Name, b(u.CapacityBytes-u.UsedBytes))
			} else {
				where = fmt.Sprintf(" in %s of %s", b(u.UsedBytes), u.Name)
			}
		}
		where += d.margins()
		how := ", with all weights resident"
		if planner.Streams(p, d.Plan) {
			how = fmt.Sprintf(", streaming %s for each token", b(d.Attribution.StreamedBytes))
		}
		if p.PeriodicLoop() == nil {
			how = ""
		}
		d.Verdict.Sentence = "It fits" + where + how + "."
		if len(d.Assumed) > 0 {
			d.Verdict.Tone, d.Verdict.Word = Warn, "FITS, ASSUMED"
			d.Verdict.Sentence += fmt.Sprintf(" %d of its inputs are assumed, not measured.", len(d.Assumed))
		}
	}
}

// margins is what is left in the other limited tiers.
func (d *Document) margins() string {
	text := ""
	if d.HomeTier < 0 || d.Predicted == nil {
		return text
	}
	for t, u := range d.Predicted.Tiers {
		if t != d.HomeTier && u.CapacityBytes != malloc.Unlimited {
			text += fmt.Sprintf("; in %s of %s, %s to spare", workflow.FormatBytes(u.UsedBytes), u.Name, workflow.FormatBytes(u.CapacityBytes-u.UsedBytes))
		}
	}
	return text
}
