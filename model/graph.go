package model

// Graph is what a model computes for one micro-batch of tokens: the same ops
// serve prefill (Tokens = the micro-batch) and decode (Tokens = 1 per
// sequence). Ops are in schedule order; consecutive ops of one Stage run as one
// instruction, so only tensors that cross stages need storage of their own.
type Graph struct {
	Name       string
	Arch       string
	Hyper      Hyper
	Tensors    []Tensor
	Ops        []Op
	Stages     []Stage
	Shards     []Shard  // files of the weights; Tensor.Shard indexes it
	Assumed    []string // what was assumed rather than known ("architecture", …)
	Ignored    []string // tensors of the files that the graph does not use (a vision tower, …)
	Executable string   // "" when the engine can run it, else the reason it cannot
}

// TensorID indexes Graph.Tensors.
type TensorID = int32

// NoTensor marks an absent operand.
const NoTensor TensorID = -1

// Role says what a tensor is for.
type Role uint8

const (
	RoleWeight     Role = iota
	RoleKV              // keys and values of one layer, [context, kv row]
	RoleState           // fixed-size recurrent state
	RoleActivation      // crosses stages
	RoleScratch         // lives inside one stage
	RoleTokens          // token ids
	RoleLogits
)

// Axis is what a dimension grows with.
type Axis uint8

const (
	AxisOne       Axis = iota
	AxisTokens         // tokens in the micro-batch
	AxisContext        // positions the KV cache is sized for
	AxisSequences      // concurrent sequences
	AxisOutputs        // positions whose logits are wanted
)

// Dim is N times an axis.
type Dim struct {
	N    int64
	Axis Axis
}

// Extent gives every axis a value.
type Extent struct {
	Tokens, Context, Sequences, Outputs int64
	Ubatch                              int64 // largest micro-batch; sliding-window caches add it
}

// Tensor is a logical value of the model. Shape is outermost first: a matrix is
// [rows, columns] with columns contiguous.
type Tensor struct {
	Name   string
	Role   Role
	DType  DType
	Shape  []Dim
	Layer  int   // -1: outside the blocks
	Window int64 // KV only: sliding window in positions, 0 = full context
	KV     KVRow // KV only: one position's row

	// Weights only, filled by the reader.
	Shard  int   // which file of a split model
	Offset int64 // absolute position in that file; -1: not known (planned before download)
	Bytes  int64 // stored bytes
}

// KVRow is what one layer keeps of one position: a row of keys, then a row of
// values, each in its own type. DType of the tensor is that of the keys.
type KVRow struct {
	KCols, VCols int64
	KType, VType DType
}

// OpKind is the primitive an op computes.
type OpKind uint8

const (
	OpEmbed     OpKind = iota // In: tokens, table → x [tokens, width]
	OpNorm                    // In: x, weight → RMS norm over the last dimension, or per head when Attr.HeadDim is set
	OpMatMul                  // In: x [tokens, k], w [n, k] (, bias) → [tokens, n]
	OpRope                    // In: x (, per-frequency divisors) → rotated, Attr.Heads of Attr.HeadDim
	OpStoreKV                 // In: k, v, kv → kv
	OpAttention               // In: q, kv → [tokens, heads·head_dim]
	OpGLU                     // In: gate, up → act(gate)·up
	OpAdd                     // In: x, y → x + y
	OpRouter                  // In: scores → expert ids and weights
	OpExperts                 // In: x, routing, gate…, up…, down… → y; one stack each, or Attr.Experts matrices each
	OpSample                  // In: logits → token id (greedy)
)

// Op is one primitive. In and Out index Graph.Tensors.
type Op struct {
	Kind    OpKind
	Name    string
	Layer   int // -1: outside the blocks
	Stage   int32
	In, Out []TensorID
	Attr    Attr
}

// Attr holds the constants an op needs; which fields mean something depends on
// the kind.
type Attr struct {
	Eps                     float64
	Heads, KVHeads, HeadDim int64
	HeadDimV                int64 // width of a value head
	RopeBase                float64
	RopeDim                 int64
	RopeNeox                bool    // rotate halves instead of adjacent pairs
	Scale                   float64 // attention scale, or a multiplier of the embedding
	Window                  int64
	SoftCap                 float64
	Activation              string // "silu", "gelu"
	Experts, ExpertsUsed    int64
	NormOffset              float64 // added to the norm weight
}

// Stage is a run of ops executed as one instruction. Panelled: the stage is one
// large matmul that may be split by rows. OutputOnly stages run only where
// logits are wanted: the first of them reads the last Extent.Outputs rows of its
// input.
type Stage struct {
	Name       string
	Layer      int
	FirstOp    int32
	Ops        int32
	Panelled   bool
	OutputOnly bool
}

// Hyper are the numbers every decoder-only transformer has.
type Hyper struct {
	Layers, Width, Heads, KVHeads, HeadDim int64
	HeadDimV                               int64
	FFN, Vocab, ContextTrained             int64
	Experts, ExpertsUsed, ExpertFFN        int64
	NormEps, RopeBase                      float64
	RopeDim                                int64
	Window                                 int64 // sliding window of the layers that have one
	TiedOutput                             bool
	BOS, EOS                               int32 // -1: none
	AddBOS                                 bool
}

// Size evaluates a dimension.
func (d Dim) Size(e Extent) int64 {
	switch d.Axis {
	case AxisTokens:
		return d.N * e.Tokens
	case AxisContext:
		return d.N * e.Context
	case AxisSequences:
		return d.N * e.Sequences
	case AxisOutputs:
		return d.N * e.Outputs
	}
	return d.N
}
