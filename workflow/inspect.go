package workflow

import (
	"strata/model"
)

// TensorInfo is one stored tensor.
type TensorInfo struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
	Bytes int64   `json:"bytes"`
	Shard int     `json:"shard"`
	// Offset in its file; -1 when the model is planned before download.
	Offset int64 `json:"offset"`
	Layer  int   `json:"layer"`
}

// Inspection is what a model is.
type Inspection struct {
	Path         string           `json:"path"`
	Format       string           `json:"format"`
	Name         string           `json:"name"`
	Architecture string           `json:"architecture"`
	FileBytes    int64            `json:"file_bytes"`
	WeightsBytes int64            `json:"weights_bytes"`
	Layers       int64            `json:"layers"`
	Width        int64            `json:"width"`
	Heads        int64            `json:"heads"`
	KVHeads      int64            `json:"kv_heads"`
	HeadDim      int64            `json:"head_dim"`
	FFN          int64            `json:"ffn"`
	Vocab        int64            `json:"vocab"`
	Context      int64            `json:"context_trained"`
	Experts      int64            `json:"experts"`
	ExpertsUsed  int64            `json:"experts_used"`
	KVBytesPer   int64            `json:"kv_bytes_per_token"` // f16, layers without a window
	BytesByType  map[string]int64 `json:"bytes_by_type"`
	Stages       int              `json:"stages"`
	Executable   string           `json:"executable"` // "" or why it is planned only
	Assumed      []string         `json:"assumed"`
	Tensors      []TensorInfo     `json:"tensors"`
}

// Inspect tells what a model's files say.
func Inspect(m *Model, allowAssumed bool) (*Inspection, error) {
	g, err := model.Build(m.Source, model.BuildOptions{KType: model.F16, VType: model.F16, AllowAssumed: allowAssumed})
	if err != nil {
		return nil, badModel(err)
	}
	h := &g.Hyper
	out := &Inspection{Path: m.Path, Format: m.Source.Format, Name: g.Name, Architecture: g.Arch, FileBytes: m.FileBytes(),
		Layers: h.Layers, Width: h.Width, Heads: h.Heads, KVHeads: h.KVHeads, HeadDim: h.HeadDim, FFN: h.FFN, Vocab: h.Vocab,
		Context: h.ContextTrained, Experts: h.Experts, ExpertsUsed: h.ExpertsUsed, BytesByType: map[string]int64{},
		Stages: len(g.Stages), Executable: g.Executable, Assumed: nonNil(g.Assumed), Tensors: []TensorInfo{}}
	for i := range g.Tensors {
		t := &g.Tensors[i]
		switch t.Role {
		case model.RoleKV:
			row, err := t.KV.RowBytes()
			if err != nil {
				return nil, bad(err)
			}
			if t.Window == 0 {
				out.KVBytesPer += row
			}
		case model.RoleWeight:
			info := TensorInfo{Name: t.Name, DType: t.DType.String(), Bytes: t.Bytes, Shard: t.Shard, Offset: t.Offset, Layer: t.Layer}
			for _, d := range t.Shape {
				info.Shape = append(info.Shape, d.N)
			}
			out.Tensors = append(out.Tensors, info)
			out.WeightsBytes += t.Bytes
			out.BytesByType[info.DType] += t.Bytes
		}
	}
	return out, nil
}
