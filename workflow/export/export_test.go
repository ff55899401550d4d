package export_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"strata/malloc"
	"strata/trace"
	"strata/ui/viz"
	"strata/ui/viz/viztest"
	"strata/workflow/export"
)

var (
	rewrite = flag.Bool("rewrite", false, "write the golden files anew")
	look    = flag.String("look", "", "folder to write a full report to, for looking at")
)

func sample() *export.Report {
	p, plan := viztest.Decode(0.4)
	return &export.Report{
		Title:       "small-llm in 64 MiB",
		Verdict:     "Fits: 41.1 of 64 MiB, validated by running it.",
		VerdictTone: export.Good,
		State:       "cold",
		Facts: []export.Fact{{Name: "Time per token", Value: "41.2 ms"}, {Name: "Over the bound", Value: "9.0 %"},
			{Name: "Peak in dram", Value: "41.1 MiB"}, {Name: "Streamed per token", Value: "52.3 MiB"}},
		Rows: []export.Row{
			{Name: "Peak, dram", Unit: export.UnitBytes, Predicted: 43057152, Measured: 43057152},
			{Name: "File bytes", Unit: export.UnitBytes, Predicted: 1700003840, Measured: 1700003840, Note: "operating system: the same"},
			{Name: "File requests", Unit: export.UnitCount, Predicted: 7998, Measured: 8000, Tone: export.Bad},
			{Name: "Time per token", Unit: export.UnitSeconds, Predicted: 0.0412, Measured: 0.0430},
			{Name: "Prefill", Unit: export.UnitSeconds, Predicted: 0.212, Measured: export.Unknown},
			{Name: "Decode", Unit: "tokens/s", Predicted: 24.27, Measured: 23.26},
		},
		Program: p, Plan: plan,
		Predicted: viztest.Run(p, "predicted", 1), Measured: viztest.Run(p, "measured", 2),
		Baselines: []viz.Baseline{{Name: "pin-stream", PredictedS: 2.1}, {Name: "demand", PredictedS: 9}},
		Assumed:   []string{"read bandwidth of the file"},
	}
}

func render(t *testing.T, r *export.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// outline is the page without its pictures, script and style.
func outline(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.ElementNode && (n.Data == "style" || n.Data == "script"):
			return
		case n.Type == html.ElementNode && n.Data == "svg":
			b.WriteString("(picture)\n")
			return
		case n.Type == html.TextNode:
			if text := strings.TrimSpace(n.Data); text != "" {
				b.WriteString(text + "\n")
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReport(t *testing.T) {
	page := render(t, sample())
	golden(t, "report.txt", outline(t, page))
	if *look != "" {
		if err := os.WriteFile(filepath.Join(*look, "report.html"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(page) > 8<<20 {
		t.Errorf("the report has %d bytes", len(page))
	}
}

var urlRef = regexp.MustCompile(`^url\(#(.*)\)$`)

// TestReportIsSelfContained: nothing in the page makes a reader's browser ask
// the network, and ids are unique.
func TestReportIsSelfContained(t *testing.T) {
	root, err := html.Parse(strings.NewReader(render(t, sample())))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var refs []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && slices.Contains([]string{"link", "iframe", "img", "object", "base"}, n.Data) {
			t.Errorf("element <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("id %q twice", a.Val)
				}
				ids[a.Val] = true
			case (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "data:image/png;base64,") && !strings.HasPrefix(a.Val, "#"):
				t.Errorf("%s=%q", a.Key, a.Val)
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("inline handler %s", a.Key)
			}
			if m := urlRef.FindStringSubmatch(a.Val); m != nil {
				refs = append(refs, m[1])
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	if len(refs) == 0 {
		t.Error("no picture refers to a pattern or clip path")
	}
	for _, r := range refs {
		if !ids[r] {
			t.Errorf("url(#%s) refers to nothing", r)
		}
	}
}

func TestReportEscapesEverything(t *testing.T) {
	const evil = `</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>"'&`
	r := sample()
	r.Title, r.Verdict, r.State = evil, evil, evil
	r.Facts = append(r.Facts, export.Fact{Name: evil, Value: evil})
	r.Rows = append(r.Rows, export.Row{Name: evil, Unit: evil, Predicted: 1, Measured: 2, Difference: evil, Note: evil})
	r.Assumed, r.Notes = []string{evil}, []string{evil}
	r.Provenance = []export.Fact{{Name: evil, Value: evil}}
	r.Baselines = []viz.Baseline{{Name: evil, PredictedS: 2}}
	r.Program.Name, r.Plan.Solver, r.Plan.Model.Name = evil, evil, evil
	for i := range r.Program.Buffers {
		r.Program.Buffers[i].Name = evil
	}
	for i := range r.Program.Tiers {
		r.Program.Tiers[i].Name = evil
	}
	for _, run := range []*trace.Timeline{r.Predicted, r.Measured} {
		for i := range run.Lanes {
			run.Lanes[i].Name = evil
			for k := range run.Lanes[i].Slices {
				run.Lanes[i].Slices[k].Name, run.Lanes[i].Slices[k].Cause = evil, evil
			}
		}
	}
	page := render(t, r)
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("a name from a file became markup")
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d script elements", n)
	}
}

func TestReportOfLittle(t *testing.T) {
	for name, r := range map[string]*export.Report{
		"nothing":      {},
		"only program": {Program: sample().Program},
		"only plan":    {Plan: sample().Plan},
		"only runs":    {Predicted: sample().Predicted},
		"empty run":    {Program: &malloc.Program{}, Plan: &malloc.Plan{}, Predicted: &trace.Timeline{}, Measured: &trace.Timeline{}},
	} {
		page := outline(t, render(t, r))
		if !strings.Contains(page, "Technical notes") || !strings.Contains(page, "No numbers to compare yet.") {
			t.Errorf("%s: the page says\n%s", name, page)
		}
	}
}

func TestRowDifference(t *testing.T) {
	for _, c := range []struct {
		row  export.Row
		want string
	}{
		{export.Row{Unit: export.UnitBytes, Predicted: 10, Measured: 4106}, "-4,096 B"},
		{export.Row{Unit: export.UnitBytes, Predicted: 10, Measured: 10}, "0"},
		{export.Row{Unit: export.UnitCount, Predicted: 10, Measured: 7}, "+3"},
		{export.Row{Unit: export.UnitSeconds, Predicted: 0.525, Measured: 0.5}, "+5.0 %"},
		{export.Row{Unit: export.UnitSeconds, Predicted: 0.525, Measured: 0}, "525 ms"},
		{export.Row{Unit: export.UnitSeconds, Predicted: 1, Measured: math.Inf(1)}, "–"},
		{export.Row{Unit: export.UnitYesNo, Predicted: 1, Measured: 0}, "differs"},
	} {
		c.row.Name = "row"
		page := outline(t, render(t, &export.Report{Rows: []export.Row{c.row}}))
		if !strings.Contains(page, "\n"+c.want+"\n") {
			t.Errorf("%+v: want %q in\n%s", c.row, c.want, page)
		}
	}
}

func TestChromeTrace(t *testing.T) {
	r := sample()
	r.Measured.Lanes[0].Slices[0].Name = "quote \" and \n newline"
	var b bytes.Buffer
	if err := export.WriteChromeTrace(&b, r.Program, r.Predicted, nil, r.Measured); err != nil {
		t.Fatal(err)
	}
	var file struct {
		TraceEvents []struct {
			Ph, Name, Cat string
			Pid, Tid      int
			Ts, Dur       *float64
			Args          map[string]any
		} `json:"traceEvents"`
		OtherData map[string]any `json:"otherData"`
	}
	if err := json.Unmarshal(b.Bytes(), &file); err != nil {
		t.Fatal(err)
	}
	type lane struct {
		pid, tid int
		ph, name string
	}
	end := map[lane]float64{}
	count := map[string]int{}
	for i, e := range file.TraceEvents {
		count[e.Ph]++
		if e.Ph == "M" {
			continue
		}
		k := lane{e.Pid, e.Tid, e.Ph, ""}
		if e.Ph == "C" {
			k.name = e.Name
		}
		if e.Ts == nil || *e.Ts < end[k]-0.002 { // written to a thousandth of a microsecond
			t.Fatalf("event %d (%s) starts before the one before ends", i, e.Name)
		}
		end[k] = *e.Ts
		if e.Ph == "X" {
			if e.Dur == nil || *e.Dur < 0 {
				t.Fatalf("event %d (%s): duration %v", i, e.Name, e.Dur)
			}
			end[k] += *e.Dur
		}
	}
	slices, steps := 0, 0
	for _, run := range []*trace.Timeline{r.Predicted, r.Measured} {
		for _, l := range run.Lanes {
			slices += len(l.Slices)
		}
		for _, o := range run.Tiers {
			steps += len(o.TimesS)
		}
	}
	if count["X"] != slices || count["C"] != steps || count["M"] != 2*(2+2*2) {
		t.Errorf("events %v; want %d slices, %d counter steps", count, slices, steps)
	}
	if len(file.OtherData) != 4 {
		t.Errorf("otherData %v", file.OtherData)
	}

	small := &trace.Timeline{Source: "predicted", Name: "tiny", TotalS: 3e-3,
		Lanes: []trace.Lane{
			{Kind: trace.LaneExecutor, ID: 0, Name: "cpu", Slices: []trace.Slice{
				{Kind: trace.Wait, Ref: 0, Iteration: -1, EndS: 1e-3, Cause: "copy"},
				{Kind: trace.Compute, Ref: 1, Iteration: 2, StartS: 1e-3, EndS: 3e-3}}},
			{Kind: trace.LaneEngine, ID: 0, Slices: []trace.Slice{{Kind: trace.Transfer, Iteration: -1, EndS: 1e-3, Bytes: 4096, Name: "w"}}},
		},
		Tiers:   []trace.Occupancy{{Name: "dram", TimesS: []float64{0, 2e-3}, Bytes: []int64{4096, 0}}},
		Omitted: []trace.Omission{{FromIteration: 3, ToIteration: 7, StartS: 3e-3, EndS: 5e-3}}}
	b.Reset()
	if err := export.WriteChromeTrace(&b, r.Program, small); err != nil {
		t.Fatal(err)
	}
	golden(t, "trace.json", b.String())
}

// gpuSubject is a model of four blocks with experts on a machine with an
// accelerator; host names what stays with the CPU.
func gpuSubject(tensors []string, host func(string) bool) (*malloc.Program, *malloc.Plan) {
	p := &malloc.Program{
		Tiers: []malloc.Tier{{ID: 0, Name: "vram", Capacity: 8 << 30}, {ID: 1, Name: "dram", Capacity: 64 << 30}, {ID: 2, Name: "file", Capacity: malloc.Unlimited}},
		Executors: []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: 1}}},
			{ID: 1, Name: "gpu", Access: []malloc.Access{{Tier: 0}}}},
		Instructions: make([]malloc.Instruction, 3),
	}
	plan := &malloc.Plan{Model: &malloc.ModelRef{Name: "it's a model.gguf"}, Lowering: &malloc.LoweringRef{Prompt: 8, Gen: 8, Ubatch: 512, CTK: "q8_0", CTV: "q8_0", Threads: 8, Parallel: 2, Mode: "fast"}}
	for i, name := range tensors {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: name, Kind: malloc.KindParam, Size: 1 << 20, Home: 2})
		tier := 0
		if host(name) {
			tier = 1
		}
		plan.Blocks = append(plan.Blocks, malloc.Block{Buf: i, Tier: tier, Start: 0, End: 3})
	}
	return p, plan
}

var expertModel = func() (names []string) {
	for _, l := range []string{"0", "1", "2", "10"} {
		for _, m := range []string{"attn_q.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"} {
			names = append(names, "blk."+l+"."+m)
		}
	}
	return append(names, "output.weight")
}()

// TestOverrideRuleMatchesExactly: the -ot rule matches the tensors planned for
// the host and no other, for any choice of them.
func TestOverrideRuleMatchesExactly(t *testing.T) {
	for mask := 1; mask < 1<<17-1; mask += 641 {
		onHost := func(name string) bool { return mask>>slices.Index(expertModel, name)&1 == 1 }
		p, plan := gpuSubject(expertModel, onHost)
		c, err := export.LlamaCPPArguments(p, plan, export.LlamaCPPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(c.Args, "-ot")
		moe := slices.Index(c.Args, "--n-cpu-moe")
		if at < 0 == (moe < 0) {
			t.Fatalf("mask %x: %v", mask, c.Args)
		}
		if at < 0 {
			continue
		}
		rule, device, _ := strings.Cut(c.Args[at+1], "=")
		re := regexp.MustCompile(rule)
		for _, name := range expertModel {
			if got := re.MatchString(name) && device == "CPU"; got != onHost(name) {
				t.Fatalf("mask %x: %s matches %s: %v", mask, rule, name, got)
			}
		}
	}
}

func TestLlamaCPP(t *testing.T) {
	var b strings.Builder
	write := func(title string, p *malloc.Program, plan *malloc.Plan, o export.LlamaCPPOptions) {
		c, err := export.LlamaCPPArguments(p, plan, o)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("== " + title + "\n")
		if err := c.WriteScript(&b, "llama-server"); err != nil {
			t.Fatal(err)
		}
	}
	p, plan := viztest.Decode(0.4)
	write("streamed, CPU", p, plan, export.LlamaCPPOptions{ModelPath: "/models/small llm.gguf"})
	p, plan = viztest.Decode(2)
	write("resident, CPU, recent", p, plan, export.LlamaCPPOptions{Recent: true})
	write("resident, CPU, locked", p, plan, export.LlamaCPPOptions{Lock: true})
	p, plan = gpuSubject(expertModel, func(n string) bool {
		return strings.Contains(n, "_exps") && (strings.HasPrefix(n, "blk.0.") || strings.HasPrefix(n, "blk.1."))
	})
	write("experts of the first blocks to the CPU", p, plan, export.LlamaCPPOptions{})
	p, plan = gpuSubject(expertModel, func(n string) bool {
		return strings.Contains(n, "up_exps") || strings.Contains(n, "blk.2.ffn_down") || n == "output.weight"
	})
	write("overrides", p, plan, export.LlamaCPPOptions{Recent: true})
	golden(t, "llamacpp.txt", b.String())

	if _, err := export.LlamaCPPArguments(p, &malloc.Plan{}, export.LlamaCPPOptions{}); err == nil || !strings.Contains(err.Error(), "lowering") {
		t.Errorf("a plan for a bare instance: %v", err)
	}
}

// TestCommandSurvivesAShell: a shell hands the words back unchanged.
func TestCommandSurvivesAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on this machine")
	}
	c := export.LlamaCPP{Args: []string{"-m", "it's $HOME/`x`\\ \"q\".gguf", "-ot", `^(blk\.(0|1)\.a|b)$=CPU`, "", "a\nb", "~", "*"},
		Lost: []string{"evil\nexit 3"}}
	var b bytes.Buffer
	if err := c.WriteScript(&b, "printf"); err != nil {
		t.Fatal(err)
	}
	script := strings.Replace(b.String(), "exec printf", `exec printf '%s\0'`, 1)
	out, err := exec.Command(sh, "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if diff := cmp.Diff(c.Args, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
