package tokenizer

import "unicode/utf8"

// GPT-2's byte alphabet writes every byte as a printable character: printable
// Latin-1 bytes as themselves, the other 68 as U+0100, U+0101, … in order.
var (
	byteOfRune = map[rune]byte{}
	runeOfByte [256]rune
)

func init() {
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r = next
			next++
		}
		runeOfByte[b] = r
		byteOfRune[r] = byte(b)
	}
}

// alphabetBytes decodes token text. Characters outside the alphabet, which some
// vocabularies have in added tokens, stand for their own UTF-8.
func alphabetBytes(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if b, ok := byteOfRune[r]; ok {
			out = append(out, b)
		} else {
			out = append(out, text[i:i+n]...)
		}
		i += n
	}
	return out
}
