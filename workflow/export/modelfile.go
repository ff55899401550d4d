package export

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"strata/malloc"
	"strata/ui/viz"
)

// Modelfile is a plan as far as Ollama can be told.
type Modelfile struct {
	From       string      // model file
	Parameters [][2]string // PARAMETER lines in order
	Lost       []string
	Tips       []string
}

// OllamaModelfile translates a plan made by lowering a model. Ollama offloads
// whole layers, the last ones first; modelPath is the model's file, "" the
// plan's model name.
func OllamaModelfile(p *malloc.Program, plan *malloc.Plan, modelPath string) (*Modelfile, error) {
	if plan.Lowering == nil || plan.Model == nil && modelPath == "" {
		return nil, fmt.Errorf("plan: fields model and lowering: not there, so the plan is for a bare instance; Ollama needs a plan made from a model (strata plan MODEL)")
	}
	l := plan.Lowering
	out := &Modelfile{From: modelPath}
	if out.From == "" {
		out.From = plan.Model.Name
	}
	if strings.ContainsAny(out.From, "\r\n") {
		return nil, fmt.Errorf("model file %q: a Modelfile takes no line break in FROM: rename the file", out.From)
	}
	// A bare name would be looked up in Ollama's library.
	if !filepath.IsAbs(out.From) && !strings.HasPrefix(out.From, "./") && !strings.HasPrefix(out.From, "../") {
		out.From = "./" + out.From
	}
	set := func(name string, value int) {
		out.Parameters = append(out.Parameters, [2]string{name, strconv.Itoa(value)})
	}
	parallel := max(l.Parallel, 1)
	context := l.Context
	if context == 0 {
		context = (l.Prompt + l.Gen) * parallel
	}
	set("num_ctx", (context+parallel-1)/parallel)
	if l.Ubatch > 0 {
		set("num_batch", l.Ubatch)
	}
	if l.Threads > 0 {
		set("num_thread", l.Threads)
	}
	w := placeWeights(p, plan)
	set("num_gpu", out.layers(w))
	out.Parameters = append(out.Parameters, [2]string{"use_mmap", strconv.FormatBool(w.streamed > 0)})

	if parallel > 1 {
		out.Tips = append(out.Tips, fmt.Sprintf("Set OLLAMA_NUM_PARALLEL=%d for the server: sequences are not a Modelfile's matter; num_ctx is of one of them.", parallel))
	}
	if l.CTK != "f16" && l.CTK != "" || l.CTV != "f16" && l.CTV != "" {
		if l.CTK == l.CTV && (l.CTK == "q8_0" || l.CTK == "q4_0") {
			out.Tips = append(out.Tips, fmt.Sprintf("Set OLLAMA_KV_CACHE_TYPE=%s and OLLAMA_FLASH_ATTENTION=1 for the server: the type of its KV cache is not a Modelfile's matter.", l.CTK))
		} else {
			out.Lost = append(out.Lost, fmt.Sprintf("A KV cache of %s keys and %s values: Ollama knows f16, q8_0 and q4_0, one for both.", l.CTK, l.CTV))
		}
	}
	// The rest is lost as with llama.cpp, which Ollama runs.
	rest := &LlamaCPP{}
	rest.lost(p, plan, w)
	for _, s := range rest.Lost {
		out.Lost = append(out.Lost, strings.ReplaceAll(strings.ReplaceAll(s, "llama.cpp", "Ollama"), "say it with -ts or one -ot rule per device, whose names depend on the build", "Ollama decides that"))
	}
	return out, nil
}

// layers is the number of layers that stay with the accelerator, counted as
// Ollama counts them: from the last one back, the output as one more.
func (c *Modelfile) layers(w *weightPlaces) int {
	if len(w.accelerators) == 0 {
		return 0
	}
	away, all := map[int]int64{}, map[int]int64{}
	last := -1
	var outside, outsideAway int64
	for _, t := range w.tensors {
		m := blockTensor.FindStringSubmatch(t.name)
		layer, err := 0, error(nil)
		if m != nil {
			layer, err = strconv.Atoi(m[1])
		}
		if m == nil || err != nil {
			outside += t.bytes
			outsideAway += t.away
			continue
		}
		last = max(last, layer)
		all[layer] += t.bytes
		away[layer] += t.away
	}
	n := 0
	for layer := last; layer >= 0 && away[layer] == all[layer]; layer-- {
		n++
	}
	var lost int64
	for layer := 0; layer <= last-n; layer++ {
		lost += away[layer]
	}
	if lost > 0 {
		c.Lost = append(c.Lost, fmt.Sprintf("%s of weights that the plan keeps with the accelerator in the first %d layers: Ollama offloads whole layers, the last ones first.", viz.FormatBytes(lost), last+1-n))
	}
	if n == last+1 && last >= 0 && outside > 0 {
		if 2*outsideAway >= outside {
			n++
		} else {
			c.Lost = append(c.Lost, "The output matrix stays with the CPU in the plan; Ollama may place it with the layers.")
		}
	}
	if w.kvHost > 0 && w.kvAway > 0 || w.kvHost > 0 && n > 0 {
		c.Lost = append(c.Lost, fmt.Sprintf("KV caches of %d layers that the plan keeps with the host: Ollama keeps a layer's cache with its weights.", w.kvHost))
	}
	return n
}

// WriteModelfile writes the file, what was lost as comments above.
func (c *Modelfile) WriteModelfile(out io.Writer) error {
	var b strings.Builder
	comments(&b, "#", c.Lost, c.Tips)
	fmt.Fprintf(&b, "FROM %s\n", c.From)
	for _, p := range c.Parameters {
		fmt.Fprintf(&b, "PARAMETER %s %s\n", p[0], p[1])
	}
	_, err := io.WriteString(out, b.String())
	return err
}
