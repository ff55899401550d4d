package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/trace"
	"strata/ui/viz"
	"strata/workflow"
	"strata/workflow/export"
)

// textExport is a configuration file as far as the target can be told.
type textExport struct {
	To           string   `json:"to"`
	Text         string   `json:"text"`
	NotExpressed []string `json:"not_expressed"`
	Notes        []string `json:"notes"`
}

// textTarget writes a configuration file, which lists itself what it cannot say;
// the remarks repeat that for whoever writes it into a file.
func (a *app) textTarget(to string, write func(io.Writer) error, lost, tips []string) (func(io.Writer) error, []string, error) {
	if !a.json {
		return write, append(notExpressed(lost), notes(tips)...), nil
	}
	var b strings.Builder
	if err := write(&b); err != nil {
		return nil, nil, err
	}
	return func(w io.Writer) error {
		return encodeJSON(w, textExport{to, b.String(), append([]string{}, lost...), append([]string{}, tips...)})
	}, nil, nil
}

func notExpressed(list []string) (out []string) {
	for _, s := range list {
		out = append(out, "not expressed: "+s)
	}
	return out
}

func notes(list []string) (out []string) {
	for _, s := range list {
		out = append(out, "note: "+s)
	}
	return out
}

// pictureFlags choose what --to png and svg draw.
type pictureFlags struct{ kind, theme string }

func (f *pictureFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.kind, "picture", "map", "what --to png and svg draw: "+strings.Join(export.Pictures, ", "))
	c.Flags().StringVar(&f.theme, "theme", "", "colours of the picture: "+strings.Join(themes(), ", ")+" (default: light; svg follows the reader's system)")
}

func themes() (names []string) {
	for _, p := range viz.Palettes() {
		names = append(names, p.Name)
	}
	return names
}

func (f *pictureFlags) exporter(to string, p *malloc.Program, plan *malloc.Plan) (func(io.Writer) error, []string, error) {
	var palette *viz.Palette
	if f.theme != "" {
		i := slices.Index(themes(), f.theme)
		if i < 0 {
			return nil, nil, workflow.Badf("--theme %q: known are %s", f.theme, strings.Join(themes(), ", "))
		}
		palette = viz.Palettes()[i]
	}
	if !slices.Contains(export.Pictures, f.kind) {
		return nil, nil, workflow.Badf("--picture %q: known are %s", f.kind, strings.Join(export.Pictures, ", "))
	}
	var run *trace.Timeline
	if f.kind != "treemap" {
		s, err := workflow.Simulate(p, plan)
		if err != nil {
			return nil, nil, err
		}
		run = s.Timeline
	}
	picture, err := export.PictureOf(f.kind, p, plan, run)
	if err != nil {
		return nil, nil, workflow.Badf("%w", err)
	}
	write := picture.WritePNG
	if to == "svg" {
		write = picture.WriteSVG
	}
	return func(w io.Writer) error { return write(w, palette) }, notExpressed(picture.Lost), nil
}
