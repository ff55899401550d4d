package costmodel

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Reuse distances by their definition: walk back to the previous touch and add
// up each other buffer once, with the bytes of its touch nearest to now.
func reuseByDefinition(touches []CacheTouch, periodic bool) []int64 {
	all := touches
	if periodic {
		all = append(append([]CacheTouch(nil), touches...), touches...)
	}
	dist := make([]int64, len(touches))
	for i := range dist {
		now := len(all) - len(touches) + i
		dist[i] = Cold
		seen := map[int]bool{}
		var between int64
		for j := now - 1; j >= 0; j-- {
			if all[j].Buf == all[now].Buf {
				dist[i] = between + max(all[j].Bytes, all[now].Bytes)
				break
			}
			if !seen[all[j].Buf] {
				seen[all[j].Buf] = true
				between += all[j].Bytes
			}
		}
	}
	return dist
}

func TestReuseDistancesAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		buffers := rapid.IntRange(1, 12).Draw(t, "buffers")
		touches := make([]CacheTouch, rapid.IntRange(0, 60).Draw(t, "touches"))
		for i := range touches {
			touches[i] = CacheTouch{rapid.IntRange(0, buffers-1).Draw(t, "buffer"), int64(rapid.IntRange(0, 100).Draw(t, "bytes"))}
		}
		periodic := rapid.Bool().Draw(t, "periodic")
		got, err := ReuseDistances(touches, buffers, periodic)
		if err != nil {
			t.Fatal(err)
		}
		if want := reuseByDefinition(touches, periodic); !cmp.Equal(got, want) {
			t.Fatalf("touches %v, periodic %v:\n got %v\nwant %v", touches, periodic, got, want)
		}
	})
}

// A least-recently-used cache that holds whole buffers of equal size behaves as
// the distances say, to the touch.
func TestCacheHitsAgainstLRU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 10
		slots := rapid.IntRange(1, 6).Draw(t, "slots")
		touches := make([]CacheTouch, rapid.IntRange(1, 80).Draw(t, "touches"))
		for i := range touches {
			touches[i] = CacheTouch{rapid.IntRange(0, 8).Draw(t, "buffer"), size}
		}
		hits, err := CacheHits(touches, 9, false, int64(slots*size))
		if err != nil {
			t.Fatal(err)
		}
		var lru []int // most recent last
		for i, touch := range touches {
			found := -1
			for j, b := range lru {
				if b == touch.Buf {
					found = j
				}
			}
			if hits[i] != (found >= 0) {
				t.Fatalf("touch %d of %v with %d slots: hit %v, the cache holds %v", i, touches, slots, hits[i], lru)
			}
			if found >= 0 {
				lru = append(lru[:found], lru[found+1:]...)
			} else if len(lru) == slots {
				lru = lru[1:]
			}
			lru = append(lru, touch.Buf)
		}
	})
}

func TestReuseDistancesRefusals(t *testing.T) {
	for _, touches := range [][]CacheTouch{{{Buf: 2}}, {{Buf: -1}}, {{Buf: 0, Bytes: -1}}} {
		if _, err := ReuseDistances(touches, 2, false); err == nil {
			t.Errorf("%v accepted", touches)
		}
	}
}

// Scripts: "touches" with one line "buffer bytes" per touch.
func TestCacheScript(t *testing.T) {
	if _, err := os.Stat("testdata/cache"); err != nil {
		t.Fatal(err)
	}
	datadriven.RunTest(t, "testdata/cache", func(t *testing.T, d *datadriven.TestData) string {
		var cache int64
		d.ScanArgs(t, "cache", &cache)
		periodic := d.HasArg("periodic")
		ids := map[string]int{}
		var names []string
		var touches []CacheTouch
		for line := range strings.Lines(d.Input) {
			var name string
			var bytes int64
			if _, err := fmt.Sscan(line, &name, &bytes); err != nil {
				t.Fatal(err)
			}
			if _, ok := ids[name]; !ok {
				ids[name] = len(ids)
			}
			names = append(names, name)
			touches = append(touches, CacheTouch{ids[name], bytes})
		}
		dist, err := ReuseDistances(touches, len(ids), periodic)
		if err != nil {
			return err.Error()
		}
		hits, err := CacheHits(touches, len(ids), periodic, cache)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for i := range touches {
			served := "memory"
			if hits[i] {
				served = "cache"
			}
			fmt.Fprintf(&b, "%s %d %s\n", names[i], dist[i], served)
		}
		return b.String()
	})
}

func BenchmarkReuseDistances(b *testing.B) {
	touches := make([]CacheTouch, 100_000)
	for i := range touches {
		touches[i] = CacheTouch{i * 7919 % 500, 1 << 20}
	}
	for b.Loop() {
		if _, err := ReuseDistances(touches, 500, true); err != nil {
			b.Fatal(err)
		}
	}
}
