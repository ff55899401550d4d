package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// Who may play a game.
var gamePlayers = []string{planner.ByHuman, planner.ByAgent, playBoth}

const playBoth = "both"

func (a *app) gameCommand() *cobra.Command {
	var f modelFlags
	var output, transcript, player string
	var seed uint64
	var simulations int
	c := &cobra.Command{
		Use:   "game INSTANCE|MODEL",
		Short: "Play the mallocGame: decide where each tensor lives, touch by touch",
		Long: `Play the mallocGame in the terminal. At each decision a tensor is touched by an instruction: answer with a number,
with a move by its name (DROP, NOCOPY TIER, COPY TIER lead 1..4, COPY TIER back N, RUN_ON EXECUTOR), or with

  hint       what the agent would do: visits, value and prior of every move
  auto [N]   let the agent decide N times (default once)
  undo       take back your last move
  drop rest  leave everything else at home and end the game
  quit       end the game as it stands
  help       these lines

Decisions that leave no choice are played at once. At the end the plan is checked; what was not decided stays at home. Standard input may be a pipe.`,
		Example: `  strata game instance.json.gz --player both -o plan.json
  strata game model.gguf --dram 50% --prompt 64 --gen 32 --player agent --simulations 32
  printf '2\nhint\nauto 5\ndrop rest\n' | strata game instance.json --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request()
			if err != nil {
				return err
			}
			switch {
			case !slices.Contains(gamePlayers, player):
				return workflow.Badf("--player %q: one of %s", player, strings.Join(gamePlayers, ", "))
			case simulations < 1 || simulations > 4096:
				return workflow.Badf("--simulations %d: 1 to 4096 are possible", simulations)
			}
			g, err := a.openGame(c.Context(), args[0], r, simulations, seed)
			if err != nil {
				return err
			}
			ctx, stop := context.WithCancel(c.Context())
			defer stop()
			t := &gameTable{game: g, player: player, in: readLines(ctx, c.InOrStdin()), show: a.gameDisplay(g, c.InOrStdin())}
			if err := t.play(ctx); err != nil {
				return err
			}
			res, err := g.Result()
			if err != nil {
				return err
			}
			if output != "" {
				if err := workflow.WriteOutput(output, func(w io.Writer) error { return malloc.EncodePlan(w, res.Plan) }); err != nil {
					return err
				}
			}
			if transcript != "" {
				if err := a.writeGame(transcript, res); err != nil {
					return err
				}
			}
			return t.show.end(res, output)
		},
	}
	f.register(c)
	p := c.Flags()
	p.IntVar(&f.r.Prompt, "prompt", 0, "tokens of the prompt (of a model)")
	p.IntVar(&f.r.Gen, "gen", 0, "tokens to generate (of a model)")
	p.StringArrayVar(&f.r.Pins, "pin", nil, "force tensors into a tier, REGEX=TIER (may be repeated)")
	p.StringVar(&player, "player", planner.ByHuman, "who decides: "+strings.Join(gamePlayers, ", ")+" (in turns)")
	p.Uint64Var(&seed, "seed", 1, "seed of the agent's choices")
	p.IntVar(&simulations, "simulations", 16, "games the agent looks ahead at each decision")
	p.StringVarP(&output, "output", "o", "", "write the plan here")
	p.StringVar(&transcript, "game", "", "write the agent's moves here, with its search trees")
	return c
}

func (a *app) openGame(ctx context.Context, path string, r workflow.Request, simulations int, seed uint64) (*workflow.Game, error) {
	if workflow.FileFormat(path) == malloc.InstanceFormat {
		if len(r.Pins) > 0 {
			return nil, workflow.Badf("--pin needs a model; in an instance write \"fixed\" on the instruction")
		}
		p, _, err := workflow.LoadInstance(path, "")
		if err != nil {
			return nil, err
		}
		return workflow.InstanceGame(ctx, p, simulations, seed)
	}
	if r.Prompt == 0 || r.Gen == 0 {
		return nil, workflow.Badf("a game on a model needs the workload: --prompt N --gen N (an instance, a JSON file of format %s, needs none)", malloc.InstanceFormat)
	}
	m, err := workflow.OpenModel(path)
	if err != nil {
		return nil, err
	}
	progress, done := a.progress()
	defer done()
	return workflow.ModelGame(ctx, m, r, simulations, seed, progress)
}

// gameTable is a game and those who sit at it.
type gameTable struct {
	game   *workflow.Game
	player string
	in     <-chan inputLine
	show   gameDisplay
	agent  bool // the agent has the next move
}

// gameDisplay shows a game: to people, or to scripts as JSON lines.
type gameDisplay interface {
	start(player string) error
	decision(number int, d malloc.Decision, options []planner.Option) error
	turns(list []planner.Turn) error
	hint(s *planner.Step) error
	undone(t planner.Turn, taken int) error
	refused(input, reason string) error
	echo(input string) error
	help() error
	end(r *workflow.PlanResult, output string) error
}

// play asks until every decision is made, nobody answers any more, or somebody
// quits. An interrupt ends the game as quit does.
func (t *gameTable) play(ctx context.Context) error {
	if err := t.show.start(t.player); err != nil {
		return err
	}
	if err := t.show.turns(t.game.Turns()); err != nil {
		return err
	}
	for asked := false; !t.game.Done() && ctx.Err() == nil; {
		if t.player == planner.ByAgent || t.agent {
			t.agent = false
			if err := t.moved(t.game.PlayAgent()); err != nil {
				return unlessEnded(ctx, err)
			}
			asked = false
			continue
		}
		if !asked {
			options, err := t.game.Options()
			if err != nil {
				return err
			}
			if err := t.show.decision(len(t.game.Turns())+1, t.game.Next(), options); err != nil {
				return err
			}
			asked = true
		}
		var line inputLine
		var more bool
		select {
		case line, more = <-t.in:
		case <-ctx.Done():
		}
		if !more {
			return nil
		}
		if err := t.show.echo(line.text); err != nil {
			return err
		}
		before := len(t.game.Turns())
		over, err := t.answer(line)
		switch {
		case over:
			return unlessEnded(ctx, err)
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			err = t.show.refused(line.text, err.Error())
		default:
			asked = len(t.game.Turns()) == before
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unlessEnded drops an error that only says that the game was interrupted: what
// was decided until then is a plan.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// answer does what a line asks for; over ends the game.
func (t *gameTable) answer(line inputLine) (over bool, err error) {
	if line.err != nil {
		return false, line.err
	}
	words := strings.Fields(strings.ToLower(line.text))
	switch strings.Join(words, " ") {
	case "":
		return false, nil
	case "quit", "exit", "q":
		return true, nil
	case "drop rest":
		return true, t.game.DropRest()
	case "help", "?":
		return false, t.show.help()
	case "undo":
		return false, t.undo()
	case "hint":
		step, _, err := t.game.Hint()
		if err != nil {
			return false, err
		}
		return false, t.show.hint(step)
	}
	if words[0] == "auto" {
		n, err := countOf(words[1:])
		if err != nil {
			return false, err
		}
		return false, t.auto(n)
	}
	move, err := t.move(line.text)
	if err != nil {
		return false, err
	}
	if err := t.moved(t.game.Play(move)); err != nil {
		return false, err
	}
	t.agent = t.player == playBoth
	return false, nil
}

// auto lets the agent decide n times.
func (t *gameTable) auto(n int) error {
	for ; n > 0 && !t.game.Done(); n-- {
		if err := t.moved(t.game.PlayAgent()); err != nil {
			return err
		}
	}
	return nil
}

// moved shows a move with those that followed from it.
func (t *gameTable) moved(turn planner.Turn, err error) error {
	if err != nil {
		return err
	}
	all := t.game.Turns()
	at := len(all) - 1
	for at > 0 && all[at].By == planner.ByRules {
		at--
	}
	return t.show.turns(all[at:])
}

// undo takes back moves up to the last that the person made.
func (t *gameTable) undo() error {
	for taken := 1; ; taken++ {
		turn, ok, err := t.game.Undo()
		switch {
		case err != nil:
			return err
		case !ok && taken == 1:
			return errors.New("there is no move to take back")
		case !ok || turn.By == planner.ByHuman || t.player != playBoth:
			return t.show.undone(turn, taken)
		}
	}
}

// move reads a number of the list or a move's name.
func (t *gameTable) move(text string) (malloc.Action, error) {
	options, err := t.game.Options()
	if err != nil {
		return malloc.Action{}, err
	}
	if n, ok := plainNumber(text); ok {
		if n < 1 || n > len(options) {
			return malloc.Action{}, workflow.Badf("there is no move %s: 1 to %d are legal", strings.TrimSpace(text), len(options))
		}
		return options[n-1].Action, nil
	}
	return malloc.ParseAction(t.game.Program, text)
}
