package search

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/planner"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// game steps through the agent's last game: its searched moves at the left; at
// the right what the search knew of the chosen one, as a tree or as a table of the
// legal moves, most visited first.
type game struct {
	h       *views.Host
	root    fyne.CanvasObject
	head    fyne.CanvasObject
	moves   *widgets.Grid
	options *widgets.Grid
	tree    *parts.Picture
	form    *widgets.Segments // tree or table
	sides   *fyne.Container
	title   *parts.Text
	where   *parts.Text

	doc     int
	episode *planner.Episode
	at      int
	order   []int // alternatives of the move, most visited first
}

func newGame(h *views.Host) *game {
	g := &game{h: h, title: parts.NewText("", parts.Body, viz.InkText).Fit(parts.Cut), where: parts.NewText("", parts.Caption, viz.InkMuted)}
	g.moves = widgets.NewGrid(widgets.Column{Title: "#", Width: 34, Right: true}, widgets.Column{Title: lang.L("tensor"), Width: 138, Flex: 1.4}, widgets.Column{Title: lang.L("move"), Width: 112, Flex: 1}, widgets.Column{Title: lang.L("reward"), Width: 72, Right: true})
	g.moves.Len = func() int {
		if g.episode == nil {
			return 0
		}
		return len(g.episode.Moves)
	}
	g.moves.Cell = g.moveCell
	g.moves.Style = func(row int) widgets.RowStyle { return widgets.RowStyle{Selected: row == g.at} }
	g.moves.OnSelect = func(row int, _ fyne.KeyModifier) { g.choose(row) }
	g.moves.Empty = func() string { return lang.L("No game yet: search with auto or mcts") }
	g.options = widgets.NewGrid(widgets.Column{Title: lang.L("move"), Width: 120, Flex: 1}, widgets.Column{Title: lang.L("prior"), Width: 58, Right: true}, widgets.Column{Title: lang.L("visits"), Width: 58, Right: true}, widgets.Column{Title: lang.L("value"), Width: 72, Right: true}, widgets.Column{Title: lang.L("weight"), Width: 64, Right: true})
	g.options.Len = func() int { return len(g.order) }
	g.options.Cell = g.optionCell
	g.options.Style = func(row int) widgets.RowStyle {
		m := g.move()
		return widgets.RowStyle{Bold: m != nil && g.order[row] == m.Chosen}
	}
	g.options.Empty = func() string { return lang.L("Legal moves, with visits, value and prior") }
	g.tree = parts.NewPicture(200, 80)
	g.form = widgets.NewSegments(lang.L("Tree"), lang.L("Legal moves"))
	g.form.OnChange = func(i int) {
		h.SetSetting("search.game", strconv.Itoa(i))
		g.turn()
	}
	button := func(icon fyne.Resource, tap func()) fyne.CanvasObject {
		b := widget.NewButtonWithIcon("", icon, tap)
		b.Importance = widget.LowImportance
		return b
	}
	g.head = parts.Row(2, parts.Centred(g.form), parts.Fixed(parts.NewText("", parts.Caption, viz.InkMuted), 8, 0), parts.Centred(g.where), button(theme.MediaSkipPreviousIcon(), func() { g.choose(0) }), button(theme.NavigateBackIcon(), func() { g.step(-1) }), button(theme.NavigateNextIcon(), func() { g.step(1) }), button(theme.MediaSkipNextIcon(), func() { g.choose(g.moves.Len() - 1) }))
	g.sides = container.NewStack(g.tree, g.options)
	g.root = parts.Column(6, g.title, parts.Grow(parts.Row(12, parts.GrowBy(g.moves, 1), parts.GrowBy(g.sides, 1.11))))
	if i, err := strconv.Atoi(h.Setting("search.game")); err == nil {
		g.form.Choose(i)
	}
	g.turn()
	return g
}

func (g *game) palette(p *viz.Palette) {
	g.moves.SetPalette(p)
	g.options.SetPalette(p)
	g.form.SetPalette(p)
	g.tree.Refresh()
}

// turn shows the tree or the table.
func (g *game) turn() {
	if g.form.Chosen() == 0 {
		g.options.Hide()
		g.tree.Show()
	} else {
		g.tree.Hide()
		g.options.Show()
	}
}

// show takes over a document's last game.
func (g *game) show(d *controller.Document, e *planner.Episode) {
	if d != nil {
		g.doc = d.ID
	}
	text := lang.L("The solvers auto and mcts play a game: for each tensor's use, where to place it. It is shown here after a search.")
	switch {
	case e != nil:
		text = fmt.Sprintf(lang.L("%d moves, %d of them searched, %d backups · %s before the search, %s at its end (loop only)"), e.Played, len(e.Moves), e.Backups, viz.FormatSeconds(e.StartS), viz.FormatSeconds(e.FinalS))
	case d != nil && !d.Search.Running && d.Search.Stopped != "" && slices.Contains([]string{"", "auto", "mcts"}, d.Search.Options.Solver):
		text = lang.L("This search had no time for a whole game of the agent: choose the solver mcts, or more time.")
	}
	if g.episode == e && g.title.Text() == text {
		return
	}
	g.episode, g.at = e, 0
	g.title.Set(text)
	g.moves.Reload()
	g.look()
}

func (g *game) move() *planner.Step {
	if g.episode == nil || g.at < 0 || g.at >= len(g.episode.Moves) {
		return nil
	}
	return &g.episode.Moves[g.at]
}

// choose goes to a move, and selects its tensor in every view.
func (g *game) choose(i int) {
	if g.episode == nil || i < 0 || i >= len(g.episode.Moves) {
		return
	}
	g.at = i
	g.moves.ScrollTo(i)
	g.moves.Reload()
	g.look()
	m := g.move()
	g.h.Bus.Select(controller.Selection{Doc: g.doc, Buffers: []int{m.Buf}, Instr: m.Instr, Copy: -1})
}

func (g *game) step(by int) { g.choose(g.at + by) }

func (g *game) look() {
	g.order = g.order[:0]
	m := g.move()
	g.tree.Set(g.figure())
	if m == nil {
		g.where.Set("")
		g.options.Reload()
		return
	}
	for i := range m.Legal {
		g.order = append(g.order, i)
	}
	sort.SliceStable(g.order, func(a, b int) bool {
		x, y := g.order[a], g.order[b]
		if m.Visits[x] != m.Visits[y] {
			return m.Visits[x] > m.Visits[y]
		}
		return m.Logits[x] > m.Logits[y]
	})
	g.where.Set(fmt.Sprintf(lang.L("move %d of %d"), g.at+1, len(g.episode.Moves)))
	g.options.Reload()
}

func (g *game) moveCell(row, column int) (string, viz.Ink) {
	m := &g.episode.Moves[row]
	switch column {
	case 0:
		return fmt.Sprint(row + 1), viz.InkMuted
	case 1:
		return strings.Replace(m.Buffer, ".weight", "", 1), viz.InkText // which all weights end with
	case 2:
		if c := chosen(m); c != "" {
			return c, viz.InkText
		}
		return "–", viz.InkMuted
	}
	if m.RewardS == 0 {
		return "0", viz.InkMuted
	}
	ink, sign := viz.InkGood, "+"
	if m.RewardS < 0 {
		ink, sign = viz.InkBad, "−"
	}
	return sign + viz.FormatSeconds(max(m.RewardS, -m.RewardS)), ink
}

func (g *game) optionCell(row, column int) (string, viz.Ink) {
	m, i := g.move(), g.order[row]
	switch column {
	case 0:
		if i == m.Chosen {
			return m.Legal[i], viz.InkAccent
		}
		return m.Legal[i], viz.InkText
	case 1:
		return fmt.Sprintf("%+.2f", m.Logits[i]), viz.InkMuted
	case 2:
		return fmt.Sprint(m.Visits[i]), viz.InkText
	case 3:
		if m.Visits[i] == 0 {
			return "–", viz.InkMuted
		}
		return fmt.Sprintf("%.4f", m.Values[i]), viz.InkText
	}
	return fmt.Sprintf("%.3f", m.Weights[i]), viz.InkMuted
}
