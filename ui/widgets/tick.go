package widgets

import (
	"time"

	"fyne.io/fyne/v2"
)

// EachTick calls f on the window's goroutine at every tick of its loop (60 a
// second), after the tick's input and before its painting, until stop is called.
// From one call to the next lies what the window does before it can answer again.
func EachTick(f func()) (stop func()) {
	a := fyne.NewAnimation(time.Hour, func(float32) { f() })
	a.RepeatCount = fyne.AnimationRepeatForever
	fyne.DoAndWait(a.Start)
	return func() { fyne.Do(a.Stop) }
}
