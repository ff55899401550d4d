package model

import "fmt"

// KVConfig is what the size of a KV cache depends on besides the model.
//
// The two rules in use differ in rounding only. The engine's own caches are
// exact (Padding 1). llama.cpp (llama-context.cpp, llama-kv-cache-iswa.cpp)
// rounds the cells of every cache up to a multiple of 256 (Padding 256):
//
//   - split caches (Unified false): every sequence has ⌈Context/Sequences⌉ cells
//     of its own; a layer with a sliding window keeps min(those, window + ubatch)
//     cells for every sequence;
//   - one cache for all sequences (Unified true): Context cells in all; a layer
//     with a window keeps min(Context, window·Sequences + ubatch).
//
// The micro-batch is added because all its positions are written before any of
// them is attended from, and the first of them still looks a window back.
type KVConfig struct {
	Context   int64 // positions of all sequences together
	Sequences int64 // 0 counts as 1
	Ubatch    int64
	Unified   bool
	Padding   int64 // cells are rounded up to it; 0 counts as 1
	FullSWA   bool  // windows are ignored (llama.cpp's --swa-full)
}

// LlamaCppPadding is the rounding of llama.cpp's caches.
const LlamaCppPadding = 256

// RowBytes is what one layer keeps of one position.
func (r KVRow) RowBytes() (int64, error) {
	k, err := r.KType.RowBytes(r.KCols)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	v, err := r.VType.RowBytes(r.VCols)
	if err != nil {
		return 0, fmt.Errorf("values: %w", err)
	}
	return k + v, nil
}

// Cells is the number of positions a layer with a sliding window of window
// positions (0: full context) has room for, over all sequences.
func (c KVConfig) Cells(window int64) (int64, error) {
	seqs, pad := max(c.Sequences, 1), max(c.Padding, 1)
	if c.Context < 0 || c.Ubatch < 0 || c.Context > 1<<40 || c.Ubatch > 1<<40 || seqs > 1<<20 || pad > 1<<20 || window < 0 || window > 1<<40 {
		return 0, fmt.Errorf("context %d, micro-batch %d, %d sequences, window %d: out of range", c.Context, c.Ubatch, seqs, window)
	}
	streams, windowSeqs, cells := seqs, int64(1), ceilTo(ceilDiv(c.Context, seqs), pad)
	if c.Unified {
		streams, windowSeqs, cells = 1, seqs, ceilTo(c.Context, pad)
	}
	if window > 0 && !c.FullSWA {
		cells = ceilTo(min(cells, window*windowSeqs+c.Ubatch), pad)
	}
	return cells * streams, nil
}

// KVBytes gives the size of every layer's cache, indexed by layer, and their
// sum.
func (g *Graph) KVBytes(c KVConfig) (layers []int64, total int64, err error) {
	layers = make([]int64, g.Hyper.Layers)
	for i := range g.Tensors {
		t := &g.Tensors[i]
		if t.Role != RoleKV {
			continue
		}
		cells, err := c.Cells(t.Window)
		if err != nil {
			return nil, 0, err
		}
		row, err := t.KV.RowBytes()
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", t.Name, err)
		}
		n, err := mulBytes(cells, row)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", t.Name, err)
		}
		layers[t.Layer] += n
		if total += n; total > 1<<62 {
			return nil, 0, fmt.Errorf("%s: KV cache is beyond 2^62 bytes", t.Name)
		}
	}
	return layers, total, nil
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func ceilTo(a, b int64) int64 { return ceilDiv(a, b) * b }
