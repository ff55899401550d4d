package cpsat

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What a frame says. Parent to child: request and stop; child to parent: ready
// (once, after the self-test), answer, failure.
const (
	frameRequest byte = 'S' // length of the model (4 bytes), the model, the parameters
	frameStop    byte = 'T'
	frameReady   byte = 'R'
	frameAnswer  byte = 'A' // a CpSolverResponse
	frameFailure byte = 'E' // text
)

// maxFrame bounds what either side reads at once.
const maxFrame = 256 << 20

// writeFrame sends one frame: kind, length (4 bytes, big-endian), payload.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("cpsat: a message of %d bytes, the most is %d", len(payload), maxFrame)
	}
	head := append(make([]byte, 0, 5+len(payload)), kind)
	head = binary.BigEndian.AppendUint32(head, uint32(len(payload)))
	_, err := w.Write(append(head, payload...))
	return err
}

// readFrame receives one frame. io.EOF: the other side ended between frames.
func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("cpsat: a message says it has %d bytes, the most is %d", n, maxFrame)
	}
	payload, err = io.ReadAll(io.LimitReader(r, int64(n))) // grows as bytes come
	if err == nil && len(payload) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return head[0], payload, err
}

// packRequest joins a model and parameters; unpackRequest takes them apart.
func packRequest(model, params []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(model)+len(params)), uint32(len(model)))
	return append(append(b, model...), params...)
}

func unpackRequest(b []byte) (model, params []byte, err error) {
	if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, fmt.Errorf("cpsat: a request of %d bytes is cut off", len(b))
	}
	n := binary.BigEndian.Uint32(b)
	return b[4 : 4+n], b[4+n:], nil
}
