//go:build !cgo || !(linux || darwin)

package cpsat

import (
	"fmt"
	"runtime"
)

func openLibrary(path string) error {
	return fmt.Errorf("cpsat: %s cannot be loaded by this build (%s, without cgo or dlopen)", path, runtime.GOOS)
}

type call struct{}

func (*call) solve(_, _ []byte) []byte { return nil }
func (*call) stop()                    {}
