package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"strata/ui/command"
)

// stroke is a parsed key of a command: a key with modifiers, a key alone, or a
// character.
type stroke struct {
	key  fyne.KeyName
	mod  fyne.KeyModifier
	rune rune
}

// parseKey reads "Ctrl+Shift+P", "F5", "/".
func parseKey(s string) stroke {
	var k stroke
	for {
		head, rest, ok := strings.Cut(s, "+")
		if !ok || head == "" || rest == "" {
			break
		}
		switch head {
		case "Ctrl":
			k.mod |= fyne.KeyModifierShortcutDefault
		case "Shift":
			k.mod |= fyne.KeyModifierShift
		case "Alt":
			k.mod |= fyne.KeyModifierAlt
		default:
			return k
		}
		s = rest
	}
	switch {
	case s == "Plus":
		k.key = fyne.KeyEqual
	case s == "Minus":
		k.key = fyne.KeyMinus
	case s == "PageUp": // Fyne's names are those of X11
		k.key = fyne.KeyPageUp
	case s == "PageDown":
		k.key = fyne.KeyPageDown
	case len(s) == 1 && k.mod == 0 && !(s[0] >= 'A' && s[0] <= 'Z') && !(s[0] >= '0' && s[0] <= '9'):
		k.rune = rune(s[0])
	default:
		k.key = fyne.KeyName(s)
	}
	return k
}

// shortcut is how Fyne reports a stroke: Ctrl+Z, Ctrl+Y and Ctrl+A have names of
// their own.
func (k stroke) shortcut() fyne.Shortcut {
	if k.mod == fyne.KeyModifierShortcutDefault {
		switch k.key {
		case fyne.KeyZ:
			return &fyne.ShortcutUndo{}
		case fyne.KeyY:
			return &fyne.ShortcutRedo{}
		case fyne.KeyA:
			return &fyne.ShortcutSelectAll{}
		}
	}
	return &desktop.CustomShortcut{KeyName: k.key, Modifier: k.mod}
}

// keys connects the canvas with the table. Letters act only while nothing that
// takes text has the focus: Fyne sends those keys to it instead.
func (w *Window) keys() {
	c := w.win.Canvas()
	c.SetOnTypedKey(w.typedKey)
	c.SetOnTypedRune(w.typedRune)
	for i := range w.commands {
		for _, text := range w.commands[i].Keys {
			if k := parseKey(text); k.mod != 0 && k.key != "" {
				// Several views may use one stroke: whose it is decides when it is pressed.
				c.AddShortcut(k.shortcut(), func(fyne.Shortcut) {
					w.typed(func(other stroke) bool { return other == k })
				})
			}
		}
	}
}

func (w *Window) press(c *command.Command) {
	if (c.View == "" || w.shown != nil && w.shown.ID() == c.View) && c.Can() {
		c.Run()
	}
}

// typedKey runs the command of a key alone or with Shift, which Fyne reports as
// the key, not as a shortcut.
func (w *Window) typedKey(e *fyne.KeyEvent) {
	shift := w.held() & fyne.KeyModifierShift
	w.typed(func(k stroke) bool { return k.mod == shift && k.key != "" && k.key == e.Name })
}

// heldKeys are the modifiers that are held down.
func heldKeys() fyne.KeyModifier {
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers()
	}
	return 0
}

func (w *Window) typedRune(r rune) {
	w.typed(func(k stroke) bool { return k.rune != 0 && k.rune == r })
}

// typed runs the command of a key, the shown view's before the window's.
func (w *Window) typed(match func(stroke) bool) {
	var found *command.Command
	for i := range w.commands {
		c := &w.commands[i]
		if c.View != "" && (w.shown == nil || c.View != w.shown.ID()) {
			continue
		}
		for _, text := range c.Keys {
			if match(parseKey(text)) && c.Can() && (found == nil || found.View == "" && c.View != "") {
				found = c
			}
		}
	}
	if found != nil {
		found.Run()
	}
}
