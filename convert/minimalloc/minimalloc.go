// Package minimalloc reads packing problems in the CSV form of google/minimalloc
// (id,lower,upper,size: buffers live over half-open intervals), and the same with
// other column names.
//
// Lifetimes are fixed, so nothing is decided but offsets: every buffer's home
// is the limited tier itself, where it has one block from its definition to its last
// touch. Times are the moments at which something begins or ends; an
// instruction takes the time until the next one, as seconds. Since the rules
// place home blocks in index order by best fit, buffers are listed by size times duration,
// largest first; names keep the file's ids.
package minimalloc

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"strata/convert"
	"strata/malloc"
	"strata/malloc/pack"
)

type buffer struct {
	id           string
	lower, upper int64
	size         int64
}

// columns by the names they go by.
var columns = map[string]int{
	"id": 0, "buffer": 0, "buffer_id": 0, "lower": 1, "start": 1, "begin": 1, "upper": 2, "size": 3, "bytes": 3,
}

// Tier is the name of the tier that is packed.
const Tier = "memory"

// Read converts a packing problem. The tier's capacity is what best fit in index
// order needs, unless the caller sets another.
func Read(data []byte) (*convert.Schedule, error) {
	list, err := parse(data)
	if err != nil {
		return nil, err
	}
	return schedule(list)
}

func parse(data []byte) ([]buffer, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment = '#'
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: %w: a header such as id,lower,upper,size is expected", err)
	}
	at := [4]int{-1, -1, -1, -1}
	for i, name := range header {
		if c, ok := columns[strings.ToLower(strings.TrimSpace(name))]; ok && at[c] < 0 {
			at[c] = i
		}
	}
	for c, name := range []string{"id", "lower", "upper", "size"} {
		if at[c] < 0 {
			return nil, fmt.Errorf("line 1: no column %q in %q", name, header)
		}
	}
	var list []buffer
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		b := buffer{id: record[at[0]]}
		for c, to := range []*int64{nil, &b.lower, &b.upper, &b.size} {
			if to == nil {
				continue
			}
			v, err := strconv.ParseInt(strings.TrimSpace(record[at[c]]), 10, 64)
			if err != nil || v < 0 || v > malloc.MaxSizeBytes {
				return nil, fmt.Errorf("line %d, column %s: %q, a whole number from 0 to 2^53-1 is expected", line, header[at[c]], record[at[c]])
			}
			*to = v
		}
		if b.upper <= b.lower {
			return nil, fmt.Errorf("line %d: buffer %q lives over [%d, %d): the end must lie after the start", line, b.id, b.lower, b.upper)
		}
		if list = append(list, b); len(list) > malloc.MaxTouches/2 {
			return nil, fmt.Errorf("line %d: more than %d buffers", line, malloc.MaxTouches/2)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no buffers after the header")
	}
	return list, nil
}

func schedule(list []buffer) (*convert.Schedule, error) {
	// Moments: first and last instants of lives. Between two of them nothing changes.
	moments := make([]int64, 0, 2*len(list))
	for _, b := range list {
		moments = append(moments, b.lower, b.upper)
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	if len(moments)-1 > malloc.MaxInstructions {
		return nil, fmt.Errorf("%d moments at which buffers begin or end, at most %d are possible", len(moments)-1, malloc.MaxInstructions)
	}
	slices.SortStableFunc(list, func(a, b buffer) int {
		return cmp.Compare(float64(b.size)*float64(b.upper-b.lower), float64(a.size)*float64(a.upper-a.lower))
	})
	s := &convert.Schedule{Source: malloc.Source{Converter: "minimalloc csv"}, Steps: make([]convert.Step, len(moments)-1), Notes: []string{
		"packing only: lifetimes are fixed and nothing is copied", "buffers are listed by size times duration"}}
	for i := range s.Steps {
		s.Steps[i] = convert.Step{Name: strconv.FormatInt(moments[i], 10), Op: "live", ComputeS: float64(moments[i+1] - moments[i])}
	}
	problem := &pack.Problem{}
	for i, b := range list {
		s.Values = append(s.Values, convert.Value{Name: b.id, Bytes: b.size, Kind: malloc.KindActivation})
		first, _ := slices.BinarySearch(moments, b.lower)
		end, _ := slices.BinarySearch(moments, b.upper)
		s.Steps[first].Writes = append(s.Steps[first].Writes, malloc.Operand{Buf: i})
		if end-1 > first {
			s.Steps[end-1].Reads = append(s.Steps[end-1].Reads, malloc.Operand{Buf: i})
		}
		problem.Items = append(problem.Items, pack.Item{Spans: []pack.Span{{Start: first, End: end}}, Size: b.size, Align: 1, Pin: -1})
	}
	capacity, err := peak(problem)
	if err != nil {
		return nil, err
	}
	s.Machine = &convert.Machine{Overlap: "idle_bw", Home: 0, ParamHome: 0,
		Tiers: []malloc.Tier{{ID: 0, Name: Tier, Capacity: capacity, ReadBW: 1, WriteBW: 1, Align: 1},
			{ID: 1, Name: "unused", Capacity: malloc.Unlimited, ReadBW: 1, WriteBW: 1, Align: 1}},
		Executors: []malloc.Executor{{Name: "schedule", Access: []malloc.Access{{Tier: 0, ReadBW: 1, WriteBW: 1}}}}}
	return s, nil
}

// peak is what placing in index order by best fit needs, so that every solver
// has a place to start from; a better packing is theirs to find.
func peak(p *pack.Problem) (int64, error) {
	order := make([]int, len(p.Items))
	for i := range order {
		order[i] = i
	}
	r, err := pack.Pack(p, order, pack.BestFit)
	if err != nil {
		return 0, err
	}
	if r.Peak > malloc.MaxSizeBytes {
		return 0, fmt.Errorf("the buffers need %d bytes, more than 2^53-1", r.Peak)
	}
	return r.Peak, nil
}
