package locale_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fyne.io/fyne/v2/lang"

	_ "strata/ui/locale"
)

// child makes this program print what it finds, instead of running its tests.
const child = "STRATA_LOCALE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		fmt.Printf("%s LANGUAGE=%s", lang.L("Cancel"), os.Getenv("LANGUAGE"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestStartIsQuiet starts a program that links Fyne's lang in many locales: it
// prints no error, and only C and POSIX are changed.
func TestStartIsQuiet(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"", ""},
		{"LANG=C", "en"},
		{"LANG=C.UTF-8", "en"},
		{"LANG=POSIX.utf8@x", "en"},
		{"LANG=en_US.UTF-8", ""},
		{"LANG=de_DE.UTF-8 LC_ALL=C.UTF-8", "en"},
		{"LANG=C.UTF-8 LC_MESSAGES=en_GB", ""},
		{"LANG=C.UTF-8 LANGUAGE=en_US", "en_US"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LC_ALL=", "LC_MESSAGES=", "LANG=", "LANGUAGE=", child+"=1")
		cmd.Env = append(cmd.Env, strings.Fields(c.env)...)
		out, err := cmd.CombinedOutput()
		if want := "Cancel LANGUAGE=" + c.want; err != nil || string(out) != want {
			t.Errorf("%q: %v, printed %q, want %q", c.env, err, out, want)
		}
	}
}
