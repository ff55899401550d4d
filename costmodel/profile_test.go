package costmodel

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"strata/assets"
)

func shipped(t testing.TB) map[string]*Profile {
	t.Helper()
	names, err := ShippedNames()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*Profile, len(names))
	for _, n := range names {
		p, err := Shipped(n)
		if err != nil {
			t.Fatal(err)
		}
		all[n] = p
	}
	return all
}

func profileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	data, err := assets.Schemas.ReadFile("schema/profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("profile.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("profile.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShippedProfiles(t *testing.T) {
	all := shipped(t)
	if len(all) < 8 {
		t.Fatalf("%d shipped profiles, at least eight wanted", len(all))
	}
	schema := profileSchema(t)
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			if p.Name != name {
				t.Errorf("the file is called %s, the profile %s", name, p.Name)
			}
			data, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("schema: %v", err)
			}
			again, err := ParseProfile(name, data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, again); diff != "" {
				t.Errorf("round trip: %s", diff)
			}
			physical(t, p)
		})
	}
}

// physical checks what no machine can do.
func physical(t *testing.T, p *Profile) {
	home := p.Tiers[p.Home()].Name
	reached := map[string]bool{}
	for i := range p.Executors {
		x := &p.Executors[i]
		for _, a := range x.Access {
			reached[a.Tier] = true
			tier, err := p.Tier(a.Tier)
			if err != nil {
				t.Fatal(err)
			}
			bw, err := x.ReadBW(a.Tier, x.Cores, 0)
			if err != nil || bw > tier.ReadBW.V*1.0001 {
				t.Errorf("%s reads %s at %g of its %g: %v", x.Name, a.Tier, bw, tier.ReadBW.V, err)
			}
			if one, _ := x.ReadBW(a.Tier, 1, 0); one > bw {
				t.Errorf("%s: one thread reads %s faster (%g) than all (%g)", x.Name, a.Tier, one, bw)
			}
			if c := x.LastLevelCache(); c != nil && c.BW(x.Cores) < bw {
				t.Errorf("%s: cache %s (%g) is slower than %s (%g)", x.Name, c.Name, c.BW(x.Cores), a.Tier, bw)
			}
		}
		for _, w := range []Work{
			{Kernel: KernelMatMul, DType: "q4_1", Mode: ModeFast, Threads: x.Cores, Rows: 4096, Cols: 4096, Tokens: 1},
			{Kernel: KernelMatMul, DType: "f16", Mode: ModeReference, Threads: 1, Rows: 4096, Cols: 4096, Tokens: 512},
			{Kernel: KernelAttention, DType: "f16", Mode: ModeFast, Threads: x.Cores, Rows: 32, Cols: 128, Tokens: 1, KV: 4096},
			{Kernel: KernelNorm, DType: "f32", Mode: ModeFast, Threads: x.Cores, Cols: 4096, Tokens: 64},
			{Kernel: KernelSample, DType: "f32", Mode: ModeReference, Threads: 1, Cols: 128_000, Tokens: 1},
		} {
			s, err := x.ComputeS(w)
			if err != nil || !(s > 0) || s > 10 {
				t.Errorf("%s: %+v takes %g s: %v", x.Name, w, s, err)
			}
		}
	}
	for _, l := range p.Links {
		from, _ := p.Tier(l.From)
		to, _ := p.Tier(l.To)
		if l.BW.V > from.ReadBW.V*1.0001 || to.WriteBW.V > 0 && l.BW.V > to.WriteBW.V*1.0001 {
			t.Errorf("link %s moves %g, %s gives %g and %s takes %g", l.Name, l.BW.V, l.From, from.ReadBW.V, l.To, to.WriteBW.V)
		}
		if got := l.Throughput(l.RequestBytes, l.Depth); got < 0.5*l.BW.V {
			t.Errorf("link %s: depth %d and requests of %d reach only %g of %g", l.Name, l.Depth, l.RequestBytes, got, l.BW.V)
		}
		if l.From == home {
			reached[l.To] = true
		}
	}
	if reached[home] {
		t.Errorf("an executor computes straight from the file tier %s", home)
	}
	for _, tier := range p.Tiers {
		if tier.Name != home && !reached[tier.Name] {
			t.Errorf("nothing reaches tier %s", tier.Name)
		}
	}
}

func TestParseRefusals(t *testing.T) {
	data, err := assets.Profiles.ReadFile("profiles/test-periodic.json")
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, tc := range []struct{ name, from, to, want string }{
		{"unknown field", `"name": "test-periodic"`, `"nam": "x"`, `"nam"`},
		{"unknown field inside", `"io_align"`, `"ioalign"`, `"ioalign"`},
		{"wrong type", `"cores": 2`, `"cores": "two"`, "cores"},
		{"fraction of bytes", `"v": 137438953472`, `"v": 0.5`, "capacity_bytes"},
		{"cut short", "\n}\n", "\n", "ends early"},
		{"text after", "\n}\n", "\n}\n{}", "text after"},
		{"format", "strata-profile/1", "strata-profile/2", "format: found"},
		{"kind", `"kind": "test"`, `"kind": "guess"`, "kind: found"},
		{"date", `"date": "2026-11-25"`, `"date": "25.11.2026"`, "date: found"},
		{"no such source", `"read_bw": {"v": 16e9, "source": "prototype"}`, `"read_bw": {"v": 16e9, "source": "x"}`, "tiers[0].read_bw.source"},
		{"negative bandwidth", `"read_bw": {"v": 16e9`, `"read_bw": {"v": -16e9`, "tiers[0].read_bw"},
		{"zero bandwidth", `"bw": {"v": 1.8e9`, `"bw": {"v": 0`, "links[0].bw"},
		{"two unlimited", `"v": 137438953472`, `"v": -1`, "exactly one"},
		{"none unlimited", `"v": -1`, `"v": 1000`, "exactly one"},
		{"align", `"align": 64`, `"align": 65`, "tiers[0].align"},
		{"request not aligned", `1048576`, `1048577`, "links[0].request_bytes"},
		{"depth", `"depth": 2`, `"depth": 0`, "links[0].depth"},
		{"unknown tier", `"to": "dram"`, `"to": "drum"`, `links[0].to: no tier "drum"`},
		{"loop", `"to": "dram"`, `"to": "file"`, "links[0]: from and to"},
		{"unit", `"unit": "mac"`, `"unit": "flop"`, "kernels[0].unit"},
		{"mode", `"mode": "*"`, `"mode": "quick"`, "kernels[0].mode"},
		{"tokens", `"tokens": 1,`, `"tokens": 0,`, "points[0]"},
		{"listed twice", `"kernel": "attention"`, `"kernel": "matmul"`, "listed twice"},
		{"overlap", `"rule": "steal"`, `"rule": "share"`, "overlap.rule"},
		{"empty tier name", `"name": "dram"`, `"name": ""`, "tiers[0].name"},
		{"tier taken", `"name": "dram"`, `"name": "file"`, "tiers[1].name"},
		{"no document", `"document": "so large or small that only memory and copies take time"`, `"document": ""`, `sources["free"].document`},
		{"number too large", `"v": 16e9`, `"v": 1e999`, "1e999"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := strings.Replace(good, tc.from, tc.to, 1)
			if bad == good {
				t.Fatalf("%q is not in the profile", tc.from)
			}
			_, err := ParseProfile("x.json", []byte(bad))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "profile x.json: ") {
				t.Fatalf("error %v, want one with %q that names the file", err, tc.want)
			}
		})
	}
	if _, err := Shipped("pocket-calculator"); err == nil || !strings.Contains(err.Error(), "laptop") {
		t.Errorf("unknown shipped profile: %v, want an error that lists those there are", err)
	}
	if _, err := ReadProfile("testdata/none.json"); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ParseProfile("x", make([]byte, MaxProfileBytes+1)); err == nil {
		t.Error("a profile beyond the size limit was read")
	}
}

// Everything Validate accepts can be written, read again and asked for costs.
func FuzzParseProfile(f *testing.F) {
	for _, name := range []string{"test-periodic", "laptop", "desktop-rtx4090"} {
		data, err := assets.Profiles.ReadFile("profiles/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"format":"strata-profile/1","tiers":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile("fuzz", data)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatalf("a valid profile cannot be written: %v", err)
		}
		q, err := ParseProfile("again", again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		third, err := q.Encode()
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("not stable: %v", err)
		}
		for i := range p.Executors {
			x := &p.Executors[i]
			for _, kernel := range []string{KernelMatMul, KernelAttention, KernelNorm} {
				s, err := x.ComputeS(Work{Kernel: kernel, DType: "q4_1", Mode: ModeFast, Threads: 3, Rows: 5, Cols: 700, Tokens: 9, KV: 100})
				if err == nil && (math.IsNaN(s) || s < 0) {
					t.Fatalf("%s takes %g s", kernel, s)
				}
			}
		}
	})
}

func TestSchemaRefusesUnknownFields(t *testing.T) {
	data, err := assets.Profiles.ReadFile("profiles/laptop.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	schema := profileSchema(t)
	if err := schema.Validate(doc); err != nil {
		t.Fatal(err)
	}
	doc["colour"] = "green"
	if err := schema.Validate(doc); err == nil {
		t.Error("the schema accepts a field that readers refuse")
	}
}
