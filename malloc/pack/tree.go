package pack

// tree is a segment tree over the elementary intervals of time. An item is
// listed at the O(log n) nodes that make up each of its spans; a query walks to
// the nodes of its own span and reports what is listed on the way and below.
type tree struct {
	leaves int
	head   []int32 // per node: newest entry, -1 none
	below  []int32 // per node: entries at it and below
	next   []int32 // per entry
	item   []int32
	seen   []int32 // per item: stamp of the query that reported it
	stamp  int32
}

func (t *tree) init(times, items int) {
	t.leaves = 1
	for t.leaves < times {
		t.leaves *= 2
	}
	t.head = make([]int32, 2*t.leaves)
	t.below = make([]int32, 2*t.leaves)
	t.seen = make([]int32, items)
	t.clear()
}

func (t *tree) clear() {
	for i := range t.head {
		t.head[i] = -1
	}
	clear(t.below)
	t.next, t.item = t.next[:0], t.item[:0]
}

func (t *tree) add(node int, item int32) {
	t.item = append(t.item, item)
	t.next = append(t.next, t.head[node])
	t.head[node] = int32(len(t.item) - 1)
	for n := node; n > 0; n /= 2 {
		t.below[n]++
	}
}

func (t *tree) insert(s, e int, item int32) {
	for l, r := s+t.leaves, e+t.leaves; l < r; l, r = l/2, r/2 {
		if l&1 == 1 {
			t.add(l, item)
			l++
		}
		if r&1 == 1 {
			r--
			t.add(r, item)
		}
	}
}

// query appends the items that overlap [s, e), each once per stamp.
func (t *tree) query(s, e int, dst []int32) []int32 {
	// what is listed on the way down to the span's own nodes covers them whole
	for n := (s + t.leaves) / 2; n > 0; n /= 2 {
		dst = t.at(n, dst)
	}
	for n := (e - 1 + t.leaves) / 2; n > 0; n /= 2 {
		dst = t.at(n, dst)
	}
	for l, r := s+t.leaves, e+t.leaves; l < r; l, r = l/2, r/2 {
		if l&1 == 1 {
			dst = t.under(l, dst)
			l++
		}
		if r&1 == 1 {
			r--
			dst = t.under(r, dst)
		}
	}
	return dst
}

func (t *tree) at(node int, dst []int32) []int32 {
	for k := t.head[node]; k >= 0; k = t.next[k] {
		if i := t.item[k]; t.seen[i] != t.stamp {
			t.seen[i] = t.stamp
			dst = append(dst, i)
		}
	}
	return dst
}

func (t *tree) under(node int, dst []int32) []int32 {
	if t.below[node] == 0 {
		return dst
	}
	dst = t.at(node, dst)
	if node < t.leaves {
		dst = t.under(2*node, dst)
		dst = t.under(2*node+1, dst)
	}
	return dst
}
