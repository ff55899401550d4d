package cli

import (
	"encoding/json"
	"fmt"
	"io"
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

// seconds writes a duration with a unit that suits it.
func seconds(s float64) string {
	switch {
	case s == 0:
		return "0"
	case s < 1e-3:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.4g ms", s*1e3)
	}
	return fmt.Sprintf("%.4g s", s)
}

func bytes(n int64) string { return workflow.FormatBytes(n) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
