package tokenizer

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"strata/model"
	"strata/model/modeltest"
)

// fromGGUF stores a vocabulary in a file and reads it back.
func fromGGUF(v Vocabulary, change func(*modeltest.GGUF)) (*Tokenizer, error) {
	g := modeltest.New("llama")
	types := make([]int32, len(v.Types))
	for i, t := range v.Types {
		types[i] = int32(t)
	}
	g.Set("tokenizer.ggml.model", "gpt2")
	g.Set("tokenizer.ggml.pre", v.Pre)
	g.Set("tokenizer.ggml.tokens", v.Tokens)
	g.Set("tokenizer.ggml.token_type", types)
	g.Set("tokenizer.ggml.merges", v.Merges)
	g.Set("tokenizer.ggml.bos_token_id", uint32(v.BOS))
	g.Set("tokenizer.ggml.eos_token_id", uint32(v.EOS))
	g.Set("tokenizer.ggml.add_bos_token", v.AddBOS)
	change(g)
	raw := g.Bytes()
	f, err := model.ReadGGUF(bytes.NewReader(raw), int64(len(raw)), "test.gguf")
	if err != nil {
		return nil, err
	}
	return FromGGUF(f)
}

func TestFromGGUF(t *testing.T) {
	v := bytesOnly("smollm")
	tok, err := fromGGUF(v, func(*modeltest.GGUF) {})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Vocab() != len(v.Tokens) || tok.BOS() != 256 || tok.EOS() != 257 || tok.AddBOS() {
		t.Errorf("%d tokens, BOS %d, EOS %d, add %v", tok.Vocab(), tok.BOS(), tok.EOS(), tok.AddBOS())
	}
	if got, err := tok.Prompt("<|begin|> the"); err != nil || !slices.Equal(got, []int32{256, 262}) {
		t.Errorf("got %v, %v", got, err)
	}
	// Llama 3's rule adds BOS unless the file says otherwise.
	v.Pre = "llama-bpe"
	tok, err = fromGGUF(v, func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.add_bos_token", nil) })
	if err != nil || !tok.AddBOS() {
		t.Errorf("BOS is not added: %v", err)
	}
	tok, err = fromGGUF(v, func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.bos_token_id", nil) })
	if err != nil || tok.AddBOS() || tok.BOS() != -1 {
		t.Errorf("a BOS that does not exist: %v", err)
	}

	for want, change := range map[string]func(*modeltest.GGUF){
		`tokenizer.ggml.model is "llama": only`:                                   func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.model", "llama") },
		"tokenizer.ggml.model is missing":                                         func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.model", nil) },
		"tokenizer.ggml.merges is missing":                                        func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.merges", nil) },
		"tokenizer.ggml.tokens is of type array of i32, expected an array of str": func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.tokens", []int32{1}) },
		"tokenizer.ggml.bos_token_id is 4294967295, but there are":                func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.bos_token_id", ^uint32(0)) },
		"tokenizer.ggml.token_type of token 0 is -1":                              func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.token_type", slices.Repeat([]int32{-1}, len(v.Tokens))) },
		`tokenizer.ggml.pre is "bloom", known: `:                                  func(g *modeltest.GGUF) { g.Set("tokenizer.ggml.pre", "bloom") },
	} {
		if _, err := fromGGUF(v, change); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "test.gguf: ") {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
