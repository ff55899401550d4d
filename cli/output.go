package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"strata/workflow"
)

// print writes the result: as JSON when asked, else through text.
func (a *app) print(result any, text func(io.Writer)) error {
	if a.json {
		return encodeJSON(a.out, result)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// encodeJSON writes one indented object; what it says is not meant for HTML.
func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// progress shows a bar on terminals; elsewhere it is silent.
func (a *app) progress() (workflow.Progress, func()) {
	f, ok := a.err.(*os.File)
	if a.quiet || a.json || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	stage := ""
	done := func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
	return func(now string, at, total int64) {
		if now != stage {
			done()
			stage = now
			limit := total
			if limit == 0 {
				limit = -1
			}
			bar = progressbar.NewOptions64(limit, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(now),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
		}
		_ = bar.Set64(at)
	}, done
}

// seconds writes a duration with a unit that suits it and four digits.
func seconds(s float64) string {
	v, unit := s, "s"
	switch {
	case s == 0:
		return "0 s"
	case math.Abs(s) < 0.9995e-3:
		v, unit = s*1e6, "µs"
	case math.Abs(s) < 0.9995:
		v, unit = s*1e3, "ms"
	}
	digits := 3
	for m := math.Abs(v); m >= 9.9995 && digits > 0; m /= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}

func bytes(n int64) string { return workflow.FormatBytes(n) }

// right pads to the left, so that numbers in a column end together.
func right(width int, s string) string { return fmt.Sprintf("%*s", width, s) }

// count writes a number with its noun.
func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// writeTiers writes what is used of each tier; unlimited ones have no peak.
func writeTiers(w io.Writer, used string, tiers []workflow.TierUse) {
	fmt.Fprintf(w, "\ntier\t%s\t%s\n", right(10, used), right(10, "capacity"))
	for _, t := range tiers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, right(10, bytes(t.UsedBytes)), right(10, bytes(t.CapacityBytes)))
	}
}

// writeNotes writes what the reader should know of the numbers above.
func writeNotes(w io.Writer, assumed []string, executable string) {
	if len(assumed) > 0 || executable != "" {
		fmt.Fprintln(w)
	}
	for _, s := range assumed {
		fmt.Fprintf(w, "assumed: %s\n", s)
	}
	if executable != "" {
		fmt.Fprintf(w, "note: %s\n", executable)
	}
}
