package workflow

import (
	"bytes"

	"strata/convert"
	"strata/convert/hlo"
)

// converters are tried in this order when nobody says what a file is.
var converters = []converter{
	{name: "hlo",
		detect: func(_ string, data []byte) bool { return startsWith(data, "HloModule ") },
		read:   func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return hlo.Text(data) }},
}

// startsWith looks past space and line comments.
func startsWith(data []byte, word string) bool {
	for {
		data = bytes.TrimLeft(data, " \t\r\n")
		if !bytes.HasPrefix(data, []byte("//")) {
			return bytes.HasPrefix(data, []byte(word))
		}
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return false
		}
		data = data[end:]
	}
}
