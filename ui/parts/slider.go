package parts

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Knob is a named slider over a range that may be logarithmic, with its value
// written beside it. Values are whole multiples of Step.
type Knob struct {
	fyne.CanvasObject
	OnChange func(v float64)
	Format   func(v float64) string

	slider   *widget.Slider
	value    *Text
	name     *Text
	lo, hi   float64
	step     float64
	log      bool
	quiet    bool
	shown    float64
	lastSent float64
}

// knobSteps is the number of positions of a logarithmic slider.
const knobSteps = 400

// NewKnob makes a slider.
func NewKnob(name string, lo, hi, step float64, logarithmic bool, format func(float64) string, change func(float64)) *Knob {
	k := &Knob{OnChange: change, Format: format, log: logarithmic, step: step, lo: lo, hi: hi,
		slider: widget.NewSlider(0, 1), value: NewText("–", Body, viz.InkText).Align(fyne.TextAlignTrailing), name: NewText(name, Body, viz.InkMuted)}
	k.slider.Step = 1.0 / knobSteps
	k.slider.OnChanged = func(at float64) {
		if k.quiet {
			return
		}
		v := k.at(at)
		k.shown = v
		k.value.Set(k.Format(v))
		if v != k.lastSent && k.OnChange != nil {
			k.lastSent = v
			k.OnChange(v)
		}
	}
	k.CanvasObject = Column(0, Row(8, Grow(k.name), k.value), container.NewThemeOverride(k.slider, trackTheme{}))
	return k
}

// at is the value of a slider position.
func (k *Knob) at(x float64) float64 {
	v := k.lo + x*(k.hi-k.lo)
	if k.log && k.lo > 0 {
		v = k.lo * math.Pow(k.hi/k.lo, x)
	}
	step := k.step
	if k.log { // three significant steps in every octave's worth
		step = max(k.step, math.Exp2(math.Floor(math.Log2(max(v, 1)))-6))
	}
	v = math.Round(v/step) * step
	return min(max(v, k.lo), k.hi)
}

func (k *Knob) position(v float64) float64 {
	if k.hi <= k.lo {
		return 0
	}
	v = min(max(v, k.lo), k.hi)
	if k.log && k.lo > 0 {
		return math.Log(v/k.lo) / math.Log(k.hi/k.lo)
	}
	return (v - k.lo) / (k.hi - k.lo)
}

// Put puts the slider at a value without reporting it.
func (k *Knob) Put(v float64) {
	k.quiet = true
	defer func() { k.quiet = false }()
	k.lastSent, k.shown = v, v
	k.value.Set(k.Format(v))
	if at := k.position(v); math.Abs(at-k.slider.Value) > 0.6/knobSteps {
		k.slider.SetValue(at)
	}
}

// Range changes the ends.
func (k *Knob) Range(lo, hi float64) {
	if lo == k.lo && hi == k.hi || hi <= lo {
		return
	}
	k.lo, k.hi = lo, hi
	k.Put(k.shown)
}

// Value is what is shown.
func (k *Knob) Value() float64 { return k.shown }

// Slider is the widget, for tests and focus.
func (k *Knob) Slider() *widget.Slider { return k.slider }

// Unwrap is what layouts hold.
func (k *Knob) Unwrap() fyne.CanvasObject { return k.CanvasObject }
