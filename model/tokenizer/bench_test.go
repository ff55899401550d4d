package tokenizer

import (
	"strings"
	"testing"
)

// BenchmarkEncode gives the rate on plain English.
func BenchmarkEncode(b *testing.B) {
	tok := sample(b)
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and 42 others don't. ", 200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tok.Encode(text, true); err != nil {
			b.Fatal(err)
		}
	}
}
