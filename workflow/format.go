package workflow

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"strings"
)

// FileFormat is what a JSON file, gzipped or not, says it is (mmap-instance/1, …); "" for everything
// else.
func FileFormat(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := bufio.NewReader(f)
	var r io.Reader = b
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return ""
		}
		r = z
	} else if !strings.HasSuffix(path, ".json") {
		return ""
	}
	d := json.NewDecoder(io.LimitReader(r, 64<<20))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return ""
		}
		if key == "format" {
			v, err := d.Token()
			if s, ok := v.(string); err == nil && ok {
				return s
			}
			return ""
		}
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return ""
		}
	}
	return ""
}
