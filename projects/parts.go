package projects

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"strata/malloc"
)

// maxPart bounds what one stored part may unpack to.
const maxPart = 2 << 30

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unpack(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPart+1))
	if err == nil && len(out) > maxPart {
		err = fmt.Errorf("more than %d bytes", maxPart)
	}
	return out, err
}

// Placement names what a plan does (blocks, copies, operands, executors), not
// who found it or how long that took: runs of the same placement are one history.
func Placement(plan *malloc.Plan) (string, error) {
	return malloc.PlanHash(&malloc.Plan{StructureSHA256: plan.StructureSHA256, Blocks: plan.Blocks, Copies: plan.Copies, Sites: plan.Sites, Runs: plan.Runs})
}
