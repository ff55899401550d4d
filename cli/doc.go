// Package cli is the command line: flags, text and JSON output, exit codes. What
// the commands do lives in workflow.
//
// Exit codes: 0 fits or passes; 2 does not fit, refused plan, failed validation;
// 3 unsure; 4 bad input; 1 anything else.
package cli
