package malloc

import (
	"strings"
	"testing"
)

// FuzzParseAction: what is read is written again as itself, and no move of any
// kind makes a game do more than refuse it.
func FuzzParseAction(f *testing.F) {
	p := backupProgram()
	for _, s := range []string{"DROP", "nocopy t0", "NOCOPY fast", "COPY t1 back 16", "COPY t0 lead 4", "COPY t0", "RUN_ON x0", "COPY t0 lead 0", "COPY t9 back -1", "  drop  "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAction(p, text)
		if err != nil {
			if !strings.Contains(err.Error(), "no ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if b, err := ParseAction(p, a.String()); err != nil || a.String() != b.String() {
			t.Errorf("%q: %s, then %s: %v", text, a, b, err)
		}
		g, err := NewGame(p, nil, Options{NoReward: true})
		if err != nil {
			t.Fatal(err)
		}
		if legal := g.Legal(a); legal {
			_, err = g.Step(a)
			if err != nil {
				t.Errorf("%s is legal: %v", a, err)
			}
		} else if _, err := g.Step(a); err == nil {
			t.Errorf("%s is not legal but was played", a)
		}
	})
}
