package trace

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxJSONBytes bounds what Read takes in.
const maxJSONBytes = 1 << 30

// Write writes t as one line of JSON. Times keep their full precision: Read
// gives back an equal timeline.
func Write(w io.Writer, t *Timeline) error {
	return json.NewEncoder(w).Encode(t)
}

// Read reads a timeline that Write wrote and validates it. Unknown fields are
// errors.
func Read(r io.Reader) (*Timeline, error) {
	d := json.NewDecoder(io.LimitReader(r, maxJSONBytes))
	d.DisallowUnknownFields()
	t := new(Timeline)
	if err := d.Decode(t); err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	return t, nil
}
