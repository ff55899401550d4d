package uibench

import (
	"context"
	"fmt"
	"os/exec"

	"fyne.io/fyne/v2"
)

// keys that a soak presses, in X's names: the window's, the views', and some
// that mean nothing. Quit is left out, closing a document is not.
var keys = []string{
	"ctrl+1", "ctrl+2", "ctrl+3", "ctrl+4", "ctrl+5", "ctrl+6", "ctrl+7", "ctrl+8",
	"Left", "Right", "Up", "Down", "plus", "minus", "Home", "End", "Page_Up", "Page_Down", "Tab", "shift+Tab", "space", "Return",
	"f", "l", "u", "p", "m", "n", "b", "slash", "question", "bracketleft", "bracketright", "comma", "period", "Delete", "BackSpace",
	"ctrl+z", "ctrl+z", "ctrl+shift+z", "ctrl+y", "ctrl+k", "ctrl+b", "ctrl+w", "ctrl+Tab", "ctrl+o", "ctrl+e", "ctrl+shift+c", "ctrl+period",
	"F1", "F5", "shift+F5", "ctrl+Return", "shift+F5", "ctrl+shift+plus", "ctrl+shift+minus",
	"Escape", "Escape", "Escape", "Escape",
}

// words that a soak types into whatever takes text.
var words = []string{"dark", "light", "high", "ffn", "layer = 3", "size > 1M", "role:kv", "attn_q", "sample", "(", "0", "1-", "hardware"}

// events sends a burst of random events and says how many.
func (s *soak) events(ctx context.Context) (int, error) {
	r := s.random
	if r.IntN(12) == 0 {
		w, h := 1280+r.IntN(321), 720+r.IntN(281)
		fyne.DoAndWait(func() { s.win.Resize(fyne.NewSize(float32(w), float32(h))) })
	}
	size := s.win.Canvas().Size()
	point := func() []string {
		return []string{"mousemove", fmt.Sprint(r.IntN(max(1, int(size.Width)))), fmt.Sprint(r.IntN(max(1, int(size.Height))))}
	}
	var args []string
	add := func(a ...string) { args = append(args, a...) }
	n := 10 + r.IntN(20)
	for range n {
		switch k := r.IntN(20); {
		case k < 7:
			add("key", keys[r.IntN(len(keys))])
		case k < 10:
			add(point()...)
			add("click", "1")
		case k == 10:
			add(point()...)
			add("click", "3")
		case k < 14:
			add(point()...)
			add("click", "--repeat", fmt.Sprint(1+r.IntN(4)), "--delay", "15", []string{"4", "5"}[r.IntN(2)])
		case k < 17:
			add(point()...)
			add("mousedown", "1")
			for range 2 + r.IntN(5) {
				add(point()...)
				add("sleep", "0.02")
			}
			add("mouseup", "1")
		case k < 19:
			for range 3 {
				add(point()...)
				add("sleep", "0.02")
			}
		default:
			add("type", "--delay", "10", "--args", "1", words[r.IntN(len(words))])
		}
		add("sleep", "0.03")
	}
	return n, xdotool(ctx, args...)
}

func xdotool(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "xdotool", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("soak: xdotool %v: %w: %s", args, err, out)
	}
	return nil
}
