package file

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ProcReadBytes is the operating system's count of bytes that this process has
// had read from storage (read_bytes of /proc/self/io). Page-cache hits and
// tmpfs do not move it. An error where the system has no such count.
func ProcReadBytes() (int64, error) {
	const path = "/proc/self/io"
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("count of bytes read from storage: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "read_bytes: "); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: read_bytes: %w", path, err)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s: no line read_bytes", path)
}
