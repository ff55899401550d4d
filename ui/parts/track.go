package parts

import (
	"image/color"

	"fyne.io/fyne/v2"
	fynetheme "fyne.io/fyne/v2/theme"

	"strata/ui/theme"
	"strata/ui/viz"
)

// trackTheme is the app's theme with a slider's track that shows on a card: Fyne
// draws it in the ground of input fields, which is nearly the card's own.
type trackTheme struct{}

func (trackTheme) app() fyne.Theme {
	if a := fyne.CurrentApp(); a != nil {
		return a.Settings().Theme()
	}
	return &theme.Theme{Palette: theme.Current()}
}

func (t trackTheme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if n == fynetheme.ColorNameInputBackground {
		p := theme.Current()
		return theme.NRGBA(viz.Mix(p.Inks[viz.InkSurface], p.Inks[viz.InkMuted], 0.35))
	}
	return t.app().Color(n, v)
}

func (t trackTheme) Font(s fyne.TextStyle) fyne.Resource     { return t.app().Font(s) }
func (t trackTheme) Icon(n fyne.ThemeIconName) fyne.Resource { return t.app().Icon(n) }
func (t trackTheme) Size(n fyne.ThemeSizeName) float32       { return t.app().Size(n) }
