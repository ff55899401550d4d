package planview

import (
	"fyne.io/fyne/v2"

	"strata/ui/theme"
)

// icons are 24 × 24 pictures of the views, drawn in one colour that Fyne's
// theme replaces.
var icons = map[string]string{
	"tensors":    `<path d="M3 3h10v10H3zM15 3h6v6h-6zM15 11h6v10h-6zM3 15h10v6H3z"/>`,
	"memory-map": `<path d="M3 17h18v4H3zM3 11h8v4H3zM13 12h8v3h-8zM6 5h6v4H6zM15 7h6v3h-6z"/>`,
	"timeline":   `<path d="M3 4h9v4H3zM14 4h7v4h-7zM6 10h12v4H6zM3 16h5v4H3zM11 16h10v4H11z"/>`,
	"compare":    `<path d="M3 4h8v16H3zM13 4h8v2h-8zM13 18h8v2h-8zM19 6h2v12h-2zM13 6h2v12h-2z"/>`,
}

// Icon is a view's picture.
func Icon(name string) fyne.Resource {
	svg := `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="#000000">` + icons[name] + `</svg>`
	return theme.Icon(fyne.NewStaticResource(name+".svg", []byte(svg)))
}
