//go:build !linux

package uibench

import (
	"context"
	"io"
	"time"
)

// tellStalls needs another thread's CPU clock, which only Linux has here.
func tellStalls(context.Context, io.Writer, time.Duration) {}
