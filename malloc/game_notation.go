package malloc

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxBack bounds the exact starts that ParseAction reads.
const MaxBack = MaxInstructions

// ParseAction reads a move as Action.String writes it, in any case: DROP,
// NOCOPY t0, COPY t0 lead 2, COPY t0 back 8, COPY t0 (lead 1), RUN_ON x1. A tier or an
// executor may also be given by its name. Whether the move is legal is Game.Legal's
// to say.
func ParseAction(p *Program, text string) (Action, error) {
	f := strings.Fields(text)
	wrong := func() (Action, error) {
		return Action{}, fmt.Errorf("%q is no move: DROP, NOCOPY TIER, COPY TIER lead 1..4, COPY TIER back N or RUN_ON EXECUTOR is", text)
	}
	if len(f) == 0 {
		return wrong()
	}
	a := Action{Back: -1}
	var err error
	switch kind := strings.ToUpper(f[0]); {
	case kind == "DROP" && len(f) == 1:
		return Action{Kind: Drop}, nil
	case kind == "NOCOPY" && len(f) == 2:
		a = Action{Kind: NoCopy}
		a.Tier, err = tierNamed(p, f[1])
		return a, err
	case kind == "RUN_ON" && len(f) == 2:
		a = Action{Kind: RunOn}
		a.Executor, err = executorNamed(p, f[1])
		return a, err
	case kind == "COPY" && (len(f) == 2 || len(f) == 4):
		a.Kind, a.Lead = CopyIn, 1
		if a.Tier, err = tierNamed(p, f[1]); err != nil || len(f) == 2 {
			return a, err
		}
		n, err := strconv.Atoi(f[3])
		switch word := strings.ToLower(f[2]); {
		case err == nil && word == "lead" && n >= 1 && n <= 4:
			a.Lead = n
		case err == nil && word == "back" && n >= 0 && n <= MaxBack:
			a.Lead, a.Back = 0, n
		default:
			return wrong()
		}
		return a, nil
	}
	return wrong()
}

func tierNamed(p *Program, word string) (int, error) {
	names := make([]string, len(p.Tiers))
	for i := range p.Tiers {
		names[i] = p.Tiers[i].Name
	}
	return named(names, "t", "tier", word)
}

func executorNamed(p *Program, word string) (int, error) {
	names := make([]string, len(p.Executors))
	for i := range p.Executors {
		names[i] = p.Executors[i].Name
	}
	return named(names, "x", "executor", word)
}

// named finds a name, or an index behind its letter.
func named(names []string, letter, what, word string) (int, error) {
	for i, name := range names {
		if name == word {
			return i, nil
		}
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(word), letter); ok {
		if i, err := strconv.Atoi(rest); err == nil && i >= 0 && i < len(names) {
			return i, nil
		}
	}
	for i, name := range names {
		if strings.EqualFold(name, word) {
			return i, nil
		}
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf("%s%d (%s)", letter, i, name)
	}
	if len(list) == 0 {
		return 0, fmt.Errorf("no %s %q: there is none to choose", what, word)
	}
	return 0, fmt.Errorf("no %s %q; there are %s", what, word, strings.Join(list, ", "))
}
