package model

import (
	"fmt"
	"slices"
	"strings"
)

// weights finds the stored tensor of every slot and adds it to the graph.
// Planned from a config.json alone there is nothing to find: the tensor then
// gets the type the config names and no offset.
type weights struct {
	src    *Source
	fam    *family
	g      *Graph
	byName map[string]int
	ids    []TensorID // of each record, NoTensor until used
	prefix string     // Hugging Face: what stands before "model."
	dtype  DType      // of planned tensors
	loose  bool       // assumed family: an absent weight is no error
}

// hfPrefixes are the places where a text model sits in a Hugging Face file,
// each with what replaces the leading "model.".
var hfPrefixes = []string{"model.", "language_model.model.", "model.language_model."}

func newWeights(src *Source, fam *family, g *Graph) (*weights, error) {
	w := &weights{src: src, fam: fam, g: g, byName: make(map[string]int, len(src.Tensors)), ids: make([]TensorID, len(src.Tensors)), prefix: "model."}
	for i := range src.Tensors {
		w.byName[src.Tensors[i].Name] = i
		w.ids[i] = NoTensor
	}
	if src.Format == "safetensors" {
		for _, p := range hfPrefixes {
			w.prefix = p
			if _, ok := w.byName[w.name(slotEmbed, -1, 0)]; ok {
				return w, nil
			}
		}
		w.prefix = "model."
	}
	if src.Format == "config" {
		name, found, err := src.meta.text(keyTorchDType)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%s: torch_dtype is missing: the type of the weights is not known", src.Path)
		}
		t, ok := torchDTypes[strings.TrimPrefix(name, "torch.")]
		if !ok {
			return nil, fmt.Errorf("%s: torch_dtype is %q, expected float32, float16, bfloat16 or a float8 type", src.Path, name)
		}
		w.dtype = t
	}
	return w, nil
}

var torchDTypes = map[string]DType{
	"float64": F64, "float32": F32, "float": F32, "float16": F16, "half": F16, "bfloat16": BF16,
	"float8_e4m3fn": F8E4M3, "float8_e5m2": F8E5M2,
}

// planned reports that no file holds the weights yet.
func (w *weights) planned() bool { return w.src.Format == "config" }

// name is what the file calls a slot.
func (w *weights) name(s slot, layer int, expert int64) string {
	if w.src.Format == "gguf" {
		if layer < 0 {
			return ggufNames[s]
		}
		return fmt.Sprintf("blk.%d.%s", layer, ggufNames[s])
	}
	name := hfNames[s]
	if own, ok := w.fam.HFNames[s]; ok {
		name = own
	}
	if name == "" {
		return ""
	}
	if strings.Contains(name, "%d") {
		name = fmt.Sprintf(name, expert)
	}
	if layer >= 0 {
		return fmt.Sprintf("%slayers.%d.%s", w.prefix, layer, name)
	}
	if rest, below := strings.CutPrefix(name, "model."); below {
		return w.prefix + rest
	}
	return strings.TrimSuffix(w.prefix, "model.") + name
}

// has reports whether the files hold a slot.
func (w *weights) has(s slot, layer int) bool {
	_, ok := w.byName[w.name(s, layer, 0)]
	return ok
}

// find gives the tensor of a slot, of the expected shape, or an error that names
// what is missing or different.
func (w *weights) find(s slot, layer int, shape ...int64) (TensorID, error) {
	return w.findExpert(s, layer, 0, shape...)
}

func (w *weights) findExpert(s slot, layer int, expert int64, shape ...int64) (TensorID, error) {
	name := w.name(s, layer, expert)
	if w.planned() {
		return w.plan(name, layer, shape)
	}
	i, ok := w.byName[name]
	switch {
	case !ok && w.loose:
		return NoTensor, nil
	case !ok:
		return NoTensor, fmt.Errorf("%s: tensor %q is missing, the %s architecture needs it", w.src.Path, name, w.src.Arch)
	case !w.loose && !slices.Equal(w.src.Tensors[i].Shape, shape):
		return NoTensor, fmt.Errorf("%s: tensor %q has shape %v, but the metadata says %v", w.src.Path, name, w.src.Tensors[i].Shape, shape)
	}
	return w.use(i, layer), nil
}

// optional is find for a weight that a file may leave out.
func (w *weights) optional(s slot, layer int, expected bool, shape ...int64) (TensorID, error) {
	if w.planned() && !expected || !w.planned() && !w.has(s, layer) && !expected {
		return NoTensor, nil
	}
	return w.find(s, layer, shape...)
}

// use adds a record to the graph once.
func (w *weights) use(i, layer int) TensorID {
	if w.ids[i] != NoTensor {
		return w.ids[i]
	}
	r := &w.src.Tensors[i]
	t := Tensor{Name: r.Name, Role: RoleWeight, DType: r.DType, Shape: fixed(r.Shape), Layer: layer, Shard: r.Shard, Offset: r.Offset, Bytes: r.Bytes}
	w.ids[i] = w.g.add(t)
	return w.ids[i]
}

// plan adds a tensor that no file holds yet.
func (w *weights) plan(name string, layer int, shape []int64) (TensorID, error) {
	bytes, err := w.dtype.TensorBytes(shape)
	if err != nil {
		return NoTensor, fmt.Errorf("%s: tensor %q: %w", w.src.Path, name, err)
	}
	return w.g.add(Tensor{Name: name, Role: RoleWeight, DType: w.dtype, Shape: fixed(shape), Layer: layer, Offset: -1, Bytes: bytes}), nil
}

// unused lists the records that no slot asked for.
func (w *weights) unused() []int {
	var out []int
	for i, id := range w.ids {
		if id == NoTensor {
			out = append(out, i)
		}
	}
	return out
}

func fixed(shape []int64) []Dim {
	out := make([]Dim, len(shape))
	for i, n := range shape {
		out[i] = Dim{N: n}
	}
	return out
}

func (g *Graph) add(t Tensor) TensorID {
	g.Tensors = append(g.Tensors, t)
	return TensorID(len(g.Tensors) - 1)
}
