package uibench

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"fyne.io/fyne/v2"
)

// plants are faults by name: what each does after a burst of events.
var plants = map[string]func() func(){
	"": func() func() { return func() {} },
	"leak": func() func() { // something that every burst keeps
		var kept [][]byte
		return func() { kept = append(kept, make([]byte, 256<<10)) }
	},
	"stall": func() func() { // work that belongs on another goroutine
		return func() {
			fyne.Do(func() {
				for end := time.Now().Add(2 * LimitFrameMS * time.Millisecond); time.Now().Before(end); {
				}
			})
		}
	},
	"wake": func() func() { // a ticker that nobody stopped, and then the next
		return func() {
			go func() {
				for range time.Tick(time.Millisecond) {
				}
			}()
		}
	},
}

// Plants are the names of the faults that can be planted.
func Plants() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(plants)), func(s string) bool { return s == "" })
}

func planted(name string) (func(), error) {
	p, ok := plants[name]
	if !ok {
		return nil, fmt.Errorf("soak: no fault %q can be planted: %q", name, Plants())
	}
	return p(), nil
}
