package uibench

import (
	"testing"

	"strata/ui/widgets"
)

// TestSoakSeesALeak measures the heap around a planted leak as the soak does.
func TestSoakSeesALeak(t *testing.T) {
	for _, c := range []struct {
		plant string
		leaks bool
	}{{"", false}, {"leak", true}} {
		p, err := planted(c.plant)
		if err != nil {
			t.Fatal(err)
		}
		warm := heap()
		for range int(float64(warm)*2*LimitGrowth)/(256<<10) + 4 {
			p()
		}
		r := &SoakResult{WarmHeap: warm, EndHeap: heap()}
		if r.Pass() == c.leaks {
			t.Errorf("plant %q: heap %.1f → %.1f MiB, %+.1f %%, passes: %v", c.plant, mib(r.WarmHeap), mib(r.EndHeap), 100*r.Growth(), r.Pass())
		}
		p() // keeps what it holds alive until here
	}
	if _, err := planted("weeds"); err == nil {
		t.Error("an unknown fault was planted")
	}
}

// TestSoakLimits misses each limit alone.
func TestSoakLimits(t *testing.T) {
	good := SoakResult{WarmHeap: 100, EndHeap: 109, IdleShare: LimitIdle, Frames: widgets.Frames{Max: LimitFrameMS}}
	if !good.Pass() {
		t.Errorf("%+v fails", good)
	}
	for name, change := range map[string]func(r *SoakResult){
		"heap":  func(r *SoakResult) { r.EndHeap = 112 },
		"frame": func(r *SoakResult) { r.Frames.Max = LimitFrameMS + 1 },
		"idle":  func(r *SoakResult) { r.IdleShare = LimitIdle + 0.01 },
	} {
		bad := good
		if change(&bad); bad.Pass() {
			t.Errorf("%s: %+v passes", name, bad)
		}
	}
}
