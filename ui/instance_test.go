package ui

import (
	"strata/malloc"
	"strata/ui/controller"
)

// writeInstance stores a document's program as a bare instance.
func writeInstance(path string, d *controller.Document) error {
	return malloc.WriteProgram(path, d.Program)
}
