package export

import (
	"fmt"
	"io"
	"strings"

	"strata/malloc"
	"strata/trace"
	"strata/ui/viz"
)

// Pictures are the names that PictureOf knows.
var Pictures = []string{"map", "timeline", "treemap"}

// Picture is a figure with a size, ready to be written as PNG or SVG.
type Picture struct {
	Figure        *viz.Figure
	Width, Height int // logical pixels
	Lost          []string
}

// PictureOf draws a plan: its memory map, the timeline of its predicted run, or
// its tensors by bytes. run may be nil but for the timeline.
func PictureOf(kind string, p *malloc.Program, plan *malloc.Plan, run *trace.Timeline) (*Picture, error) {
	out := &Picture{Width: pictureW, Height: mapH, Lost: []string{"A picture cannot be run: the plan's exact times and offsets are in --to mmap-plan."}}
	switch kind {
	case "map":
		o := viz.MapOptions{Title: "Memory map", Subtitle: p.Name}
		if l := p.PeriodicLoop(); l != nil && l.Begin > 0 && plan != nil {
			o.Begin, o.End, o.ByTime = l.Begin, l.End, run
			o.Title = "Memory map of the loop body"
			out.Lost = append(out.Lost, fmt.Sprintf("The %d instructions before the loop: the map shows the part that repeats.", l.Begin))
		}
		out.Figure = viz.MemoryMap(p, plan, o)
	case "timeline":
		if run == nil {
			return nil, fmt.Errorf("a timeline needs a run: simulate the plan first")
		}
		out.Height = lanesH
		out.Figure = viz.Timelines(viz.TimelineOptions{Subtitle: p.Name, Program: p}, run)
		for _, o := range run.Omitted {
			out.Lost = append(out.Lost, fmt.Sprintf("%d iterations from number %d on are not drawn one by one.", o.ToIteration-o.FromIteration+1, o.FromIteration))
		}
	case "treemap":
		out.Height = treemapH
		out.Figure = viz.Treemap(viz.ProgramLeaves(p, plan), viz.TreemapOptions{Subtitle: p.Name, Aspect: float64(pictureW-36) / (treemapH - 90)})
	default:
		return nil, fmt.Errorf("picture %q: known are %s", kind, strings.Join(Pictures, ", "))
	}
	return out, nil
}

// WritePNG writes the picture at twice its logical size.
func (c *Picture) WritePNG(out io.Writer, palette *viz.Palette) error {
	if palette == nil {
		palette = viz.Light
	}
	return c.Figure.WritePNG(out, 2*c.Width, 2*c.Height, 2, palette)
}

// WriteSVG writes the picture; without a palette it is light or dark as the
// reader's system asks.
func (c *Picture) WriteSVG(out io.Writer, palette *viz.Palette) error {
	return c.Figure.WriteSVG(out, c.Width, c.Height, viz.SVGOptions{Palette: palette, ID: "strata"})
}
