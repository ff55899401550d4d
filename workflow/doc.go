// Package workflow holds the use cases that the command line and the window
// share: open a model, lower it onto a machine, check, plan, simulate, run,
// validate, export. It knows no flags and no widgets; long work takes a context
// and reports progress through one callback.
package workflow
