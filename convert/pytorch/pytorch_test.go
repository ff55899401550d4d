package pytorch

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
)

const small = `{"schema":"1.0.1","nodes":[
{"name":"thread","id":1,"parent":0,"op_schema":"","inputs":[],"input_shapes":[],"input_types":[],"outputs":[],"output_shapes":[],"output_types":[]},
{"name":"aten::linear","id":2,"parent":1,"op_schema":"aten::linear(Tensor a, Tensor b) -> Tensor","inputs":[[10,110,0,64,4,"cuda:0"],[11,111,0,128,4,"cuda:0"]],"input_shapes":[[8,8],[8,16]],"input_types":["Tensor(float)","Tensor(float)"],"outputs":[[12,112,0,128,4,"cuda:0"]],"output_shapes":[[8,16]],"output_types":["Tensor(float)"]},
{"name":"aten::mm","id":3,"parent":2,"op_schema":"aten::mm(Tensor self, Tensor mat2) -> Tensor","inputs":[[10,110,0,64,4,"cuda:0"],[11,111,0,128,4,"cuda:0"]],"input_shapes":[[8,8],[8,16]],"input_types":["Tensor(float)","Tensor(float)"],"outputs":[[12,112,0,128,4,"cuda:0"]],"output_shapes":[[8,16]],"output_types":["Tensor(float)"]},
{"name":"aten::view","id":4,"parent":1,"op_schema":"aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)","inputs":[[12,112,0,128,4,"cuda:0"],[128]],"input_shapes":[[8,16],[]],"input_types":["Tensor(float)","GenericList[Int]"],"outputs":[[13,112,0,128,4,"cuda:0"]],"output_shapes":[[128]],"output_types":["Tensor(float)"]},
{"name":"aten::add_","id":5,"parent":1,"op_schema":"aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)","inputs":[[11,111,0,128,4,"cuda:0"],[13,112,0,128,4,"cuda:0"],1],"input_shapes":[[8,16],[128],[]],"input_types":["Tensor(float)","Tensor(float)","Int"],"outputs":[[11,111,0,128,4,"cuda:0"]],"output_shapes":[[8,16]],"output_types":["Tensor(float)"]}
]}`

func TestStoragesViewsAndUpdates(t *testing.T) {
	s, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	p := converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy")
	if len(p.Instructions) != 2 || len(p.Buffers) != 3 {
		t.Fatalf("%d instructions, %d buffers: mm and add_ on three storages are expected", len(p.Instructions), len(p.Buffers))
	}
	if f := p.Instructions[0].FLOPs; f != 2*8*8*16 {
		t.Errorf("mm has %g FLOP", f)
	}
	weight := slices.IndexFunc(p.Buffers, func(b malloc.Buffer) bool { return b.Name == "storage.111" })
	if b := p.Buffers[weight]; b.Kind != malloc.KindParam || b.End != malloc.EndOut || b.Size != 512 {
		t.Errorf("the updated weight is %+v", b)
	}
	if w := p.Instructions[1].Writes; len(w) != 1 || w[0].Buf != weight {
		t.Errorf("add_ writes %v", w)
	}
}

func TestMutatedArguments(t *testing.T) {
	for schema, want := range map[string][]bool{
		"aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)": {true, false, false},
		"aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other) -> ()":                 {true, false},
		"aten::empty() -> Tensor": nil,
		"nonsense":                nil,
	} {
		if got := mutatedArguments(schema); !slices.Equal(got, want) {
			t.Errorf("%s: %v", schema, got)
		}
	}
}

func TestPublicTraces(t *testing.T) {
	for _, name := range []string{"linear_et.json.gz", "resnet_et.json.gz"} {
		z, err := gzip.NewReader(bytes.NewReader(converttest.Shared(t, "param", name)))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Read(data)
		if err != nil {
			t.Fatal(err)
		}
		p, err := convert.Lower(s, converttest.Profile(t), convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Instructions) < 1000 { // the solver takes its time under the rest of the tests
			converttest.Plan(t, p, "demand")
		}
		var flops float64
		products := 0
		for i := range p.Instructions {
			flops += p.Instructions[i].FLOPs
			if op := p.Instructions[i].Op; op == "mm" || strings.Contains(op, "convolution") {
				products++
			}
		}
		t.Logf("%s: %d instructions, %d buffers, %d products, %.4g FLOP", name, len(p.Instructions), len(p.Buffers), products, flops)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"nodes":[`, `"nodes":[],"x":[`, "no nodes"},
		{`[10,110,0,64,4`, `[10,110,0,-64,4`, "sizes from 0"},
		{`[10,110,0,64,4`, `[10,"a",0,64,4`, "whole numbers"},
		{`{"schema"`, `"schema"`, "execution trace"},
	} {
		if _, err := Read([]byte(strings.ReplaceAll(small, c.old, c.new))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, %q is expected", c.new, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	hw := converttest.Profile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		if err != nil {
			return
		}
		if _, err := convert.Lower(s, hw, convert.Options{}); err != nil && strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
