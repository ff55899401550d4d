// Command strata plans memory for machine-learning models and proves its plans
// by running them. Without arguments, or with the name of a file, it opens the
// window; everything else is the command line.
package main

import (
	"os"

	"strata/cli"
)

func main() {
	args := os.Args[1:]
	if opensWindow(args) {
		os.Exit(window(args))
	}
	os.Exit(cli.Main(args, os.Stdout, os.Stderr))
}

// opensWindow tells a file to open from a command: a command's name wins.
func opensWindow(args []string) bool {
	if !hasWindow {
		return false
	}
	if len(args) == 0 {
		return true
	}
	for _, a := range args {
		if cli.IsCommand(a) || len(a) > 0 && a[0] == '-' {
			return false
		}
		if _, err := os.Stat(a); err != nil {
			return false
		}
	}
	return true
}
