package costmodel

import "fmt"

// CacheTouch is one access of a schedule to a buffer: Bytes of it pass by.
type CacheTouch struct {
	Buf   int
	Bytes int64
}

// Cold is the reuse distance of a buffer's first touch.
const Cold int64 = -1

// ReuseDistances returns, for each touch, how many distinct bytes were touched
// since the previous touch of the same buffer, the buffer itself included (Cold
// when there was none): a least-recently-used cache of at least that many bytes
// still holds it. A buffer counts with the bytes of its latest touch. Bytes of
// the touch itself that go beyond what the previous touch brought count too,
// so a buffer larger than the cache never hits.
//
// With periodic, the touches are the body of a loop in its steady state: the
// touch before the first is the last, one iteration earlier, and no touch is
// cold.
//
// The method is Olken's (Bennett and Kruskal 1975): a Fenwick tree over
// positions holds each buffer's bytes at its latest touch, so a distance is a
// range sum; O(n log n) time, O(n + buffers) memory. Buf must be 0 to buffers-1.
func ReuseDistances(touches []CacheTouch, buffers int, periodic bool) ([]int64, error) {
	for i, t := range touches {
		if t.Buf < 0 || t.Buf >= buffers || t.Bytes < 0 {
			return nil, fmt.Errorf("touch %d: buffer %d of %d, %d bytes", i, t.Buf, buffers, t.Bytes)
		}
	}
	n := len(touches)
	rounds := 1
	if periodic {
		rounds = 2 // the first round only warms up
	}
	var (
		tree = make([]int64, rounds*n+1)
		last = make([]int, buffers) // 1-based position of the latest touch; 0: none
		dist = make([]int64, n)
		live int64 // sum of the tree
	)
	add := func(at int, bytes int64) {
		live += bytes
		for ; at < len(tree); at += at & -at {
			tree[at] += bytes
		}
	}
	upTo := func(at int) (sum int64) {
		for ; at > 0; at -= at & -at {
			sum += tree[at]
		}
		return sum
	}
	for round := range rounds {
		for i, t := range touches {
			at := round*n + i + 1
			d := Cold
			if prev := last[t.Buf]; prev != 0 {
				size := touches[(prev-1)%n].Bytes
				d = live - upTo(prev) + max(size, t.Bytes)
				add(prev, -size)
			}
			dist[i] = d
			last[t.Buf] = at
			add(at, t.Bytes)
		}
	}
	return dist, nil
}

// CacheHits tells for each touch whether a cache of that many bytes serves it:
// its reuse distance is not cold and at most cacheBytes.
func CacheHits(touches []CacheTouch, buffers int, periodic bool, cacheBytes int64) ([]bool, error) {
	dist, err := ReuseDistances(touches, buffers, periodic)
	if err != nil {
		return nil, err
	}
	hits := make([]bool, len(dist))
	for i, d := range dist {
		hits[i] = d != Cold && d <= cacheBytes
	}
	return hits, nil
}
