package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"strata/model"
	"strata/model/modeltest"
)

// sample is the tokenizer of the sample model.
func sample(t testing.TB) *Tokenizer {
	f, err := model.Open(modeltest.Sample(t))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// bytesOnly is a vocabulary with one token for each byte, a few merges and
// three special tokens.
func bytesOnly(pre string) Vocabulary {
	v := Vocabulary{Pre: pre, BOS: 256, EOS: 257}
	for b := range 256 {
		v.Tokens = append(v.Tokens, string(runeOfByte[b]))
		v.Types = append(v.Types, typeNormal)
	}
	v.Tokens = append(v.Tokens, "<|begin|>", "<|end|>", "<|user|>", "th", "he", "the", "Ġthe", "aa", "aaaa")
	v.Types = append(v.Types, typeControl, typeControl, typeUserDefined, 1, 1, 1, 1, 1, 1)
	v.Merges = []string{"t h", "h e", "th e", "Ġ the", "a a", "aa aa"}
	return v
}

func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/golden/smollm2/chat-english.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Prompt string  `json:"prompt"`
		Tokens []int32 `json:"tokens"`
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	tok := sample(t)
	got, err := tok.Prompt(golden.Prompt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, golden.Tokens) {
		t.Errorf("tokens\n got %v\nwant %v", got, golden.Tokens)
	}
	back, err := tok.Decode(got, true)
	if err != nil || string(back) != golden.Prompt {
		t.Errorf("decoded %q, %v", back, err)
	}
}

func TestRoundTripOfOddText(t *testing.T) {
	texts := []string{
		"", " ", "  ", "\n\n \t\r\n", "a  b   c", "don't I'LL we've", "12345 1,000.50 ½ Ⅷ ٣",
		"naïve café — “quotes” … ", "日本語のテキスト", "👩‍👩‍👧‍👦 🇩🇪 e\u0301", "\u00a0\u2003\u3000x", "\x00\x01\x7f",
		"<|im_start|>user\nhi<|im_end|>", "<|im_start", "\ufeffbom", strings.Repeat("a", 5000), strings.Repeat(" ", 5000) + "x",
	}
	for name, tok := range map[string]*Tokenizer{"sample": nil, "bytes": must(t, bytesOnly("smollm"))} {
		t.Run(name, func(t *testing.T) {
			if tok == nil {
				tok = sample(t)
			}
			for _, text := range texts {
				for _, parse := range []bool{false, true} {
					ids, err := tok.Encode(text, parse)
					if err != nil {
						t.Errorf("%.40q: %v", text, err)
						continue
					}
					back, err := tok.Decode(ids, true)
					if err != nil || string(back) != text {
						t.Errorf("%.40q came back as %.40q, %v", text, back, err)
					}
				}
			}
		})
	}
}

func must(t testing.TB, v Vocabulary) *Tokenizer {
	t.Helper()
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestByteWithoutToken(t *testing.T) {
	v := bytesOnly("gpt2")
	v.Tokens[0x04] = "instead"
	if _, err := must(t, v).Encode("ok\x04", false); err == nil || !strings.Contains(err.Error(), "0x04") {
		t.Errorf("got %v, expected an error that names the byte", err)
	}
}

func TestSpecialTokens(t *testing.T) {
	tok := must(t, bytesOnly("gpt2"))
	for _, c := range []struct {
		text    string
		special bool
		want    []int32
	}{
		{"<|begin|>the<|end|>", true, []int32{256, 261, 257}},
		{"a<|user|> the", false, []int32{'a', 258, 262}}, // user-defined: always
		{"<|end", true, []int32{'<', '|', 'e', 'n', 'd'}},
		{"<|begin|>", false, []int32{'<', '|', 'b', 'e', 'g', 'i', 'n', '|', '>'}},
		{"<|end|><|end|>", true, []int32{257, 257}},
		{"aaaaa", true, []int32{264, 'a'}},
	} {
		got, err := tok.Encode(c.text, c.special)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q (special %v): got %v, %v, want %v", c.text, c.special, got, err, c.want)
		}
	}
	if out, err := tok.Decode([]int32{256, 261, 258, 257}, false); err != nil || string(out) != "the<|user|>" {
		t.Errorf("without control tokens: %q, %v", out, err)
	}
	if _, err := tok.Decode([]int32{265}, true); err == nil {
		t.Error("a token beyond the vocabulary was decoded")
	}
}

func TestBOS(t *testing.T) {
	v := bytesOnly("llama-bpe")
	v.AddBOS = true
	got, err := must(t, v).Prompt("the")
	if err != nil || !slices.Equal(got, []int32{256, 261}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusedVocabularies(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Vocabulary)
		want   string
	}{
		"unknown rule":   {func(v *Vocabulary) { v.Pre = "tekken" }, `"tekken", known: deepseek-r1-qwen, gpt-2`},
		"types":          {func(v *Vocabulary) { v.Types = v.Types[1:] }, "token_type has"},
		"kind of token":  {func(v *Vocabulary) { v.Types[3] = 9 }, "token 3 is 9"},
		"no tokens":      {func(v *Vocabulary) { v.Tokens = nil }, "0 tokens"},
		"merge of one":   {func(v *Vocabulary) { v.Merges[2] = "the" }, "merges[2]"},
		"merge of space": {func(v *Vocabulary) { v.Merges[2] = " the" }, "merges[2]"},
	} {
		v := bytesOnly("gpt2")
		c.change(&v)
		if _, err := New(v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

// A word of any length takes n log n: this ends at once, not after 2^40 steps.
func TestLongWord(t *testing.T) {
	tok := must(t, bytesOnly("gpt2"))
	got, err := tok.Encode(strings.Repeat("a", 1<<20), false)
	if err != nil || len(got) != 1<<18 {
		t.Errorf("%d tokens, %v", len(got), err)
	}
}

func FuzzTokenizer(f *testing.F) {
	for _, seed := range []string{"", "the <|begin|>", "\xff\xfe", " \n ½ 'S", "<|user|>aaaaa"} {
		f.Add(seed, "t h\nh e\nĠ t", true)
	}
	f.Add("x", "no merge", false)
	f.Fuzz(func(t *testing.T, text, merges string, special bool) {
		for pre := range rules {
			v := bytesOnly(pre)
			v.Merges = append(v.Merges, strings.Split(merges, "\n")...)
			tok, err := New(v)
			if err != nil {
				continue
			}
			ids, err := tok.Encode(text, special)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := tok.Decode(ids, true); err != nil || string(back) != text {
				t.Fatalf("%s: %q came back as %q, %v", pre, text, back, err)
			}
		}
	})
}

func TestRoundTripProperty(t *testing.T) {
	for pre := range rules {
		t.Run(pre, func(t *testing.T) {
			tok := must(t, bytesOnly(pre))
			rapid.Check(t, func(t *rapid.T) {
				text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("the aA1' \n\r\t.<|>user½é"))),
					rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })).Draw(t, "text")
				ids, err := tok.Encode(text, rapid.Bool().Draw(t, "special"))
				if err != nil {
					t.Fatal(err)
				}
				back, err := tok.Decode(ids, true)
				if err != nil || string(back) != text {
					t.Fatalf("%q came back as %q, %v", text, back, err)
				}
				stream, out := tok.Stream(true), strings.Builder{}
				for _, id := range ids {
					s, err := stream.Next(id)
					if err != nil || !utf8.ValidString(s) {
						t.Fatalf("token %d gave %q, %v", id, s, err)
					}
					out.WriteString(s)
				}
				out.WriteString(stream.Flush())
				if out.String() != string([]rune(text)) {
					t.Fatalf("streamed %q of %q", out.String(), text)
				}
			})
		})
	}
}
