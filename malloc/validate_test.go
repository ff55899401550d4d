package malloc

import (
	"math"
	"strings"
	"testing"
)

func TestValidateNamesTheField(t *testing.T) {
	if err := Validate(decodeLoopSample()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(p *Program)
		want   string
	}{
		{"format", func(p *Program) { p.Format = "mmap/2" }, `format: "mmap/2"`},
		{"overlap", func(p *Program) { p.Model.Overlap = "both" }, `model.overlap: "both", one of ["idle_bw" "steal"]`},
		{"no tiers", func(p *Program) { p.Tiers = nil }, `tiers: 0`},
		{"tier id", func(p *Program) { p.Tiers[1].ID = 0 }, `tiers[1].id: 0, an id is its index: 1`},
		{"two unlimited", func(p *Program) { p.Tiers[0].Capacity = -1 }, `tiers[1].capacity: -1, but tiers[0] is unlimited already`},
		{"none unlimited", func(p *Program) { p.Tiers[1].Capacity = 5 }, `exactly one tier is unlimited`},
		{"negative capacity", func(p *Program) { p.Tiers[0].Capacity = -2 }, `tiers[0].capacity: -2`},
		{"align", func(p *Program) { p.Tiers[0].Align = 0 }, `tiers[0].align: 0`},
		{"NaN", func(p *Program) { p.Tiers[0].ReadBW = math.NaN() }, `tiers[0].read_bw: NaN`},
		{"engine loop", func(p *Program) { p.Engines[0].To = 1 }, `engines[0].to: 1, the same tier`},
		{"engine tier", func(p *Program) { p.Engines[0].From = 4 }, `engines[0].from: 4, tiers are 0..1`},
		{"copies into a file", func(p *Program) { p.Engines[0].From, p.Engines[0].To = 0, 1 }, `engines[0].to: 1, but tiers[1].write_bw is 0`},
		{"no bandwidth", func(p *Program) { p.Engines[0].BW = 0 }, `engines[0].bw: 0`},
		{"io_align", func(p *Program) { p.Engines[0].IOAlign = 3000 }, `engines[0].io_align: 3000, tiers[0].align is 4096`},
		{"outstanding", func(p *Program) { p.Engines[0].MaxOutstanding = 0 }, `engines[0].max_outstanding: 0`},
		{"order", func(p *Program) { p.Engines[0].Order = "lifo" }, `engines[0].order: "lifo"`},
		{"shares", func(p *Program) { p.Engines[0].Shares = []int{0, 0} }, `engines[0].shares: tier 0 is listed twice`},
		{"access", func(p *Program) { p.Executors[0].Access = nil }, `executors[0].access: empty`},
		{"access tier", func(p *Program) { p.Executors[0].Access[0].Tier = 2 }, `executors[0].access[0].tier: 2`},
		{"home", func(p *Program) { p.Buffers[1].Home = 7 }, `buffers[1].home: 7, tiers are 0..1`},
		{"end", func(p *Program) { p.Buffers[1].End = "maybe" }, `buffers[1].end: "maybe"`},
		{"size", func(p *Program) { p.Buffers[1].Size = MaxSizeBytes + 1 }, `buffers[1].size`},
		{"home_offset in memory", func(p *Program) { off := int64(0); p.Buffers[1].HomeOffset = &off }, `buffers[1].home_offset: set, but tiers[0] (dram) is not a file`},
		{"activation in a file", func(p *Program) { p.Buffers[2].Home = 1 }, `buffers[2].home: 1, tier "file" cannot be written`},
		{"file written", func(p *Program) {
			p.Instructions[3].Writes = []Operand{{0, 1}}
			p.Buffers[3].Select.Of = []int{0}
		}, `instructions[3].writes[0].buf: 0, its home tier "file" cannot be written`},
		{"compute_s", func(p *Program) { p.Instructions[0].ComputeS = -1 }, `instructions[0].compute_s: -1`},
		{"operand", func(p *Program) { p.Instructions[2].Reads[0].Buf = 5 }, `instructions[2].reads[0].buf: 5, buffers are 0..4`},
		{"bytes", func(p *Program) { p.Instructions[2].Reads[0].Bytes = -1 }, `instructions[2].reads[0].bytes: -1`},
		{"executor", func(p *Program) { p.Instructions[0].RunsOn[0].Executor = 1 }, `instructions[0].runs_on[0].executor: 1, executors are 0..0`},
		{"scratch tier", func(p *Program) { p.Instructions[0].Scratch = map[string]int64{"00": 1} }, `instructions[0].scratch: key "00"`},
		{"pin operand", func(p *Program) { p.Instructions[3].Fixed[0].Arg = "r2" }, `instructions[3].fixed[0].arg: "r2"`},
		{"pin tier", func(p *Program) { p.Instructions[3].Fixed[0].Tier = 2 }, `instructions[3].fixed[0].tier: 2`},
		{"contradicting pins", func(p *Program) {
			p.Instructions[2].Fixed = []Fixed{{"r0", 0}, {"w0", 1}}
		}, `another pin puts the same buffer 1 in tier 0`},
		{"loop range", func(p *Program) { p.Loops[0].End = 9 }, `loops[0]: [1, 9)`},
		{"trip", func(p *Program) { p.Loops[0].Trip = 0 }, `loops[0].trip: 0`},
		{"two periodic loops", func(p *Program) { p.Loops = append(p.Loops, Loop{Begin: 0, End: 1, Trip: 1, Periodic: true}) }, `loops[1].periodic: loops[0] is periodic already`},
		{"nested in the periodic loop", func(p *Program) { p.Loops = append(p.Loops, Loop{Begin: 2, End: 3, Trip: 1}) }, `are nested, a periodic loop is not`},
		{"crossing loops", func(p *Program) { p.Loops = append(p.Loops, Loop{Begin: 0, End: 2, Trip: 1}) }, `crosses`},
		{"growth beyond size", func(p *Program) { p.Loops[0].Growth[0].Slope = 1e6 }, `buffers[1].size 4096 is the maximum`},
		{"carried sizes", func(p *Program) { p.Loops[0].Carried = [][2]int{{4, 1}} }, `loops[0].carried[0]: out 4 has 100 bytes`},
		{"carried by itself", func(p *Program) { p.Loops[0].Carried = [][2]int{{4, 4}} }, `carries itself`},
		{"carried, not written", func(p *Program) { p.Loops[0].Carried = [][2]int{{2, 4}}; p.Instructions[1].Writes = nil }, `out 2 is not written in [1, 4)`},
		{"class without entry", func(p *Program) { p.Aliases = nil }, `buffers[2].class: "c", no entry`},
		{"class names differ", func(p *Program) { p.Aliases[0].Class = "d" }, `buffers[2].class is "c", the entry's is "d"`},
		{"two classes", func(p *Program) { p.Aliases = append(p.Aliases, Alias{Class: "d", Kind: "may", Buffers: []int{2}}) }, `2 is in aliases[0] already`},
		{"alias kind", func(p *Program) { p.Aliases[0].Kind = "should" }, `aliases[0].kind: "should"`},
		{"must sizes", func(p *Program) { p.Aliases[0].Kind = "must"; p.Buffers[4].Size = 99 }, `members of a must-class share their place`},
		{"must order", func(p *Program) {
			p.Aliases[0].Kind = "must"
			p.Instructions[3].Reads = append(p.Instructions[3].Reads, Operand{2, 1})
		}, `instructions[3].reads[2].buf: 2 is read after buffer 4`},
		{"select of a select", func(p *Program) { p.Buffers[3].Select.Of = []int{3} }, `buffers[3].select.of[0]: buffer 3`},
		{"select after nothing", func(p *Program) { p.Buffers[3].Select.After = 4 }, `buffers[3].select.after: 4`},
		{"select written", func(p *Program) {
			p.Tiers[1].WriteBW = 1
			p.Buffers[0].HomeOffset = nil
			p.Instructions[3].Writes = []Operand{{0, 1}}
		}, `never written`},
		{"select known late", func(p *Program) { p.Loops = nil }, `instructions[1].reads[0].buf: select buffer 3 is known only after instruction 3`},
		{"read before written", func(p *Program) { p.Instructions[0].Reads = []Operand{{4, 1}} }, `instructions[0].reads[0].buf: 4 (y) is read before it is written`},
		{"read where it is defined", func(p *Program) { p.Instructions[0].Reads = []Operand{{2, 1}} }, `2 (x) is read before it is written`},
		{"out never written", func(p *Program) {
			p.Buffers = append(p.Buffers, Buffer{ID: 5, Name: "z", Kind: KindOutput, End: EndOut})
		}, `buffers[5].end: "out", but nothing writes buffer 5`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := decodeLoopSample()
			c.change(p)
			if err := Validate(p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
