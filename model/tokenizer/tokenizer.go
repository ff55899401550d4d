package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"strata/model"
)

// Vocabulary is what a model file says about its tokens.
type Vocabulary struct {
	Tokens []string // by id; text in the byte alphabet, special tokens as they are
	Types  []int64  // by id, values of tokenizer.ggml.token_type; nil: all normal
	Merges []string // "left right", best first
	Pre    string   // rule that cuts text into words
	BOS    int32    // -1: none
	EOS    int32
	AddBOS bool
}

// Values of tokenizer.ggml.token_type.
const (
	typeNormal      = 1
	typeUnknown     = 2
	typeControl     = 3
	typeUserDefined = 4
	typeUnused      = 5
	typeByte        = 6
)

// Tokenizer is safe for concurrent use.
type Tokenizer struct {
	rule    rule
	pieces  [][]byte
	kinds   []uint8
	special []special // longest first
	symbols map[string]int32
	bytes   [256]int32 // symbol of each byte, -1: none
	merges  map[[2]int32]merge
	texts   [][]byte // bytes of symbols that are not tokens, from id len(pieces)
	vocab   Vocabulary
}

type special struct {
	text string
	id   int32
	kind uint8
}

// merge joins two symbols into one; lower ranks go first.
type merge struct{ rank, symbol int32 }

// FromGGUF makes the tokenizer of a GGUF file.
func FromGGUF(f *model.File) (*Tokenizer, error) {
	path := f.Shards[0].Path
	kind, err := f.Text("tokenizer.ggml.model")
	if err != nil {
		return nil, err
	}
	if kind != "gpt2" {
		return nil, fmt.Errorf("%s: metadata tokenizer.ggml.model is %q: only byte-level BPE (gpt2) is known", path, kind)
	}
	var v Vocabulary
	if v.Tokens, err = f.Texts("tokenizer.ggml.tokens"); err != nil {
		return nil, err
	}
	if v.Merges, err = f.Texts("tokenizer.ggml.merges"); err != nil {
		return nil, err
	}
	if f.Has("tokenizer.ggml.token_type") {
		if v.Types, err = f.Ints("tokenizer.ggml.token_type"); err != nil {
			return nil, err
		}
	}
	if v.Pre, err = f.Text("tokenizer.ggml.pre"); err != nil {
		return nil, err
	}
	if v.BOS, err = tokenID(f, "tokenizer.ggml.bos_token_id", len(v.Tokens)); err != nil {
		return nil, err
	}
	if v.EOS, err = tokenID(f, "tokenizer.ggml.eos_token_id", len(v.Tokens)); err != nil {
		return nil, err
	}
	v.AddBOS = rules[v.Pre].addBOS
	if f.Has("tokenizer.ggml.add_bos_token") {
		if v.AddBOS, err = f.Bool("tokenizer.ggml.add_bos_token"); err != nil {
			return nil, err
		}
	}
	t, err := New(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// tokenID reads a field that names one of the tokens; -1 when it is absent.
func tokenID(f *model.File, key string, tokens int) (int32, error) {
	if !f.Has(key) {
		return -1, nil
	}
	n, err := f.Int(key)
	if err == nil && (n < 0 || n >= int64(tokens)) {
		err = fmt.Errorf("%s: metadata %s is %d, but there are %d tokens", f.Shards[0].Path, key, n, tokens)
	}
	return int32(n), err
}

// New makes a tokenizer of a vocabulary.
func New(v Vocabulary) (*Tokenizer, error) {
	rule, ok := rules[v.Pre]
	if !ok {
		return nil, fmt.Errorf("tokenizer.ggml.pre is %q, known: %s", v.Pre, strings.Join(ruleNames(), ", "))
	}
	if len(v.Tokens) == 0 || len(v.Tokens) > 1<<24 {
		return nil, fmt.Errorf("tokenizer.ggml.tokens has %d tokens", len(v.Tokens))
	}
	if v.Types != nil && len(v.Types) != len(v.Tokens) {
		return nil, fmt.Errorf("tokenizer.ggml.token_type has %d entries for %d tokens", len(v.Types), len(v.Tokens))
	}
	if len(v.Merges) > 1<<24 {
		return nil, fmt.Errorf("tokenizer.ggml.merges has %d merges", len(v.Merges))
	}
	t := &Tokenizer{
		rule: rule, vocab: v,
		pieces:  make([][]byte, len(v.Tokens)),
		kinds:   make([]uint8, len(v.Tokens)),
		symbols: make(map[string]int32, len(v.Tokens)),
		merges:  make(map[[2]int32]merge, len(v.Merges)),
	}
	for i, text := range v.Tokens {
		kind := int64(typeNormal)
		if v.Types != nil {
			kind = v.Types[i]
		}
		if kind < typeNormal || kind > typeByte {
			return nil, fmt.Errorf("tokenizer.ggml.token_type of token %d is %d, expected 1 to 6", i, kind)
		}
		t.kinds[i] = uint8(kind)
		switch kind {
		case typeControl, typeUserDefined, typeUnknown:
			t.pieces[i] = []byte(text)
			if text != "" {
				t.special = append(t.special, special{text, int32(i), uint8(kind)})
			}
			continue
		}
		t.pieces[i] = alphabetBytes(text)
		if _, twice := t.symbols[string(t.pieces[i])]; !twice {
			t.symbols[string(t.pieces[i])] = int32(i)
		}
	}
	slices.SortStableFunc(t.special, func(a, b special) int { return len(b.text) - len(a.text) })
	for b := range t.bytes {
		id, ok := t.symbols[string([]byte{byte(b)})]
		if !ok {
			id = -1
		}
		t.bytes[b] = id
	}
	return t, t.readMerges(v.Merges)
}

func (t *Tokenizer) readMerges(merges []string) error {
	for rank, m := range merges {
		left, right, ok := strings.Cut(m, " ")
		if !ok || left == "" || right == "" {
			return fmt.Errorf("tokenizer.ggml.merges[%d] is %.40q, expected two symbols with a space between", rank, m)
		}
		l, r := alphabetBytes(left), alphabetBytes(right)
		pair := [2]int32{t.symbol(l), t.symbol(r)}
		if _, twice := t.merges[pair]; !twice {
			t.merges[pair] = merge{int32(rank), t.symbol(append(slices.Clip(l), r...))}
		}
	}
	return nil
}

// symbol gives the id of a byte sequence that merges pass through. One that is
// not a token gets an id after all tokens.
func (t *Tokenizer) symbol(b []byte) int32 {
	id, ok := t.symbols[string(b)]
	if !ok {
		id = int32(len(t.pieces) + len(t.texts))
		t.symbols[string(b)] = id
		t.texts = append(t.texts, b)
	}
	return id
}

// Vocab is the number of tokens.
func (t *Tokenizer) Vocab() int { return len(t.pieces) }

// BOS and EOS are the tokens that begin and end a text, -1 when there is none.
func (t *Tokenizer) BOS() int32 { return t.vocab.BOS }
func (t *Tokenizer) EOS() int32 { return t.vocab.EOS }

// AddBOS reports whether the model expects BOS before a prompt.
func (t *Tokenizer) AddBOS() bool { return t.vocab.AddBOS && t.vocab.BOS >= 0 }

// Control reports whether a token stands for structure, not text.
func (t *Tokenizer) Control(id int32) bool {
	return id >= 0 && int(id) < len(t.kinds) && t.kinds[id] == typeControl
}

// Prompt encodes a prompt: BOS when the model expects one, special tokens parsed.
func (t *Tokenizer) Prompt(text string) ([]int32, error) {
	out, err := t.Encode(text, true)
	if err == nil && t.AddBOS() {
		out = append([]int32{t.vocab.BOS}, out...)
	}
	return out, err
}

// Encode gives the tokens of a text. With parseSpecial the text of a control
// token ("<|im_start|>") becomes that token; without, it is text like any other.
// The error names a byte that the vocabulary cannot express.
func (t *Tokenizer) Encode(text string, parseSpecial bool) ([]int32, error) {
	e := encoder{t: t}
	for _, f := range t.fragments(text, parseSpecial) {
		if f.token >= 0 {
			e.out = append(e.out, f.token)
			continue
		}
		for rest := f.text; rest != ""; {
			n := len(rest)
			if t.rule.segment != nil {
				n = t.rule.segment(rest)
			}
			if err := e.segment(rest[:n]); err != nil {
				return nil, err
			}
			rest = rest[n:]
		}
	}
	return e.out, nil
}

// fragment is a piece of text, or a special token found in it.
type fragment struct {
	text  string
	token int32 // -1: text
}

// fragments cuts out special tokens, longer ones before shorter ones.
func (t *Tokenizer) fragments(text string, parseSpecial bool) []fragment {
	list := []fragment{{text, -1}}
	for _, s := range t.special {
		if s.kind != typeUserDefined && !parseSpecial || !strings.Contains(text, s.text) {
			continue
		}
		var next []fragment
		for _, f := range list {
			for f.token < 0 {
				i := strings.Index(f.text, s.text)
				if i < 0 {
					break
				}
				if i > 0 {
					next = append(next, fragment{f.text[:i], -1})
				}
				next = append(next, fragment{s.text, s.id})
				f.text = f.text[i+len(s.text):]
			}
			if f.token >= 0 || f.text != "" {
				next = append(next, f)
			}
		}
		list = next
	}
	return list
}

// Decode gives the bytes of tokens. Control tokens are left out unless special.
func (t *Tokenizer) Decode(ids []int32, special bool) ([]byte, error) {
	var out []byte
	for _, id := range ids {
		p, err := t.Piece(id)
		if err != nil {
			return nil, err
		}
		if special || !t.Control(id) {
			out = append(out, p...)
		}
	}
	return out, nil
}

// Piece is the bytes of one token, not to be changed. They may be a part of a
// character only.
func (t *Tokenizer) Piece(id int32) ([]byte, error) {
	if id < 0 || int(id) >= len(t.pieces) {
		return nil, fmt.Errorf("token %d: the vocabulary has %d", id, len(t.pieces))
	}
	return t.pieces[id], nil
}

var errNoByte = errors.New("the vocabulary has no token for it")
