package widgets

import (
	"strings"
	"testing"
)

type filterRow map[string]any

var testFields = []FilterField{{Name: "name"}, {Name: "role"}, {Name: "layer", Number: true}, {Name: "bytes", Number: true}}

func (r filterRow) Text(i int) string {
	s, _ := r[testFields[i].Name].(string)
	return s
}

func (r filterRow) Number(i int) float64 {
	f, _ := r[testFields[i].Name].(float64)
	return f
}

func TestFilter(t *testing.T) {
	rows := []filterRow{
		{"name": "blk.3.ffn_up.weight", "role": "ffn", "layer": 3.0, "bytes": 2.0 * (1 << 20)},
		{"name": "blk.3.attn_q.weight", "role": "attn", "layer": 3.0, "bytes": 0.5 * (1 << 20)},
		{"name": "blk.12.attn_k.weight", "role": "attn", "layer": 12.0, "bytes": 1.0 * (1 << 20)},
		{"name": "kv.0", "role": "kv", "layer": 0.0, "bytes": 1e6},
	}
	for _, c := range []struct{ filter, want string }{
		{"", "0 1 2 3"},
		{"attn", "1 2"},
		{"ATTN", "1 2"},
		{"layer:3 role:ffn", "0"},
		{"layer:3", "0 1"},
		{"layer:1..12", "0 1 2"},
		{"layer:12..1", "0 1 2"},
		{"layer:0,12", "2 3"},
		{"role:ffn,kv", "0 3"},
		{"bytes>1MiB", "0"},
		{"bytes>=1MiB", "0 2"},
		{"bytes<1MiB", "1 3"},
		{"bytes=1MB", "3"},
		{"bytes<=1000kB -role:attn", "3"},
		{`name~"attn_[qk]" -layer:3`, "2"},
		{`name~"^kv"`, "3"},
		{`"ffn_up.w"`, "0"},
		{"-attn", "0 3"},
		{"role:none", ""},
	} {
		f, err := ParseFilter(c.filter, testFields)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		match := f.Matcher(testFields)
		var got []string
		for i, r := range rows {
			if match(r) {
				got = append(got, string(rune('0'+i)))
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: rows %q, want %q", c.filter, s, c.want)
		}
	}
}

func TestFilterErrorsNameTheFix(t *testing.T) {
	for filter, want := range map[string]string{
		"colour:red":    "there are name, role, layer, bytes",
		"bytes>lots":    "1.5MiB",
		`name~"["`:      "missing closing",
		"name>3":        "name:",
		"layer:":        "no value",
		`name:"attn`:    "quote",
		"bytes:1MiB..x": "no number",
	} {
		if _, err := ParseFilter(filter, testFields); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", filter, err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{"layer:3 role:ffn bytes>1MiB name~\"attn\"", "a\"b", "-", "x>=", "bytes:1..", "\x80"} {
		f.Add(s)
	}
	row := filterRow{"name": "a", "role": "b", "layer": 1.0, "bytes": 2.0}
	f.Fuzz(func(t *testing.T, s string) {
		if filter, err := ParseFilter(s, testFields); err == nil {
			filter.Matcher(testFields)(row)
		}
	})
}
