package cli

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// gameText shows a game to people. Input that nobody saw typed, from a pipe, is
// repeated behind the prompt.
type gameText struct {
	out   io.Writer
	game  *workflow.Game
	typed bool // the terminal shows what is typed
}

// gameDisplay is how a game is shown: as text, or with --json line by line.
func (a *app) gameDisplay(g *workflow.Game, in io.Reader) gameDisplay {
	if a.json {
		return newGameLines(a.out, g)
	}
	f, ok := in.(*os.File)
	return &gameText{a.out, g, ok && term.IsTerminal(int(f.Fd()))}
}

const gamePrompt = "> "

func (s *gameText) start(player string) error {
	_, err := fmt.Fprintf(s.out, "game %q, player %s: %s, %s to decide; help lists the answers\n", s.game.Program.Name, player,
		count(len(s.game.Program.Instructions), "instruction", "instructions"), count(s.game.Left(), "touch", "touches"))
	return err
}

func (s *gameText) decision(number int, d malloc.Decision, options []planner.Option) error {
	p := s.game.Program
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d. %s\n", number, s.question(d))
	fmt.Fprintf(w, "   all slow %s, now %s, no plan below %s; %d left\n", seconds(s.game.SlowS()), seconds(s.game.NowS()), seconds(s.game.LowerS()), s.game.Left())
	for t := range p.Tiers {
		if used, capacity := s.game.UsedBytes(t, d.Instr), p.Tiers[t].Capacity; capacity != malloc.Unlimited {
			fmt.Fprintf(w, "   t%d %s\t%s\t%s of %s\n", t, p.Tiers[t].Name, bar(used, capacity), bytes(used), bytes(capacity))
		}
	}
	for i, o := range options {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", right(3, fmt.Sprint(i+1)), moveText(p, o.Action), right(10, s.reward(o.RewardS)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return s.prompt()
}

func (s *gameText) prompt() error {
	_, err := io.WriteString(s.out, gamePrompt)
	return err
}

// question names what is decided: a touch of a buffer, or an executor.
func (s *gameText) question(d malloc.Decision) string {
	p := s.game.Program
	at := fmt.Sprintf("instruction %d of %d, %s", d.Instr+1, len(p.Instructions), p.Instructions[d.Instr].Name)
	if d.RunOn {
		return "who runs " + at
	}
	b := &p.Buffers[d.Buf]
	return fmt.Sprintf("%s (%s, %s), touch %d of %d: %s by %s", b.Name, b.Kind, bytes(b.Size), d.Touch+1, s.game.Touches(d.Buf), touchVerb(d), at)
}

// touchVerb says what an instruction does to a buffer.
func touchVerb(d malloc.Decision) string {
	switch {
	case d.Read && d.Write:
		return "read and written"
	case d.Def || d.Write:
		return "written"
	}
	return "read"
}

// barCells is the width of a tier's bar.
const barCells = 20

// bar draws what is used of a tier.
func bar(used, capacity int64) string {
	full := 0
	if capacity > 0 {
		full = int(float64(used) / float64(capacity) * barCells)
	}
	if full = max(0, min(barCells, full)); full == 0 && used > 0 {
		full = 1
	}
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", barCells-full) + "]"
}

// moveText is a move with the name of the tier or executor it names.
func moveText(p *malloc.Program, a malloc.Action) string {
	switch {
	case a.Kind == malloc.Drop:
		return a.String()
	case a.Kind == malloc.RunOn && a.Executor < len(p.Executors):
		return fmt.Sprintf("%s (%s)", a, p.Executors[a.Executor].Name)
	case a.Kind != malloc.RunOn:
		return fmt.Sprintf("%s (%s)", a, p.Tiers[a.Tier].Name)
	}
	return a.String()
}

func (s *gameText) turns(list []planner.Turn) error {
	for i := 0; i < len(list); {
		n := i
		for n < len(list) && list[n].By == planner.ByRules && list[n].Action.Kind == malloc.Drop {
			n++
		}
		var err error
		if n > i { // what must stay at home, in one line
			_, err = fmt.Fprintf(s.out, "  %s: %s no choice but DROP, now %s\n", planner.ByRules, count(n-i, "touch has", "touches have"), seconds(list[n-1].NowS))
			i = n
		} else {
			t := &list[i]
			_, err = fmt.Fprintf(s.out, "  %s: %s %s, reward %s, now %s\n", t.By, s.where(t.Decision), moveText(s.game.Program, t.Action), s.reward(t.RewardS), seconds(t.NowS))
			i++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// where names a decision in a few words.
func (s *gameText) where(d malloc.Decision) string {
	name := s.game.Program.Instructions[d.Instr].Name
	if d.RunOn {
		return name
	}
	return s.game.Program.Buffers[d.Buf].Name + " @ " + name
}

func (s *gameText) hint(step *planner.Step) error {
	fmt.Fprintf(s.out, "  the agent would play %s; value of the position %.4f\n", step.Legal[step.Chosen], step.Value)
	if err := step.WriteText(s.out); err != nil {
		return err
	}
	return s.prompt()
}

func (s *gameText) undone(t planner.Turn, taken int) error {
	_, err := fmt.Fprintf(s.out, "  taken back: %s, the last of them %s; now %s\n", count(taken, "move", "moves"), moveText(s.game.Program, t.Action), seconds(s.game.NowS()))
	return err
}

func (s *gameText) refused(_, reason string) error {
	fmt.Fprintf(s.out, "  %s\n", strings.TrimPrefix(reason, "malloc: "))
	return s.prompt()
}

func (s *gameText) echo(input string) error {
	if s.typed {
		return nil
	}
	_, err := fmt.Fprintln(s.out, input)
	return err
}

func (s *gameText) help() error {
	fmt.Fprint(s.out, `  N               the move of that number
  DROP, NOCOPY TIER, COPY TIER lead 1..4, COPY TIER back N, RUN_ON EXECUTOR
  hint            what the agent would do: prior, visits, value of every move
  auto [N]        let the agent decide N times
  undo            take back your last move
  drop rest       leave everything else at home and end the game
  quit            end the game as it stands
`)
	return s.prompt()
}

func (s *gameText) end(r *workflow.PlanResult, output string) error {
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	state := "every touch is decided"
	if n := s.game.Left(); n > 0 {
		state = fmt.Sprintf("%s undecided, at home", count(n, "touch", "touches"))
	}
	fmt.Fprintf(w, "\nthe game is over: %s; the plan is legal\n", state)
	fmt.Fprintf(w, "time\t%s\tby %s, %s\n", right(10, seconds(r.PredictedS)), r.Component, count(s.game.Backups(), "backup", "backups"))
	fmt.Fprintf(w, "  all slow\t%s\n", right(10, seconds(s.game.SlowS())))
	fmt.Fprintf(w, "  lower bound\t%s\tgap %.1f %% (%s)\n", right(10, seconds(r.LowerBoundS)), 100*r.Gap, r.LowerBoundMethod)
	if r.PredictedSPerToken > 0 {
		fmt.Fprintf(w, "per token\t%s\n", right(10, seconds(r.PredictedSPerToken)))
	}
	writeNotes(w, r.Assumed, r.Executable)
	if output != "" {
		fmt.Fprintf(w, "\nwrote %s\n", output)
	}
	return w.Flush()
}

// reward writes what a move gains; what is below a simulation's rounding is
// nothing.
func (s *gameText) reward(gain float64) string {
	if math.Abs(gain) <= 1e-12*s.game.SlowS() {
		return "0 s"
	}
	return signed(gain)
}
