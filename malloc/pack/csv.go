package pack

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of ReadCSV.
const (
	maxCSVBytes = 256 << 20
	maxCSVRows  = 2_000_000
	maxCSVValue = 1 << 53
	maxCSVSum   = 1 << 60
)

// Table is a problem as a minimalloc CSV file states it, with the file's own
// columns, so that WriteOffsets can give them back.
type Table struct {
	Problem Problem
	Header  []string
	Rows    [][]string
	Of      []int // row → item; rows of one class share it
}

// ReadCSV reads minimalloc's format: a header, then a buffer a line.
//
//	id,lower,upper,size            lifetime [lower, upper), bytes
//	…,alignment                    of the offset, optional
//	…,offset                       fixed offset, optional; empty or negative: free
//	…,gaps                         optional: "3-5 8-9:0-4": over [3,5) nothing is
//	                               occupied, over [8,9) bytes [0,4) of the size
//	…,class                        optional: equal names share one offset
//
// `begin`, `start` and `end` are read as other names of lower and upper. Unknown
// columns are kept and not understood. Errors name line and column.
func ReadCSV(r io.Reader) (*Table, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCSVBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxCSVBytes {
		return nil, fmt.Errorf("larger than %d MiB", maxCSVBytes>>20)
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	c.TrimLeadingSpace = true
	head, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("empty: a header id,lower,upper,size is expected")
	} else if err != nil {
		return nil, err
	}
	t := &Table{Header: head}
	cols, err := columns(head)
	if err != nil {
		return nil, err
	}
	classes := map[string]int{}
	sum := int64(0)
	var members [][]Item
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		if len(t.Rows) == maxCSVRows {
			return nil, fmt.Errorf("line %d: more than %d buffers", line, maxCSVRows)
		}
		it, err := cols.item(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if sum += it.Size; sum > maxCSVSum {
			return nil, fmt.Errorf("line %d: the sizes add up to more than %d bytes", line, int64(maxCSVSum))
		}
		k := len(members)
		if class := cols.text(row, "class"); class != "" {
			if old, ok := classes[class]; ok {
				k = old
			}
			classes[class] = k
		}
		if k == len(members) {
			members = append(members, nil)
		}
		members[k] = append(members[k], it)
		t.Rows, t.Of = append(t.Rows, row), append(t.Of, k)
	}
	if len(t.Rows) == 0 {
		return nil, errors.New("a header and no buffers")
	}
	for k, ms := range members {
		it := ms[0]
		if len(ms) > 1 {
			if it, err = Alias(ms...); err != nil {
				row := 0
				for t.Of[row] != k {
					row++
				}
				return nil, fmt.Errorf("class %q: %w", cols.text(t.Rows[row], "class"), err)
			}
		}
		t.Problem.Items = append(t.Problem.Items, it)
	}
	return t, t.Problem.Validate()
}

type columnSet map[string]int

func columns(head []string) (columnSet, error) {
	other := map[string]string{"begin": "lower", "start": "lower", "end": "upper", "bytes": "size"}
	cols := columnSet{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if o, ok := other[name]; ok {
			name = o
		}
		if _, ok := cols[name]; ok {
			return nil, fmt.Errorf("line 1: column %q appears twice", name)
		}
		cols[name] = i
	}
	for _, name := range []string{"lower", "upper", "size"} {
		if _, ok := cols[name]; !ok {
			return nil, fmt.Errorf("line 1: no column %q in %q; expected id,lower,upper,size and optionally alignment,offset,gaps,class", name, strings.Join(head, ","))
		}
	}
	return cols, nil
}

func (c columnSet) text(row []string, name string) string {
	if i, ok := c[name]; ok {
		return strings.TrimSpace(row[i])
	}
	return ""
}

func (c columnSet) number(row []string, name string, least int64) (int64, error) {
	return number(name, c.text(row, name), least)
}

func number(name, text string, least int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > maxCSVValue {
		return 0, fmt.Errorf("%s %q: an integer from %d to %d is expected", name, text, least, int64(maxCSVValue))
	}
	return n, nil
}

func (c columnSet) item(row []string) (Item, error) {
	it := Item{Pin: -1}
	from, err := c.number(row, "lower", 0)
	if err != nil {
		return it, err
	}
	to, err := c.number(row, "upper", 0)
	if err != nil {
		return it, err
	}
	if to <= from {
		return it, fmt.Errorf("upper %d: more than lower %d is expected", to, from)
	}
	it.Spans = []Span{{int(from), int(to)}}
	if it.Size, err = c.number(row, "size", 0); err != nil {
		return it, err
	}
	if c.text(row, "alignment") != "" {
		if it.Align, err = c.number(row, "alignment", 1); err != nil {
			return it, err
		}
	}
	if s := c.text(row, "offset"); s != "" && !strings.HasPrefix(s, "-") {
		if it.Pin, err = c.number(row, "offset", 0); err != nil {
			return it, err
		}
		if it.Align > 1 && it.Pin%it.Align != 0 {
			return it, fmt.Errorf("offset %d: a multiple of the alignment %d is expected", it.Pin, it.Align)
		}
	}
	for _, gap := range strings.Fields(c.text(row, "gaps")) {
		w, err := window(gap)
		if err != nil {
			return it, err
		}
		it.Windows = append(it.Windows, w)
	}
	return it, nil
}

// window reads "3-5" or "3-5:0-4".
func window(text string) (w Window, err error) {
	times, bytes, some := strings.Cut(text, ":")
	from, to, ok := strings.Cut(times, "-")
	bad := fmt.Errorf("gaps %q: FROM-TO or FROM-TO:LOW-HIGH is expected", text)
	if !ok {
		return w, bad
	}
	s, err1 := number("gaps", from, 0)
	e, err2 := number("gaps", to, 0)
	if err1 != nil || err2 != nil {
		return w, bad
	}
	w.Start, w.End = int(s), int(e)
	if some {
		lo, hi, ok := strings.Cut(bytes, "-")
		if !ok {
			return w, bad
		}
		w.Lo, err1 = number("gaps", lo, 0)
		w.Hi, err2 = number("gaps", hi, 0)
		if err1 != nil || err2 != nil {
			return w, bad
		}
	}
	return w, nil
}

// WriteOffsets writes the table with its column offset filled, added if there was
// none.
func (t *Table) WriteOffsets(w io.Writer, offsets []int64) error {
	c := csv.NewWriter(w)
	at := -1
	for i, name := range t.Header {
		if strings.EqualFold(strings.TrimSpace(name), "offset") {
			at = i
		}
	}
	row := append([]string(nil), t.Header...)
	if at < 0 {
		at = len(row)
		row = append(row, "offset")
	}
	if err := c.Write(row); err != nil {
		return err
	}
	for i, cells := range t.Rows {
		row = append(row[:0], cells...)
		if at == len(row) {
			row = append(row, "")
		}
		row[at] = strconv.FormatInt(offsets[t.Of[i]], 10)
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
