package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"strata/workflow"
)

// Exit codes that scripts rely on.
const (
	exitOK     = 0
	exitOther  = 1
	exitNoFit  = 2
	exitUnsure = 3
	exitInput  = 4
)

// Main runs the command line and returns the process's exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	return run(args, os.Stdin, stdout, stderr)
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	workflow.LimitHeap()
	a := &app{out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(expandShort(args))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return a.code
	}
	fmt.Fprintln(stderr, "strata:", err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitInput
	}
	switch workflow.KindOf(err) {
	case workflow.NoFit:
		return exitNoFit
	case workflow.Unsure:
		return exitUnsure
	case workflow.BadInput:
		return exitInput
	}
	return exitOther
}

// app is what all commands share.
type app struct {
	out, err io.Writer
	json     bool
	quiet    bool
	code     int // exit code of a command that ended without an error
}

// usageError is a wrong command line.
type usageError struct{ error }

func (u *usageError) Unwrap() error { return u.error }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "strata",
		Short: "Plan memory for machine-learning models, and prove the plan by running it",
		Long: `Strata tells whether a model fits a machine, finds where each tensor should live
and when it is copied, predicts bytes and time, and proves the plan by running it.`,
		Example: `  strata check model.gguf --dram 64MiB
  strata plan model.gguf --dram 50% --prompt 64 --gen 32 -o plan.json
  strata validate plan.json --model model.gguf --report report.html`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unknown command %q; `strata --help` lists the commands", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write one JSON object to standard output (schemas: strata schema)")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; `%s --help` lists the options", err, c.CommandPath())}
	})
	root.AddCommand(a.inspectCommand(), a.calibrateCommand(), a.checkCommand(), a.planCommand(), a.packCommand(), a.simulateCommand(), a.runCommand(),
		a.validateCommand(), a.explainCommand(), a.exportCommand(), a.convertCommand(), a.compareCommand(), a.frontCommand(), a.gameCommand(), a.benchCommand(), a.trainCommand(), a.projectCommand(), a.doctorCommand(), a.schemaCommand(), a.versionCommand())
	for _, c := range root.Commands() {
		completeValues(c)
		countArguments(c)
	}
	return root
}

// countArguments makes a wrong number of arguments a wrong command line.
func countArguments(c *cobra.Command) {
	inner := c.Args
	if inner == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if inner(c, args) == nil {
			return nil
		}
		return &usageError{fmt.Errorf("wrong number of arguments (%d given); usage: %s", len(args), c.UseLine())}
	}
}

// longForm gives llama.cpp's two-letter options their long names: the flag
// library knows one-letter short options only.
var longForm = map[string]string{
	"-ub": "--ubatch-size", "-np": "--parallel", "-ctk": "--cache-type-k", "-ctv": "--cache-type-v",
}

func expandShort(args []string) []string {
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, value, joined := strings.Cut(arg, "=")
		if long, ok := longForm[name]; ok {
			arg = long
			if joined {
				arg += "=" + value
			}
		}
		out = append(out, arg)
	}
	return out
}

// IsCommand tells whether a word is a command's name.
func IsCommand(word string) bool {
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == word || c.HasAlias(word) {
			return true
		}
	}
	return false
}
