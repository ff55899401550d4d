// Package locale tells Fyne that the locales C and POSIX are English, before
// Fyne looks: its lang package reads the environment while the program starts,
// in every command, and prints an error for "C.UTF-8" on standard error.
//
// The order is the language's: packages whose imports are initialised are
// initialised in the order of their paths, and "strata/…" comes before
// "text/template", which Fyne's lang imports. So this package must import
// nothing but os and strings.
package locale

import (
	"os"
	"strings"
)

func init() {
	if l := language(); l != "" {
		_ = os.Setenv("LANGUAGE", l)
	}
}

// language is the value that LANGUAGE needs, "" for as it is. Unlike LANG it
// names the language of messages only, so that nothing else changes: input
// methods go on reading the character set from LANG.
func language() string {
	if os.Getenv("LANGUAGE") != "" {
		return ""
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		base, _, _ := strings.Cut(value, ".")
		base, _, _ = strings.Cut(base, "@")
		if base == "C" || base == "POSIX" {
			return "en"
		}
		return ""
	}
	return ""
}
