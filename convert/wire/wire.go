// Package wire walks messages in protobuf's wire format without generated
// code. Every length is checked against the bytes that are there, so a message
// never takes more memory than its file.
package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is one field of a message.
type Field struct {
	Number int
	Type   protowire.Type
	Bytes  []byte // of a message, a string or packed numbers
	Value  uint64 // of a number
}

// Each calls f with every field of a message, in the order they are written.
func Each(message []byte, f func(Field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("wire format: %w", protowire.ParseError(n))
		}
		message = message[n:]
		field := Field{Number: int(number), Type: kind}
		switch kind {
		case protowire.BytesType:
			field.Bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			field.Value, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			field.Value, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			field.Value = uint64(v)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return fmt.Errorf("wire format, field %d: %w", number, protowire.ParseError(n))
		}
		message = message[n:]
		if err := f(field); err != nil {
			return err
		}
	}
	return nil
}

// Ints appends the field's number, or its packed numbers.
func (f Field) Ints(to []int64) ([]int64, error) {
	if f.Type != protowire.BytesType {
		return append(to, int64(f.Value)), nil
	}
	for b := f.Bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, fmt.Errorf("wire format, field %d: packed numbers: %w", f.Number, protowire.ParseError(n))
		}
		to, b = append(to, int64(v)), b[n:]
	}
	return to, nil
}
