package tokenizer

import "fmt"

// encoder merges the bytes of words into tokens; its slices are reused.
type encoder struct {
	t     *Tokenizer
	out   []int32
	parts []part
	queue pairQueue
}

// part is a symbol of the word, in a doubly linked list.
type part struct {
	symbol     int32 // -1: merged into its left neighbour
	prev, next int32
}

// pair is a possible merge of two neighbours, remembered with their symbols so
// that it can be seen to be out of date.
type pair struct {
	rank        int32
	left        int32
	a, b, joint int32
}

// pairQueue is a binary heap: best rank first, then leftmost. It is written out
// because container/heap allocates for every pair.
type pairQueue []pair

func (q pairQueue) before(i, j int) bool {
	if q[i].rank != q[j].rank {
		return q[i].rank < q[j].rank
	}
	return q[i].left < q[j].left
}

func (q *pairQueue) push(p pair) {
	*q = append(*q, p)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.before(i, up) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *pairQueue) pop() pair {
	h := *q
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h.before(down+1, down) {
			down++
		}
		if !h.before(down, i) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	*q = h
	return first
}

// segment appends the tokens of all words of a segment.
func (e *encoder) segment(text string) error {
	for text != "" {
		n := e.t.rule.split(text)
		if err := e.word(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// word appends the tokens of one word, in O(n log n) of its bytes.
func (e *encoder) word(w string) error {
	t := e.t
	if t.rule.wholeWords {
		if id, ok := t.symbols[w]; ok && int(id) < len(t.pieces) {
			e.out = append(e.out, id)
			return nil
		}
	}
	e.parts, e.queue = e.parts[:0], e.queue[:0]
	for i := range len(w) {
		s := t.bytes[w[i]]
		if s < 0 {
			return fmt.Errorf("byte 0x%02X: %w", w[i], errNoByte)
		}
		e.parts = append(e.parts, part{s, int32(i - 1), int32(i + 1)})
	}
	for i := range len(w) - 1 {
		e.consider(int32(i))
	}
	for len(e.queue) > 0 {
		p := e.queue.pop()
		left := &e.parts[p.left]
		if left.symbol != p.a || int(left.next) >= len(e.parts) || e.parts[left.next].symbol != p.b {
			continue
		}
		right := &e.parts[left.next]
		left.symbol, right.symbol = p.joint, -1
		left.next = right.next
		if int(right.next) < len(e.parts) {
			e.parts[right.next].prev = p.left
		}
		e.consider(p.left)
		if left.prev >= 0 {
			e.consider(left.prev)
		}
	}
	for i := int32(0); int(i) < len(e.parts); i = e.parts[i].next {
		e.emit(e.parts[i].symbol)
	}
	return nil
}

// consider queues the merge of a part with its right neighbour, if there is one.
func (e *encoder) consider(left int32) {
	l := &e.parts[left]
	if int(l.next) >= len(e.parts) {
		return
	}
	a, b := l.symbol, e.parts[l.next].symbol
	if m, ok := e.t.merges[[2]int32{a, b}]; ok {
		e.queue.push(pair{m.rank, left, a, b, m.symbol})
	}
}

// emit appends a symbol; one that is no token falls apart into its bytes, which
// all have tokens since the word was made of them.
func (e *encoder) emit(symbol int32) {
	if int(symbol) < len(e.t.pieces) {
		e.out = append(e.out, symbol)
		return
	}
	for _, b := range e.t.texts[int(symbol)-len(e.t.pieces)] {
		e.out = append(e.out, e.t.bytes[b])
	}
}
