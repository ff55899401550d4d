package workflow

import (
	"bytes"

	"strata/convert"
	"strata/convert/hlo"
	"strata/convert/minimalloc"
	"strata/convert/mlsys"
	"strata/convert/onnx"
	"strata/convert/pytorch"
)

// converters are tried in this order when nobody says what a file is.
var converters = []converter{
	{name: "hlo",
		detect: func(_ string, data []byte) bool { return startsWith(data, "HloModule ") },
		read:   func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return hlo.Text(data) }},
	{name: "hloproto",
		detect: func(_ string, data []byte) bool { return hlo.IsProto(data) },
		read:   func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return hlo.Proto(data) }},
	{name: "mlsys",
		detect: func(_ string, data []byte) bool {
			return startsWith(data, "{") && mentions(data, `"fast_memory_capacity"`)
		},
		read: func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return mlsys.Read(data) }},
	{name: "onnx",
		detect: func(_ string, data []byte) bool { return onnx.Is(data) },
		read:   func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return onnx.Read(data) }},
	{name: "pytorch",
		detect: func(_ string, data []byte) bool { return startsWith(data, "{") && mentions(data, `"op_schema"`) },
		read:   func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return pytorch.Read(data) }},
	{name: "minimalloc",
		detect: func(_ string, data []byte) bool {
			line, _, _ := bytes.Cut(data, []byte("\n"))
			return bytes.Contains(line, []byte("lower")) && bytes.Contains(line, []byte("upper")) && bytes.Contains(line, []byte("size"))
		},
		read: func(data []byte, _ *ConvertRequest) (*convert.Schedule, error) { return minimalloc.Read(data) }},
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

// mentions looks at the first MiB.
func mentions(data []byte, word string) bool {
	return bytes.Contains(data[:min(len(data), 1<<20)], []byte(word))
}
