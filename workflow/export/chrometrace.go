package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"strata/malloc"
	"strata/trace"
)

// WriteChromeTrace streams runs in the Chrome trace event format, which
// Perfetto and chrome://tracing load: each run is a process, each lane a
// thread, each slice a complete event, the bytes of each tier a counter. Times
// are microseconds. p names slices that carry no name; it may be nil, as may
// runs.
func WriteChromeTrace(out io.Writer, p *malloc.Program, runs ...*trace.Timeline) error {
	w := &traceWriter{b: bufio.NewWriterSize(out, 1<<16)}
	w.b.WriteString(`{"displayTimeUnit":"ms","traceEvents":[`)
	for i, r := range runs {
		if r == nil {
			continue
		}
		pid := i + 1
		name := r.Source
		if r.Name != "" {
			name += ": " + r.Name
		}
		w.meta(pid, 0, "process_name", `"name":`+quote(name))
		w.meta(pid, 0, "process_sort_index", `"sort_index":`+strconv.Itoa(i))
		for k := range r.Lanes {
			l := &r.Lanes[k]
			tid := k + 1
			label := l.Name
			if label == "" {
				label = fmt.Sprintf("%s %d", l.Kind, l.ID)
			}
			w.meta(pid, tid, "thread_name", `"name":`+quote(label))
			w.meta(pid, tid, "thread_sort_index", `"sort_index":`+strconv.Itoa(k))
			for s := range l.Slices {
				w.slice(pid, tid, &l.Slices[s], "compute", p)
			}
		}
		if len(r.Omitted) > 0 {
			w.meta(pid, 0, "thread_name", `"name":"iterations not recorded"`)
		}
		for _, o := range r.Omitted {
			name := fmt.Sprintf("iterations %d to %d", o.FromIteration, o.ToIteration)
			w.slice(pid, 0, &trace.Slice{Iteration: -1, StartS: o.StartS, EndS: o.EndS, Name: name}, "omitted", nil)
		}
		for k := range r.Tiers {
			w.counter(pid, &r.Tiers[k])
		}
	}
	w.b.WriteString("\n]")
	w.totals(runs)
	w.b.WriteString("}\n")
	return w.b.Flush() // bufio keeps the first error
}

// traceWriter writes events; the first is not preceded by a comma.
type traceWriter struct {
	b     *bufio.Writer
	begun bool
	num   [32]byte
}

func (w *traceWriter) next() {
	if w.begun {
		w.b.WriteByte(',')
	}
	w.begun = true
	w.b.WriteByte('\n')
}

func (w *traceWriter) meta(pid, tid int, name, args string) {
	w.next()
	fmt.Fprintf(w.b, `{"ph":"M","pid":%d,"tid":%d,"name":"%s","args":{%s}}`, pid, tid, name, args)
}

// micros writes seconds as microseconds, to a thousandth.
func (w *traceWriter) micros(s float64) {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		s = 0
	}
	w.b.Write(strconv.AppendFloat(w.num[:0], s*1e6, 'f', 3, 64))
}

func (w *traceWriter) slice(pid, tid int, s *trace.Slice, category string, p *malloc.Program) {
	name := s.Name
	switch s.Kind {
	case trace.Transfer:
		category = "transfer"
	case trace.Wait:
		category = "wait"
		if name != "" {
			name = "wait: " + name
		}
	default:
		if name == "" && p != nil && s.Ref >= 0 && int(s.Ref) < len(p.Instructions) {
			name = p.Instructions[s.Ref].Name
		}
	}
	if name == "" {
		name = category
	}
	w.next()
	fmt.Fprintf(w.b, `{"ph":"X","pid":%d,"tid":%d,"cat":"%s","name":%s,"ts":`, pid, tid, category, quote(name))
	w.micros(s.StartS)
	w.b.WriteString(`,"dur":`)
	w.micros(max(s.EndS-s.StartS, 0))
	fmt.Fprintf(w.b, `,"args":{"ref":%d`, s.Ref)
	if s.Iteration >= 0 {
		fmt.Fprintf(w.b, `,"iteration":%d`, s.Iteration)
	}
	if s.Bytes > 0 {
		fmt.Fprintf(w.b, `,"bytes":%d`, s.Bytes)
	}
	if s.Cause != "" {
		w.b.WriteString(`,"cause":` + quote(s.Cause))
	}
	w.b.WriteString("}}")
}

func (w *traceWriter) counter(pid int, o *trace.Occupancy) {
	name := quote(o.Name + " bytes")
	for i := range min(len(o.TimesS), len(o.Bytes)) {
		w.next()
		fmt.Fprintf(w.b, `{"ph":"C","pid":%d,"tid":0,"name":%s,"ts":`, pid, name)
		w.micros(o.TimesS[i])
		fmt.Fprintf(w.b, `,"args":{"bytes":%d}}`, o.Bytes[i])
	}
}

// totals puts the runs' counters into the file's free part.
func (w *traceWriter) totals(runs []*trace.Timeline) {
	w.b.WriteString(`,"otherData":{`)
	first := true
	for _, r := range runs {
		if r == nil {
			continue
		}
		for _, c := range r.Counters {
			if math.IsNaN(c.Value) || math.IsInf(c.Value, 0) {
				continue
			}
			if !first {
				w.b.WriteByte(',')
			}
			first = false
			w.b.WriteString("\n" + quote(r.Source+" "+c.Name+" ("+c.Unit+")") + ":")
			w.b.Write(strconv.AppendFloat(w.num[:0], c.Value, 'f', -1, 64))
		}
	}
	w.b.WriteByte('}')
}

// quote writes a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always marshals
	}
	return string(b)
}
