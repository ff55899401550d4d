// Command strata plans memory for machine-learning models and proves its plans
// by running them.
package main

import (
	"os"

	"strata/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
