package malloc

import "encoding/json"

// Limits of the instance format; readers refuse anything beyond them.
const (
	MaxInstructions = 1_000_000
	MaxTouches      = 4_000_000
	MaxSizeBytes    = 1<<53 - 1

	// Unlimited is the capacity of the one tier that is never full.
	Unlimited int64 = -1
	// ScratchBuf is the buffer index of an instruction's scratch in a plan.
	ScratchBuf = -1
)

// Program is one memory-mapping problem: instructions × buffers × tiers for one
// workload. Slices are indexed by the ids used everywhere else; list order of
// Instructions is the schedule. It is the format mmap-instance/1.
type Program struct {
	Format       string          `json:"format"`
	Name         string          `json:"name"`
	Source       *Source         `json:"source,omitempty"`
	Tiers        []Tier          `json:"tiers"`
	Engines      []Engine        `json:"engines"`
	Model        CostRules       `json:"model"`
	Executors    []Executor      `json:"executors,omitempty"` // none: one that reaches every tier
	Buffers      []Buffer        `json:"buffers"`
	Instructions []Instruction   `json:"instructions"`
	Aliases      []Alias         `json:"aliases,omitempty"`
	Loops        []Loop          `json:"loops,omitempty"`
	Bounds       *Bounds         `json:"bounds,omitempty"`
	SHA256       string          `json:"sha256,omitempty"`
	Ext          json.RawMessage `json:"ext,omitempty"`
}

// InstanceFormat and PlanFormat are the values of the field "format".
const (
	InstanceFormat = "mmap-instance/1"
	PlanFormat     = "mmap-plan/1"
)

// Source records where an instance came from.
type Source struct {
	Repo      string `json:"repo,omitempty"`
	Path      string `json:"path,omitempty"`
	Commit    string `json:"commit,omitempty"`
	License   string `json:"license,omitempty"`
	Converter string `json:"converter,omitempty"`
	Notes     string `json:"notes,omitempty"`
}

// Tier is a memory. Exactly one tier has Capacity Unlimited. WriteBW 0 means
// read only (a model file).
type Tier struct {
	ID            int     `json:"id"`
	Name          string  `json:"name"`
	Capacity      int64   `json:"capacity"`
	ReadBW        float64 `json:"read_bw"`
	WriteBW       float64 `json:"write_bw"`
	LatencyS      float64 `json:"latency_s,omitempty"`
	Align         int64   `json:"align"`
	EnergyJPerByt float64 `json:"energy_j_per_byte,omitempty"`
}

// Engine is a copy engine: a directed link between two tiers, FIFO.
type Engine struct {
	ID             int     `json:"id"`
	From           int     `json:"from"`
	To             int     `json:"to"`
	BW             float64 `json:"bw"`
	LatencyS       float64 `json:"latency_s"`       // per request
	RequestBytes   int64   `json:"request_bytes"`   // a copy is ceil(bytes/RequestBytes) requests
	IOAlign        int64   `json:"io_align"`        // copied extents are aligned and padded to it
	MaxOutstanding int     `json:"max_outstanding"` // requests in flight; -1: any
	Order          string  `json:"order"`           // "fifo"
	Shares         []int   `json:"shares,omitempty"`
	EnergyJPerByt  float64 `json:"energy_j_per_byte,omitempty"`
}

// CostRules names the terms of the objective: Memory "additive", Floor
// "compute", Overlap "idle_bw" or "steal".
type CostRules struct {
	Memory  string `json:"memory"`
	Floor   string `json:"floor"`
	Overlap string `json:"overlap"`
}

// Executor is something that runs instructions; Access lists the tiers it reads
// and writes directly.
type Executor struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Access []Access `json:"access"`
}

type Access struct {
	Tier    int     `json:"tier"`
	ReadBW  float64 `json:"read_bw"`
	WriteBW float64 `json:"write_bw"`
}

// Buffer kinds. Only KindParam has a meaning to the rules (valid at home from
// the start); the others inform.
const (
	KindParam      = "param"
	KindKV         = "kv"
	KindActivation = "activation"
	KindOutput     = "output"
)

// Values of Buffer.End: what becomes of the last version.
const (
	EndDead = "dead" // nobody reads it after its last touch
	EndKeep = "keep" // stays where it is (a param never written)
	EndOut  = "out"  // must be valid at home at the end
)

// Buffer is storage for one tensor or panel.
type Buffer struct {
	ID         int      `json:"id"`
	Name       string   `json:"name"`
	Size       int64    `json:"size"`
	Kind       string   `json:"kind"`
	Home       int      `json:"home"`
	End        string   `json:"end"`
	Class      string   `json:"class,omitempty"`
	HomeOffset *int64   `json:"home_offset,omitempty"` // position of the data in the home tier (a file)
	Paged      int64    `json:"paged,omitempty"`       // page bytes; reserved page by page as it grows
	PanelOf    *PanelOf `json:"panel_of,omitempty"`
	Select     *Select  `json:"select,omitempty"`
}

// PanelOf says which row block of which matrix a buffer is.
type PanelOf struct {
	Name string `json:"name"`
	Row  int64  `json:"row"`
	Rows int64  `json:"rows"`
}

// Select marks a buffer whose content is a part of the buffers Of, known only
// after instruction After (-1: from the start).
type Select struct {
	Of    []int `json:"of"`
	After int   `json:"after"`
}

// Instruction is one step of the schedule.
type Instruction struct {
	ID       int              `json:"id"`
	Name     string           `json:"name"`
	Op       string           `json:"op"`
	ComputeS float64          `json:"compute_s"`
	FLOPs    float64          `json:"flops,omitempty"`
	Repeat   int              `json:"repeat,omitempty"`
	Group    string           `json:"group,omitempty"`
	RunsOn   []RunsOn         `json:"runs_on,omitempty"`
	Reads    []Operand        `json:"reads"`
	Writes   []Operand        `json:"writes"`
	Scratch  map[string]int64 `json:"scratch,omitempty"` // tier id (decimal) → bytes
	Fixed    []Fixed          `json:"fixed,omitempty"`

	// Ref points back into the model graph for the engine; not part of the
	// format: lowering the same model again restores it.
	Ref Ref `json:"-"`
}

// Ref says which graph stage an instruction runs, on which tokens and rows.
type Ref struct {
	Stage  int32 // index into the graph's stages
	Ubatch int32 // prefill micro-batch, or -1 in the decode body
	Token0 int32 // first position of the micro-batch (prefill)
	Tokens int32 // positions in the micro-batch
	Row0   int64 // first row of a panelled matrix
	Rows   int64 // rows of the panel; 0: the whole stage
}

type RunsOn struct {
	Executor int     `json:"executor"`
	ComputeS float64 `json:"compute_s"`
}

// Operand is one read or write. Bytes is the traffic at the executor and may be
// below the buffer's size (partial access, or an operand served from cache).
type Operand struct {
	Buf   int   `json:"buf"`
	Bytes int64 `json:"bytes"`
}

// Fixed pins an operand ("r0", "w0", …) to a tier in every solver.
type Fixed struct {
	Arg  string `json:"arg"`
	Tier int    `json:"tier"`
}

// Alias classes: "must" members share tier and offset at common times, "may" is
// only an offset preference.
type Alias struct {
	Class   string `json:"class"`
	Kind    string `json:"kind"`
	Buffers []int  `json:"buffers"`
}

// Loop repeats instructions [Begin, End) Trip times.
type Loop struct {
	Begin    int      `json:"begin"`
	End      int      `json:"end"`
	Trip     int64    `json:"trip"`
	Periodic bool     `json:"periodic"`
	Carried  [][2]int `json:"carried,omitempty"` // (out, in): one buffer on the circle
	Growth   []Growth `json:"growth,omitempty"`
}

// Growth: in iteration i (from 0) every read of Buf in the loop moves its
// declared bytes + Slope·i.
type Growth struct {
	Buf   int     `json:"buf"`
	Slope float64 `json:"slope"`
}

type Bounds struct {
	AllSlowS    float64 `json:"all_slow_s,omitempty"`
	LowerS      float64 `json:"lower_s,omitempty"`
	LowerMethod string  `json:"lower_method,omitempty"`
}

// PeriodicLoop returns the one loop marked periodic, or nil.
func (p *Program) PeriodicLoop() *Loop {
	for i := range p.Loops {
		if p.Loops[i].Periodic {
			return &p.Loops[i]
		}
	}
	return nil
}
