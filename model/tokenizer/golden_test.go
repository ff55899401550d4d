package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// readJSON reads a file that an independent implementation wrote; its field
// "how" says which.
func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

const goldenCases = 221

func TestTokensAgainstHuggingFace(t *testing.T) {
	var golden struct {
		Cases []struct {
			Text   string
			Tokens []int32
		}
	}
	readJSON(t, "testdata/smollm2-tokens.json", &golden)
	if len(golden.Cases) != goldenCases {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	tok := sample(t)
	for _, c := range golden.Cases {
		got, err := tok.Encode(c.Text, true)
		if err != nil || !slices.Equal(got, c.Tokens) {
			t.Errorf("%q\n got %v, %v\nwant %v", c.Text, got, err, c.Tokens)
		}
	}
}

func TestWordsAgainstRegex(t *testing.T) {
	var golden struct {
		Cases []map[string]json.RawMessage
	}
	readJSON(t, "testdata/words.json", &golden)
	if len(golden.Cases) != goldenCases {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	for _, c := range golden.Cases {
		var text string
		if err := json.Unmarshal(c["text"], &text); err != nil {
			t.Fatal(err)
		}
		for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe"} {
			var want []string
			if err := json.Unmarshal(c[pre], &want); err != nil {
				t.Fatal(err)
			}
			if got := rules[pre].words(text); !slices.Equal(got, want) {
				t.Errorf("%s: %q\n got %q\nwant %q", pre, text, got, want)
			}
		}
	}
}

// words cuts a whole text.
func (r rule) words(text string) []string {
	var out []string
	for text != "" {
		n := len(text)
		if r.segment != nil {
			n = r.segment(text)
		}
		for seg := text[:n]; seg != ""; {
			w := r.split(seg)
			out = append(out, seg[:w])
			seg = seg[w:]
		}
		text = text[n:]
	}
	return out
}
