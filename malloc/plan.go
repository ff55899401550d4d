package malloc

// Plan is an answer to a Program: blocks, copies, and where each operand is
// read or written. It is the format mmap-plan/1.
//
// Times are instruction indexes of the static schedule. Inside the periodic
// loop's body [begin, end) of length L a block has begin ≤ Start < end and
// Start < End ≤ Start+L (End past the loop's end wraps into the next
// iteration; End = Start+L is always resident).
type Plan struct {
	Format          string       `json:"format"`
	InstanceSHA256  string       `json:"instance_sha256"`
	StructureSHA256 string       `json:"structure_sha256"`
	Model           *ModelRef    `json:"model,omitempty"`
	Lowering        *LoweringRef `json:"lowering,omitempty"`
	Solver          string       `json:"solver"`
	Seed            uint64       `json:"seed"`
	Evaluations     int64        `json:"evaluations"`
	WallS           float64      `json:"wall_s"`
	Blocks          []Block      `json:"blocks"`
	Copies          []Copy       `json:"copies"`
	Sites           []Site       `json:"sites"`
	Runs            []Run        `json:"runs,omitempty"`
	Traffic         []Traffic    `json:"traffic"`
	ClaimedS        float64      `json:"claimed_s"`
	PeriodS         float64      `json:"period_s"`
	LowerS          float64      `json:"lower_s"`
	Trace           [][2]float64 `json:"trace,omitempty"` // (wall seconds, best seconds)
	Ext             *PlanExt     `json:"ext,omitempty"`
}

// PlanExt is the plan's free part; nothing in it decides legality.
type PlanExt struct {
	Profile      string             `json:"profile,omitempty"`       // hardware profile planned for
	Capacities   map[string]int64   `json:"capacities,omitempty"`    // bytes of limited tiers, by name
	Pins         []string           `json:"pins,omitempty"`          // the user's rules, REGEX=TIER
	AllowAssumed bool               `json:"allow_assumed,omitempty"` // the architecture was estimated
	Baselines    map[string]float64 `json:"baselines,omitempty"`     // predicted seconds of the solvers it was compared with
	Notes        map[string]string  `json:"notes,omitempty"`
}

// ModelRef identifies the model file a plan was made for.
type ModelRef struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// LoweringRef is everything besides model and profile that lowering needs to
// rebuild the instance.
type LoweringRef struct {
	Prompt     int    `json:"prompt"`
	Gen        int    `json:"gen"`
	Context    int    `json:"context"`
	Parallel   int    `json:"parallel"`
	Ubatch     int    `json:"ubatch"`
	CTK        string `json:"ctk"`
	CTV        string `json:"ctv"`
	Mode       string `json:"mode"`
	Threads    int    `json:"threads"`
	PanelBytes int64  `json:"panel_bytes"`
}

// Block is a buffer's stay in one tier: [Start, End) at Offset. Buf is
// ScratchBuf for an instruction's scratch.
type Block struct {
	Buf    int   `json:"buf"`
	Tier   int   `json:"tier"`
	Start  int   `json:"start"`
	End    int   `json:"end"`
	Offset int64 `json:"offset"`
}

// Copy moves a buffer between tiers. Block is its destination when it fills
// one, its source when it empties one. It is issued when instruction Start
// begins and awaited before instruction Before begins (one past the last
// instruction of a stretch: awaited at its end). After is the index of a copy
// it must follow, or -1. Once: issued only the first time its start is reached
// (hand-over into a loop), not every iteration.
type Copy struct {
	Buf    int   `json:"buf"`
	Block  int   `json:"block"`
	Engine int   `json:"engine"`
	Start  int   `json:"start"`
	Before int   `json:"before"`
	Bytes  int64 `json:"bytes"`
	Once   bool  `json:"once,omitempty"`
	After  int   `json:"after"`
}

// Site says which tier an instruction's operand ("r0" = first read, "w0" =
// first write …) uses. Every operand has exactly one.
type Site struct {
	Instr int    `json:"instr"`
	Arg   string `json:"arg"`
	Tier  int    `json:"tier"`
}

// Run says which executor runs an instruction; absent: the first listed.
type Run struct {
	Instr    int `json:"instr"`
	Executor int `json:"executor"`
}

// Traffic is the exact total an engine moves over the whole run.
type Traffic struct {
	Engine   int   `json:"engine"`
	Bytes    int64 `json:"bytes"`
	Requests int64 `json:"requests"`
}
