package widgets

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Filter is a parsed filter expression: terms that must all hold.
//
//	attn                      a word found in any text field
//	"ffn up"                  the same, with a space
//	layer:3  role:ffn,attn    equal to one of the values (texts: without case)
//	layer:3..7                between, both ends included
//	bytes>1MiB  bytes<=2MB    numbers with units (KiB … = 1024, kB … = 1000)
//	name~"attn_[qk]"          a regular expression
//	-role:kv                  not
//
// A comma means or. Unknown fields are an error that lists the known ones.
type Filter struct {
	terms []term
	text  string
}

type term struct {
	not   bool
	field string // "": any text field
	op    string // ":", "~", "<", "<=", ">", ">=", "="
	texts []string
	spans [][2]float64
	re    *regexp.Regexp
}

// FilterField describes what can be asked.
type FilterField struct {
	Name   string
	Number bool
}

// FilterRow gives a row's values by the field's index.
type FilterRow interface {
	Text(field int) string
	Number(field int) float64
}

// ParseFilter reads an expression. The error says at which term and what would
// work.
func ParseFilter(s string, fields []FilterField) (*Filter, error) {
	f := &Filter{text: s}
	words, err := filterWords(s)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		t, err := parseTerm(w, fields)
		if err != nil {
			return nil, err
		}
		f.terms = append(f.terms, t)
	}
	return f, nil
}

// String is the expression.
func (f *Filter) String() string { return f.text }

// Empty says that everything passes.
func (f *Filter) Empty() bool { return f == nil || len(f.terms) == 0 }

// filterWords splits at spaces outside quotes.
func filterWords(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	quoted, any := false, false
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
			any = true
			b.WriteRune(r)
		case unicode.IsSpace(r) && !quoted:
			if any {
				words = append(words, b.String())
				b.Reset()
				any = false
			}
		default:
			any = true
			b.WriteRune(r)
		}
	}
	if quoted {
		return nil, fmt.Errorf("filter: a quote is not closed in %q", s)
	}
	if any {
		words = append(words, b.String())
	}
	return words, nil
}

func parseTerm(w string, fields []FilterField) (term, error) {
	t := term{}
	body := w
	if len(body) > 1 && body[0] == '-' {
		t.not, body = true, body[1:]
	}
	i := strings.IndexAny(body, ":~<>=\"")
	if i <= 0 || body[i] == '"' {
		t.texts = []string{strings.ToLower(unquote(body))}
		return t, nil
	}
	t.field, t.op = strings.ToLower(body[:i]), body[i:i+1]
	value := body[i+1:]
	if (t.op == "<" || t.op == ">") && strings.HasPrefix(value, "=") {
		t.op, value = t.op+"=", value[1:]
	}
	var field *FilterField
	var names []string
	for k := range fields {
		names = append(names, fields[k].Name)
		if fields[k].Name == t.field {
			field = &fields[k]
		}
	}
	if field == nil {
		return t, fmt.Errorf("filter: no field %q in %q; there are %s", t.field, w, strings.Join(names, ", "))
	}
	if value == "" || value == `""` {
		return t, fmt.Errorf("filter: %q has no value", w)
	}
	switch t.op {
	case "~":
		re, err := regexp.Compile("(?i)" + unquote(value))
		if err != nil {
			return t, fmt.Errorf("filter: %q: %w", w, err)
		}
		t.re = re
		return t, nil
	case ":", "=":
		for _, v := range strings.Split(value, ",") {
			v = unquote(v)
			if !field.Number {
				t.texts = append(t.texts, strings.ToLower(v))
				continue
			}
			lo, hi, between := strings.Cut(v, "..")
			a, err := parseQuantity(lo)
			if err != nil {
				return t, fmt.Errorf("filter: %q: %w", w, err)
			}
			b := a
			if between {
				if b, err = parseQuantity(hi); err != nil {
					return t, fmt.Errorf("filter: %q: %w", w, err)
				}
			}
			t.spans = append(t.spans, [2]float64{min(a, b), max(a, b)})
		}
		return t, nil
	}
	if !field.Number {
		return t, fmt.Errorf("filter: %q compares a text; use %s: or %s~", w, t.field, t.field)
	}
	v, err := parseQuantity(unquote(value))
	if err != nil {
		return t, fmt.Errorf("filter: %q: %w", w, err)
	}
	t.spans = [][2]float64{{v, v}}
	return t, nil
}

func unquote(s string) string { return strings.ReplaceAll(s, `"`, "") }

// units of quantities, without case but for the difference of k and Ki.
var quantityUnits = map[string]float64{
	"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"k": 1e3, "m": 1e6, "g": 1e9, "%": 0.01, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6,
}

// parseQuantity reads "1MiB", "2.5e6", "30ms".
func parseQuantity(s string) (float64, error) {
	s = strings.TrimSpace(s)
	end := len(s)
	for end > 0 && (unicode.IsLetter(rune(s[end-1])) || s[end-1] == '%' || s[end-1] >= 0x80) {
		end--
	}
	unit, ok := quantityUnits[strings.ToLower(strings.TrimSpace(s[end:]))]
	v, err := strconv.ParseFloat(strings.TrimSpace(s[:end]), 64)
	if err != nil || !ok {
		return 0, fmt.Errorf("%q is no number; write 12, 1.5MiB or 2MB", s)
	}
	return v * unit, nil
}

// Matcher binds a filter to fields.
func (f *Filter) Matcher(fields []FilterField) func(FilterRow) bool {
	if f.Empty() {
		return func(FilterRow) bool { return true }
	}
	index := make([]int, len(f.terms))
	for i, t := range f.terms {
		index[i] = -1
		for k := range fields {
			if fields[k].Name == t.field {
				index[i] = k
			}
		}
	}
	return func(r FilterRow) bool {
		for i := range f.terms {
			if f.terms[i].match(r, index[i], fields) == f.terms[i].not {
				return false
			}
		}
		return true
	}
}

func (t *term) match(r FilterRow, field int, fields []FilterField) bool {
	if field < 0 {
		for k := range fields {
			if !fields[k].Number && strings.Contains(strings.ToLower(r.Text(k)), t.texts[0]) {
				return true
			}
		}
		return false
	}
	if t.re != nil {
		return t.re.MatchString(r.Text(field))
	}
	if !fields[field].Number {
		v := strings.ToLower(r.Text(field))
		for _, want := range t.texts {
			if v == want {
				return true
			}
		}
		return false
	}
	v := r.Number(field)
	for _, s := range t.spans {
		hit := false
		switch t.op {
		case "<":
			hit = v < s[0]
		case "<=":
			hit = v <= s[0]
		case ">":
			hit = v > s[0]
		case ">=":
			hit = v >= s[0]
		default:
			hit = v >= s[0] && v <= s[1]
		}
		if hit {
			return true
		}
	}
	return false
}
