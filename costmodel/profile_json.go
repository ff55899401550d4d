package costmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"strata/assets"
)

// MaxProfileBytes is the largest profile that is read; a calibration with every
// kernel and type takes about a hundred kilobytes.
const MaxProfileBytes = 8 << 20

// ParseProfile reads and validates a profile. Name is used in errors only
// (a path, or "host"). Unknown fields are refused.
func ParseProfile(name string, data []byte) (*Profile, error) {
	if len(data) > MaxProfileBytes {
		return nil, fmt.Errorf("profile %s: %d bytes; a profile has at most %d", name, len(data), MaxProfileBytes)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p Profile
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, explainJSON(data, d.InputOffset(), err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("profile %s: line %d: text after the profile's closing brace", name, lineAt(data, d.InputOffset()))
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return &p, nil
}

// ReadProfile reads the profile in a file.
func ReadProfile(path string) (*Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open profile: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxProfileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	return ParseProfile(path, data)
}

// Encode writes the profile as indented JSON, after validating it.
func (p *Profile) Encode() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	return append(b, '\n'), nil
}

// Shipped returns the profile that the program carries under that name.
func Shipped(name string) (*Profile, error) {
	data, err := fs.ReadFile(assets.Profiles, "profiles/"+name+".json")
	if err != nil {
		names, _ := ShippedNames()
		return nil, fmt.Errorf("no shipped profile %q; there are %s", name, list(names))
	}
	return ParseProfile(name, data)
}

// ShippedNames lists the profiles that the program carries, sorted.
func ShippedNames() ([]string, error) {
	entries, err := fs.ReadDir(assets.Profiles, "profiles")
	if err != nil {
		return nil, fmt.Errorf("shipped profiles: %w", err)
	}
	var names []string
	for _, e := range entries {
		if n, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			names = append(names, n)
		}
	}
	return sorted(names), nil
}

// explainJSON adds the line and, where encoding/json knows it, the field.
func explainJSON(data []byte, offset int64, err error) error {
	var syn *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syn):
		return fmt.Errorf("line %d: %w", lineAt(data, syn.Offset), err)
	case errors.As(err, &typ):
		return fmt.Errorf("line %d: field %s: found %s, expected %s", lineAt(data, typ.Offset), typ.Field, typ.Value, typ.Type)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: the file ends early", lineAt(data, int64(len(data))))
	}
	return fmt.Errorf("line %d: %w", lineAt(data, offset), err)
}

func lineAt(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte{'\n'})
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// list joins names for an error message.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
