package hlo

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
)

type message []byte

func (m *message) bytes(field int, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType), b)
}

func (m *message) number(field int, v int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, protowire.Number(field), protowire.VarintType), uint64(v))
}

func (m *message) packed(field int, list []int64) {
	var b []byte
	for _, v := range list {
		b = protowire.AppendVarint(b, uint64(v))
	}
	if len(b) > 0 {
		m.bytes(field, b)
	}
}

func encodeShape(s *Shape) []byte {
	var m message
	if s.IsTup {
		m.number(2, primitiveTuple)
		for i := range s.Tuple {
			m.bytes(4, encodeShape(&s.Tuple[i]))
		}
		return m
	}
	for number, name := range primitive {
		if name == s.Type {
			m.number(2, int64(number))
		}
	}
	m.packed(3, s.Dims)
	var layout message
	layout.packed(1, s.Minor)
	m.bytes(5, layout)
	return m
}

// encode writes a module as XLA does: computations before their callers, ids
// instead of names, a while's body before its condition.
func encode(m *Module) []byte {
	ids := map[*Computation]int64{}
	for i, c := range m.Computations {
		ids[c] = int64(100 + i)
	}
	var out, schedule message
	out.bytes(1, []byte(m.Name))
	for _, c := range m.Computations {
		var cm, sequence, entry message
		cm.bytes(1, []byte(c.Name))
		number := map[*Instruction]int64{}
		var order []int64
		for i, in := range c.Instrs {
			number[in] = int64(1000 + i)
			order = append(order, number[in])
			var im message
			im.bytes(1, []byte(in.Name))
			im.bytes(2, []byte(in.Opcode))
			im.bytes(3, encodeShape(&in.Shape))
			if in.Opcode == "parameter" {
				im.number(9, int64(in.Index))
			} else {
				im.number(13, int64(in.Index))
			}
			im.packed(14, in.Dimensions)
			var window, conv, dot message
			for _, w := range in.Window {
				var wm message
				for field, v := range map[int]int64{1: w.Size, 2: w.Stride, 3: w.PadLow, 5: w.WindowDilation, 6: w.BaseDilation} {
					wm.number(field, v)
				}
				window.bytes(1, wm)
			}
			im.bytes(15, window)
			for field, v := range map[int]int64{7: in.Conv.InBatch, 8: in.Conv.InFeature, 3: in.Conv.KernelIn, 4: in.Conv.KernelOut, 9: in.Conv.OutBatch, 10: in.Conv.OutFeature} {
				conv.number(field, v)
			}
			conv.packed(11, in.Conv.InSpatial)
			conv.packed(6, in.Conv.KernelSpatial)
			conv.packed(12, in.Conv.OutSpatial)
			im.bytes(16, conv)
			dot.packed(1, in.Dot.LHSContract)
			dot.packed(2, in.Dot.RHSContract)
			dot.packed(3, in.Dot.LHSBatch)
			dot.packed(4, in.Dot.RHSBatch)
			im.bytes(30, dot)
			im.number(35, number[in])
			var operands, called []int64
			for _, o := range in.Operands {
				operands = append(operands, number[o])
			}
			for _, to := range in.Called {
				called = append(called, ids[to])
			}
			if in.Opcode == "while" {
				called[0], called[1] = called[1], called[0]
			}
			im.packed(36, operands)
			im.packed(38, called)
			if in.Trip > 0 {
				im.bytes(43, fmt.Appendf(nil, `{"known_trip_count":{"n":"%d"}}`, in.Trip))
			}
			im.number(50, in.Groups)
			im.number(58, in.BatchGroups)
			cm.bytes(2, im)
		}
		cm.number(5, ids[c])
		cm.number(6, number[c.Root])
		out.bytes(3, cm)
		entry.number(1, ids[c])
		var list message
		list.packed(1, order)
		entry.bytes(2, list)
		sequence.bytes(1, entry)
		schedule = append(schedule, sequence...)
	}
	out.number(6, ids[m.Entry])
	if m.Scheduled {
		out.bytes(7, schedule)
	}
	return out
}

// TestProtoAndTextAgree: the same module in both forms is the same instance.
func TestProtoAndTextAgree(t *testing.T) {
	texts := map[string]string{"loop": loopText(t)}
	t.Run("mobilenet", func(t *testing.T) {
		texts["mobilenet"] = string(converttest.Shared(t, "xla", "mobilenet_v2.hlo"))
	})
	for name, text := range texts {
		m, err := ParseText(text)
		if err != nil {
			t.Fatal(err)
		}
		wire := encode(m)
		var proto message
		proto.bytes(1, wire)
		for form, data := range map[string][]byte{"module": wire, "proto": proto} {
			if !IsProto(data) {
				t.Errorf("%s, %s: not recognised", name, form)
			}
			var hashes []string
			fromText, err := Text([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			fromProto, err := Proto(data)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, form, err)
			}
			for _, s := range []*convert.Schedule{fromText, fromProto} {
				s.Source.Converter = ""
				p, err := convert.Lower(s, converttest.Profile(t), convert.Options{})
				if err != nil {
					t.Fatal(err)
				}
				sum, err := malloc.InstanceHash(p)
				if err != nil {
					t.Fatal(err)
				}
				hashes = append(hashes, sum)
			}
			if hashes[0] != hashes[1] {
				t.Errorf("%s, %s: the wire format gives another instance than text", name, form)
			}
		}
	}
	s, err := Proto(encode(mustParse(t, texts["loop"])))
	if err != nil {
		t.Fatal(err)
	}
	converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy")
}

func mustParse(t testing.TB, text string) *Module {
	t.Helper()
	m, err := ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestProtoRefusals(t *testing.T) {
	good := encode(mustParse(t, loopText(t)))
	for name, data := range map[string][]byte{"empty": nil, "cut": good[:len(good)/2], "text": []byte("HloModule m"), "noise": []byte("\x0a\xff\xff\xff\xff\x0f")} {
		if _, err := Proto(data); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzProto(f *testing.F) {
	f.Add(encode(mustParse(f, loopText(f))))
	hw := converttest.Profile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		s, err := Proto(data)
		if err != nil {
			return
		}
		if _, err := convert.Lower(s, hw, convert.Options{}); err != nil && strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
