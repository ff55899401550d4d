// Package theme turns a palette of ui/viz into a Fyne theme, so that widgets and
// pictures share their colours. Sizes follow the window's type scale: text 13,
// captions 11, padding 4, radius 6.
package theme

import (
	"image/color"
	"sync/atomic"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"strata/ui/viz"
)

// Theme implements fyne.Theme.
type Theme struct {
	Palette *viz.Palette
	Scale   float32 // of text and icons
}

// System is the setting that follows the desktop's light or dark preference.
const System = "system"

// Names are the values of the theme setting, in the order of the menu.
func Names() []string {
	names := []string{System}
	for _, p := range viz.Palettes() {
		names = append(names, p.Name)
	}
	return names
}

// Palette is the palette of a setting; system dark or light decides for System.
func Palette(name string, dark bool) *viz.Palette {
	for _, p := range viz.Palettes() {
		if p.Name == name {
			return p
		}
	}
	if dark {
		return viz.Dark
	}
	return viz.Light
}

var current atomic.Pointer[viz.Palette]

// Use makes a palette the one that widgets of ui/parts draw with.
func Use(p *viz.Palette) { current.Store(p) }

// Current is the palette in use, light before Use.
func Current() *viz.Palette {
	if p := current.Load(); p != nil {
		return p
	}
	return viz.Light
}

// Ink is a colour of the palette in use.
func Ink(i viz.Ink) color.NRGBA { return NRGBA(Current().Inks[i]) }

// NRGBA converts a palette's colour.
func NRGBA(c viz.Color) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, 255} }

// Faint is an ink at a share of its opacity.
func Faint(i viz.Ink, share float64) color.NRGBA {
	c := Ink(i)
	c.A = uint8(255*share + 0.5)
	return c
}

// Color implements fyne.Theme.
func (t *Theme) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	p := t.Palette
	ink := func(i viz.Ink) color.Color { return NRGBA(p.Inks[i]) }
	faint := func(i viz.Ink, a uint8) color.Color {
		c := NRGBA(p.Inks[i])
		c.A = a
		return c
	}
	switch name {
	case theme.ColorNameBackground:
		return ink(viz.InkBackground)
	case theme.ColorNameButton: // stands out from cards and from the ground
		return NRGBA(viz.Mix(p.Inks[viz.InkSurface], p.Inks[viz.InkLine], 0.8))
	case theme.ColorNameInputBackground:
		return NRGBA(viz.Mix(p.Inks[viz.InkSurface], p.Inks[viz.InkLine], 0.5))
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground, theme.ColorNameHeaderBackground:
		if p.Dark { // shadows do not show: what floats is lighter
			return NRGBA(viz.Mix(p.Inks[viz.InkSurface], p.Inks[viz.InkLine], 0.45))
		}
		return ink(viz.InkSurface)
	case theme.ColorNameDisabledButton:
		return ink(viz.InkBackground)
	case theme.ColorNameDisabled:
		return faint(viz.InkMuted, 150)
	case theme.ColorNamePlaceHolder:
		return ink(viz.InkMuted)
	case theme.ColorNameForeground:
		return ink(viz.InkText)
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return ink(viz.InkAccent)
	case theme.ColorNameForegroundOnPrimary, theme.ColorNameForegroundOnError, theme.ColorNameForegroundOnSuccess, theme.ColorNameForegroundOnWarning:
		if p.Dark {
			return ink(viz.InkBackground)
		}
		return ink(viz.InkSurface)
	case theme.ColorNameFocus:
		return faint(viz.InkAccent, 60)
	case theme.ColorNameSelection:
		return faint(viz.InkAccent, 70)
	case theme.ColorNameHover:
		return faint(viz.InkText, 16)
	case theme.ColorNamePressed:
		return faint(viz.InkText, 36)
	case theme.ColorNameInputBorder, theme.ColorNameSeparator:
		return ink(viz.InkLine)
	case theme.ColorNameError:
		return ink(viz.InkBad)
	case theme.ColorNameSuccess:
		return ink(viz.InkGood)
	case theme.ColorNameWarning:
		return ink(viz.InkSelected)
	case theme.ColorNameScrollBar:
		return faint(viz.InkMuted, 130)
	case theme.ColorNameScrollBarBackground:
		return color.Transparent
	case theme.ColorNameShadow:
		return color.NRGBA{A: 40}
	}
	return theme.DefaultTheme().Color(name, Variant(p))
}

// Variant is the Fyne variant nearest to a palette.
func Variant(p *viz.Palette) fyne.ThemeVariant {
	if p.Dark {
		return theme.VariantDark
	}
	return theme.VariantLight
}

// Font implements fyne.Theme.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(s) }

// Icon implements fyne.Theme.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource {
	if r := theme.DefaultTheme().Icon(n); r != nil {
		return Icon(r)
	}
	return nil
}

// Icon draws a one-coloured SVG in the ink of text.
func Icon(r fyne.Resource) fyne.Resource { return icon{theme.NewThemedResource(r), Current()} }

// icon is drawn in the palette in use. Fyne keeps what it has drawn by name, and
// widgets draw an icon again when it is another resource: so the name says the
// palette, and icons that were asked for under two palettes differ.
type icon struct {
	*theme.ThemedResource
	asked *viz.Palette
}

// Name implements fyne.Resource.
func (i icon) Name() string { return Current().Name + "_" + i.ThemedResource.Name() }

// Size implements fyne.Theme.
func (t *Theme) Size(name fyne.ThemeSizeName) float32 {
	k := t.Scale
	if k == 0 {
		k = 1
	}
	switch name {
	case theme.SizeNameText:
		return 13 * k
	case theme.SizeNameCaptionText:
		return 11 * k
	case theme.SizeNameSubHeadingText:
		return 15 * k
	case theme.SizeNameHeadingText:
		return 20 * k
	case theme.SizeNamePadding:
		return 4
	case theme.SizeNameInnerPadding:
		return 6
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		return 6
	case theme.SizeNameInlineIcon:
		return 18 * k
	case theme.SizeNameSeparatorThickness, theme.SizeNameInputBorder:
		return 1
	case theme.SizeNameScrollBar:
		return 10
	case theme.SizeNameScrollBarSmall:
		return 4
	}
	return theme.DefaultTheme().Size(name)
}

// TextScale is the scale of the app's theme, for widgets that draw their own text.
func TextScale() float32 {
	if a := fyne.CurrentApp(); a != nil {
		if t, ok := a.Settings().Theme().(*Theme); ok && t.Scale > 0 {
			return t.Scale
		}
	}
	return 1
}
