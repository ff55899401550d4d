package network

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Format is the value of a weights file's field "format".
const Format = "strata-network/1"

// MaxBytes bounds what Read takes.
const MaxBytes = 1 << 20

// maxFeatures and maxNameBytes bound the features of a file.
const (
	maxFeatures  = 256
	maxNameBytes = 128
)

// document is a weights file.
type document struct {
	Format  string          `json:"format"`
	State   []string        `json:"state_features"`
	Action  []string        `json:"action_features"`
	Hidden  [2][]int        `json:"hidden"` // of policy and value
	Record  json.RawMessage `json:"record"` // how the weights came about
	SHA256  string          `json:"weights_sha256"`
	Weights string          `json:"weights"` // policy then value, float32, little endian, base64
}

// raw is the weights as bytes.
func (n *Network) raw() []byte {
	var out []byte
	for _, m := range []*mlp{n.policy, n.value} {
		for _, w := range m.weights {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(w)))
		}
	}
	return out
}

// SHA256 is the hash of the weights.
func (n *Network) SHA256() string {
	sum := sha256.Sum256(n.raw())
	return hex.EncodeToString(sum[:])
}

// Write writes the weights with a record of their training, which must marshal
// to JSON. Equal networks and records give equal bytes.
func (n *Network) Write(w io.Writer, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(document{Format: Format, State: n.StateFeatures, Action: n.ActionFeatures, Hidden: [2][]int{policyHidden, valueHidden},
		Record: text, SHA256: n.SHA256(), Weights: base64.StdEncoding.EncodeToString(n.raw())})
}

// Read reads a weights file and its record.
func Read(r io.Reader) (*Network, json.RawMessage, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, nil, err
	}
	if len(text) > MaxBytes {
		return nil, nil, fmt.Errorf("more than %d bytes: no weights file is so large", MaxBytes)
	}
	var d document
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, nil, fmt.Errorf("weights file: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("weights file: text after the document")
	}
	if d.Format != Format {
		return nil, nil, fmt.Errorf("format: %q, %q is expected", d.Format, Format)
	}
	for name, list := range map[string][]string{"state_features": d.State, "action_features": d.Action} {
		if len(list) == 0 || len(list) > maxFeatures {
			return nil, nil, fmt.Errorf("%s: %d names, 1 to %d are expected", name, len(list), maxFeatures)
		}
		for _, f := range list {
			if f == "" || len(f) > maxNameBytes {
				return nil, nil, fmt.Errorf("%s: a name of %d bytes, 1 to %d are expected", name, len(f), maxNameBytes)
			}
		}
	}
	if !slices.Equal(d.Hidden[0], policyHidden) || !slices.Equal(d.Hidden[1], valueHidden) {
		return nil, nil, fmt.Errorf("hidden: %v, this version has %v and %v", d.Hidden, policyHidden, valueHidden)
	}
	n := shaped(d.State, d.Action)
	raw, err := base64.StdEncoding.DecodeString(d.Weights)
	if err != nil {
		return nil, nil, fmt.Errorf("weights: %w", err)
	}
	if len(raw) != 4*n.Weights() {
		return nil, nil, fmt.Errorf("weights: %d bytes, %d are expected for these features", len(raw), 4*n.Weights())
	}
	at := 0
	for _, m := range []*mlp{n.policy, n.value} {
		for i := range m.weights {
			w := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[at:])))
			if math.IsNaN(w) || math.IsInf(w, 0) {
				return nil, nil, fmt.Errorf("weights: number %d is not finite", at/4)
			}
			m.weights[i] = w
			at += 4
		}
	}
	if got := n.SHA256(); got != d.SHA256 {
		return nil, nil, fmt.Errorf("weights_sha256: %s, the weights have %s", d.SHA256, got)
	}
	return n, d.Record, nil
}
