package workflow

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"strata/malloc/pack"
)

// PackOptions say how a file of buffers is packed.
type PackOptions struct {
	Capacity int64 // bytes; 0: as low as possible
	Time     time.Duration
	Threads  int
	Seed     uint64
	Off      pack.Rules
}

// PackResult is a packing with what is known of it.
type PackResult struct {
	File          string  `json:"file"`
	Status        string  `json:"status"` // solved, infeasible, unknown
	Buffers       int     `json:"buffers"`
	CapacityBytes int64   `json:"capacity"` // 0: as low as possible
	Peak          int64   `json:"peak"`     // of the best packing found, 0: none exists
	Bound         int64   `json:"bound"`    // no packing is lower
	Load          int64   `json:"load"`     // most bytes live at one time
	Optimal       bool    `json:"optimal"`
	By            string  `json:"by"`
	SearchS       float64 `json:"search_s"`
	Nodes         int64   `json:"nodes"`
	Failures      int64   `json:"failures"`
	Runs          int     `json:"runs"`
	Seed          uint64  `json:"seed"`
	Threads       int     `json:"threads"`

	table   *pack.Table
	offsets []int64
}

// OpenPacking reads buffers from a CSV file.
func OpenPacking(path string) (*pack.Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bad(err)
	}
	defer f.Close()
	t, err := pack.ReadCSV(f)
	if err != nil {
		return nil, Badf("%s: %w", path, err)
	}
	return t, nil
}

// Pack gives the buffers of a CSV file offsets. A time limit is no error: the
// status says what is known then.
func Pack(ctx context.Context, path string, o PackOptions, progress Progress) (*PackResult, error) {
	t, err := OpenPacking(path)
	if err != nil {
		return nil, err
	}
	if o.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Time)
		defer cancel()
	}
	began := time.Now()
	po := pack.Options{Off: o.Off, Seed: o.Seed, Threads: max(o.Threads, 1)}
	if progress != nil {
		po.Progress = func(peak, bound int64) {
			progress(fmt.Sprintf("packing: %d bytes, bound %d", peak, bound), time.Since(began).Milliseconds(), o.Time.Milliseconds())
		}
	}
	p := t.Problem
	p.Capacity = o.Capacity
	var a *pack.Answer
	if o.Capacity > 0 {
		a, err = pack.Solve(ctx, &p, po)
	} else {
		a, err = pack.Minimize(ctx, &p, po)
	}
	if err != nil {
		return nil, err
	}
	if a.Status == pack.Solved {
		if err := pack.Check(&p, a.Offsets); err != nil {
			return nil, err
		}
	}
	return &PackResult{File: path, Status: a.Status.String(), Buffers: len(t.Rows), CapacityBytes: o.Capacity, Peak: a.Peak, Bound: a.Bound, Load: pack.Load(&p),
		Optimal: a.Offsets != nil && a.Peak == a.Bound, By: a.By, SearchS: time.Since(began).Seconds(), Nodes: a.Nodes, Failures: a.Failures, Runs: a.Runs,
		Seed: o.Seed, Threads: po.Threads, table: t, offsets: a.Offsets}, nil
}

// WriteCSV writes the file's rows with the column offset.
func (r *PackResult) WriteCSV(w io.Writer) error { return r.table.WriteOffsets(w, r.offsets) }
