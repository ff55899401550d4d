package tokenizer

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// splitter gives the length in bytes of the first word of a non-empty text.
type splitter func(text string) int

// rule is how one family of vocabularies cuts text, after llama.cpp's table of
// tokenizer.ggml.pre.
type rule struct {
	segment    splitter // applied first; nil: the whole text is one segment
	split      splitter // applied to each segment as if it were a text of its own
	wholeWords bool     // llama.cpp's ignore_merges
	addBOS     bool     // default of tokenizer.ggml.add_bos_token
}

var rules = map[string]rule{
	"gpt-2":            {split: splitGPT2},
	"gpt2":             {split: splitGPT2},
	"olmo":             {split: splitGPT2},
	"smollm":           {segment: splitNumbers, split: splitGPT2},
	"starcoder":        {segment: splitNumbers, split: splitGPT2},
	"refact":           {segment: splitNumbers, split: splitGPT2},
	"qwen2":            {split: splitQwen2},
	"deepseek-r1-qwen": {split: splitQwen2},
	"llama-bpe":        {split: splitLlama3, wholeWords: true, addBOS: true},
	"llama3":           {split: splitLlama3, wholeWords: true, addBOS: true},
	"llama-v3":         {split: splitLlama3, wholeWords: true, addBOS: true},
}

func ruleNames() []string {
	var out []string
	for name := range rules {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// class is what the patterns ask of a character.
type class uint8

const (
	other  class = iota // also bytes that are not UTF-8
	letter              // \p{L}
	number              // \p{N}
	space               // \s
	none                // past the end
)

// next classifies the character at the start of text and gives its length.
func next(text string) (class, rune, int) {
	if text == "" {
		return none, -1, 0
	}
	if c := text[0]; c < utf8.RuneSelf {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			return letter, rune(c), 1
		case c >= '0' && c <= '9':
			return number, rune(c), 1
		case c == ' ' || c >= '\t' && c <= '\r':
			return space, rune(c), 1
		}
		return other, rune(c), 1
	}
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && n == 1:
		return other, r, 1
	case unicode.IsLetter(r):
		return letter, r, n
	case unicode.IsNumber(r):
		return number, r, n
	case unicode.IsSpace(r):
		return space, r, n
	}
	return other, r, n
}

// run is the length of the characters of a class that text starts with.
func run(text string, want class) int {
	n := 0
	for {
		c, _, size := next(text[n:])
		if c != want {
			return n
		}
		n += size
	}
}

// contraction is the length of 's 't 're 've 'm 'll 'd at the start of text.
func contraction(text string, anyCase bool) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	at := func(i int) byte {
		if i >= len(text) {
			return 0
		}
		c := text[i]
		if anyCase && c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	switch at(1) {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if at(2) == 'e' {
			return 3
		}
	case 'l':
		if at(2) == 'l' {
			return 3
		}
	}
	return 0
}

// splitGPT2 is
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(text string) int {
	if n := contraction(text, false); n > 0 {
		return n
	}
	lead := 0
	c, _, _ := next(text)
	if text[0] == ' ' {
		if after, _, _ := next(text[1:]); after != space && after != none {
			lead, c = 1, after
		}
	}
	if c != space {
		return lead + run(text[lead:], c)
	}
	return spaces(text)
}

// spaces is \s+(?!\S)|\s+: a run of white space leaves its last character to
// the word that follows.
func spaces(text string) int {
	n, last := 0, 0
	for {
		c, _, size := next(text[n:])
		switch {
		case c == space:
			n, last = n+size, size
		case c == none || n == last:
			return n
		default:
			return n - last
		}
	}
}

// splitNumbers is the pattern \p{N} alone: each number is a segment, and so is
// what lies between two of them.
func splitNumbers(text string) int {
	n := 0
	for {
		c, _, size := next(text[n:])
		switch {
		case c == number && n == 0:
			return size
		case c == number || c == none:
			return n
		}
		n += size
	}
}

// splitQwen2 is
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitQwen2(text string) int { return splitTiktoken(text, 1) }

// splitLlama3 is the same with \p{N}{1,3}.
func splitLlama3(text string) int { return splitTiktoken(text, 3) }

func splitTiktoken(text string, digits int) int {
	if n := contraction(text, true); n > 0 {
		return n
	}
	c, r, size := next(text)
	if c == letter {
		return run(text, letter)
	}
	if c == number {
		n := size
		for range digits - 1 {
			c, _, more := next(text[n:])
			if c != number {
				break
			}
			n += more
		}
		return n
	}
	if r != '\r' && r != '\n' {
		if after, _, _ := next(text[size:]); after == letter {
			return size + run(text[size:], letter)
		}
	}
	lead := 0
	if text[0] == ' ' {
		lead = 1
	}
	if n := run(text[lead:], other); n > 0 {
		n += lead
		for n < len(text) && (text[n] == '\r' || text[n] == '\n') {
			n++
		}
		return n
	}
	white := run(text, space)
	for i := white - 1; i >= 0; i-- {
		if text[i] == '\r' || text[i] == '\n' {
			return i + 1
		}
	}
	return spaces(text)
}
