package ui

import (
	"strata/ui/views"
	"strata/ui/views/overview"
)

// Views lists the views of the side bar.
func Views() []views.Maker {
	return []views.Maker{
		overview.New,
	}
}
