package ui

import (
	"strata/ui/views"
	"strata/ui/views/compare"
	"strata/ui/views/hardware"
	"strata/ui/views/memorymap"
	"strata/ui/views/overview"
	"strata/ui/views/search"
	"strata/ui/views/tensors"
	"strata/ui/views/timeline"
	"strata/ui/views/validate"
)

// Views lists the views of the side bar.
func Views() []views.Maker {
	return []views.Maker{
		overview.New,
		tensors.New,
		memorymap.New,
		timeline.New,
		search.New,
		validate.New,
		compare.New,
		hardware.New,
	}
}
