package tokenizer

import "unicode/utf8"

// Stream decodes tokens one at a time into valid UTF-8: bytes of a character
// that is not complete yet wait for the next token. Bytes that can never become
// a character come out as U+FFFD.
type Stream struct {
	t       *Tokenizer
	special bool
	pending []byte
}

// Stream starts decoding. Control tokens are left out unless special.
func (t *Tokenizer) Stream(special bool) *Stream { return &Stream{t: t, special: special} }

// Next gives the text that token id completes, "" when it completes none.
func (s *Stream) Next(id int32) (string, error) {
	p, err := s.t.Piece(id)
	if err != nil {
		return "", err
	}
	if !s.special && s.t.Control(id) {
		return "", nil
	}
	s.pending = append(s.pending, p...)
	return s.take(false), nil
}

// Flush gives what is left at the end, with U+FFFD for an unfinished character.
func (s *Stream) Flush() string { return s.take(true) }

func (s *Stream) take(all bool) string {
	var out []byte
	for len(s.pending) > 0 {
		if !all && !utf8.FullRune(s.pending) {
			break
		}
		r, n := utf8.DecodeRune(s.pending)
		out = utf8.AppendRune(out, r)
		s.pending = s.pending[n:]
	}
	return string(out)
}
