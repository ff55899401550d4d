package hlo

import (
	"fmt"
	"strconv"
	"strings"
)

// parseShape reads a shape at the start of text, "f32[2,3]{1,0}" or a tuple in
// parentheses, and returns what follows it.
func parseShape(text string, depth int) (Shape, string, error) {
	if depth > maxDepth {
		return Shape{}, "", fmt.Errorf("tuples nested more than %d deep", maxDepth)
	}
	text = strings.TrimLeft(text, " ")
	if strings.HasPrefix(text, "(") {
		s := Shape{IsTup: true}
		text = strings.TrimLeft(text[1:], " ")
		for !strings.HasPrefix(text, ")") {
			element, rest, err := parseShape(text, depth+1)
			if err != nil {
				return Shape{}, "", err
			}
			if s.Tuple = append(s.Tuple, element); len(s.Tuple) > maxLeaves {
				return Shape{}, "", fmt.Errorf("a tuple of more than %d elements", maxLeaves)
			}
			if text = strings.TrimLeft(rest, " "); strings.HasPrefix(text, ",") {
				text = strings.TrimLeft(text[1:], " ")
			} else if !strings.HasPrefix(text, ")") {
				return Shape{}, "", fmt.Errorf("tuple shape: \",\" or \")\" is expected at %q", excerpt(text))
			}
		}
		return s, text[1:], nil
	}
	open := strings.IndexByte(text, '[')
	if open <= 0 || open > 16 {
		return Shape{}, "", fmt.Errorf("a shape such as f32[2,3] is expected at %q", excerpt(text))
	}
	s := Shape{Type: text[:open]}
	end := strings.IndexByte(text, ']')
	if end < open {
		return Shape{}, "", fmt.Errorf("shape %q: no closing bracket", excerpt(text))
	}
	dims, err := numbers(strings.ReplaceAll(text[open+1:end], "<=", ""))
	if err != nil {
		return Shape{}, "", fmt.Errorf("shape %q: %w", excerpt(text), err)
	}
	s.Dims = dims
	text = text[end+1:]
	if strings.HasPrefix(text, "{") {
		close := matching(text)
		if close < 0 {
			return Shape{}, "", fmt.Errorf("layout %q: no closing brace", excerpt(text))
		}
		order, _, _ := strings.Cut(text[1:close], ":")
		if minor, err := numbers(order); err == nil && permutation(minor, len(dims)) {
			s.Minor = minor
		}
		text = text[close+1:]
	}
	return s, text, s.check()
}

func permutation(list []int64, n int) bool {
	if len(list) != n {
		return false
	}
	var seen [maxRank]bool
	for _, v := range list {
		if v < 0 || v >= int64(min(n, maxRank)) || seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}

// numbers reads "1,2,3"; empty text is no number.
func numbers(text string) ([]int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if strings.Count(text, ",") >= maxRank {
		return nil, fmt.Errorf("more than %d numbers", maxRank)
	}
	var list []int64
	for f := range strings.SplitSeq(text, ",") {
		v, err := strconv.ParseInt(strings.TrimSpace(f), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q: a whole number is expected", excerpt(f))
		}
		list = append(list, v)
	}
	return list, nil
}

// matching is the index of the bracket that closes the one at the start of
// text, -1: none. Brackets in quotes do not count.
func matching(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = closingQuote(text, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// closingQuote is the index of the quote that ends the string starting at i, or
// the last index.
func closingQuote(text string, i int) int {
	for i++; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if text[i] == '"' {
			return i
		}
	}
	return len(text) - 1
}

// split cuts at the commas that are in no bracket or string.
func split(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = closingQuote(text, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if last := strings.TrimSpace(text[start:]); last != "" || len(parts) > 0 {
		parts = append(parts, last)
	}
	return parts
}

func excerpt(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
