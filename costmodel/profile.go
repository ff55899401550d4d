package costmodel

import "fmt"

// ProfileFormat is the value of a profile's field "format".
const ProfileFormat = "strata-profile/1"

// Unlimited is the capacity of the one tier that is never full (the file or
// object store that holds the model).
const Unlimited int64 = -1

// Kinds of profile.
const (
	ProfileMeasured = "measured" // by engine/calibrate, on one host
	ProfileQuoted   = "quoted"   // from public documents
	ProfileTest     = "test"     // round numbers for tests
)

// Profile describes one machine. Names of tiers, links, executors and caches
// are unique in their list; every Value names an entry of Sources.
type Profile struct {
	// Format is always ProfileFormat.
	Format string `json:"format"`
	// Name is short and file-name like ("h100-80gb").
	Name string `json:"name"`
	// Title is for people ("NVIDIA H100 SXM 80 GB in a dual-socket server").
	Title string `json:"title,omitempty"`
	// Kind is "measured", "quoted" or "test".
	Kind string `json:"kind"`
	// Date is the day the numbers were measured or looked up, YYYY-MM-DD.
	Date string `json:"date"`
	// Notes says what a reader should know before trusting the numbers.
	Notes string `json:"notes,omitempty"`
	// Host identifies the measured machine; absent in quoted profiles.
	Host *Host `json:"host,omitempty"`
	// Sources says where values come from, by the key that values carry.
	Sources map[string]Source `json:"sources"`
	// Tiers are the memories, fastest first; exactly one is unlimited.
	Tiers []Tier `json:"tiers"`
	// Links are the copy engines: each a directed way between two tiers.
	Links []Link `json:"links"`
	// Executors are what computes; the first is the default.
	Executors []Executor `json:"executors"`
	// Overlap says how copies and computation get in each other's way.
	Overlap Overlap `json:"overlap"`
}

// Kinds of source.
const (
	SourceMeasured = "measured" // on the date given, by the method named in Document
	SourceQuoted   = "quoted"   // printed in Document
	SourceDerived  = "derived"  // computed from quoted numbers as Document explains
	SourceAssumed  = "assumed"  // nobody published it; Document says why this value
)

// Source is the origin of a value.
type Source struct {
	// Kind is "measured", "quoted", "derived" or "assumed".
	Kind string `json:"kind"`
	// Document is the data sheet and section, or the method of measurement.
	Document string `json:"document"`
	// Date of the measurement, YYYY-MM-DD; required for "measured".
	Date string `json:"date,omitempty"`
}

// Value is a number with its origin. Spread is half the interquartile range of
// the repetitions over their median; 0 for quoted values.
type Value struct {
	V      float64 `json:"v"`
	Spread float64 `json:"spread,omitempty"`
	Source string  `json:"source"`
}

// Size is a number of bytes with its origin.
type Size struct {
	V      int64  `json:"v"`
	Source string `json:"source"`
}

// Host identifies the machine a profile was measured on.
type Host struct {
	CPU         string   `json:"cpu"`                   // model name
	ISA         []string `json:"isa,omitempty"`         // instruction sets the kernels used ("avx2")
	OS          string   `json:"os"`                    // GOOS/GOARCH
	Cores       int      `json:"cores"`                 // physical
	LogicalCPUs int      `json:"logical_cpus"`          // schedulable by this process
	MemoryBytes int64    `json:"memory_bytes"`          // installed
	HugePages   string   `json:"huge_pages,omitempty"`  // transparent_hugepage mode
	FileSystem  string   `json:"file_system,omitempty"` // of the file that was read
}

// Tier is a memory.
type Tier struct {
	// Name as used by links, executors and --tier NAME=SIZE.
	Name string `json:"name"`
	// CapacityBytes is what an arena may take; -1 on exactly one tier.
	CapacityBytes Size `json:"capacity_bytes"`
	// ReadBW is the most the memory delivers to everybody together, bytes/s.
	ReadBW Value `json:"read_bw"`
	// WriteBW likewise; 0: read only (a model file).
	WriteBW Value `json:"write_bw"`
	// LatencyS is the time of one small access. It informs; copies use the link's.
	LatencyS Value `json:"latency_s"`
	// Align is the granule of offsets in the tier, a power of two.
	Align int64 `json:"align"`
}

// Link is a copy engine: FIFO, one direction.
//
// A copy of b bytes is ceil(b / RequestBytes) requests, at most Depth in
// flight; their latencies overlap and their transfers run one at a time at BW.
type Link struct {
	Name string `json:"name"`
	From string `json:"from"` // tier
	To   string `json:"to"`   // tier
	// BW is the transfer rate of the queue at RequestBytes and Depth, bytes/s.
	BW Value `json:"bw"`
	// LatencyS is the time one request spends outside its transfer.
	LatencyS Value `json:"latency_s"`
	// IOAlign: copied extents are aligned and padded to it, a power of two.
	IOAlign int64 `json:"io_align"`
	// RequestBytes is the largest request to issue; 0: a copy is one request.
	RequestBytes int64 `json:"request_bytes"`
	// Depth is the number of requests to keep in flight; -1: any.
	Depth int `json:"depth"`
	// Shares are the tiers whose bandwidth the link takes from executors.
	Shares []string `json:"shares,omitempty"`
	// Curve is the evidence: throughput by request size and depth.
	Curve []CurvePoint `json:"curve,omitempty"`
	// State is how the curve was measured: "direct" (past the page cache, and
	// the operating system's byte count agreed), "cached" (it did not: the
	// numbers are memory's, not the disk's), or empty (not measured).
	State string `json:"state,omitempty"`
}

// Values of Link.State.
const (
	LinkDirect = "direct"
	LinkCached = "cached"
)

// CurvePoint is the throughput of a link for one request size and depth.
type CurvePoint struct {
	RequestBytes int64 `json:"request_bytes"`
	Depth        int   `json:"depth"`
	BW           Value `json:"bw"` // bytes/s
}

// Executor is something that computes.
type Executor struct {
	Name string `json:"name"`
	// Cores is the most threads that help; 1 for a device scheduled as a whole.
	Cores int `json:"cores"`
	// Access lists the tiers it reads and writes directly.
	Access []TierAccess `json:"access"`
	// Caches in front of those tiers, smallest first.
	Caches []Cache `json:"caches,omitempty"`
	// BarrierS is the time of one barrier between the threads of an op list.
	BarrierS []ThreadValue `json:"barrier_s,omitempty"`
	// LaunchS is the fixed time of starting one kernel (a GPU launch); 0 on a CPU.
	LaunchS *Value `json:"launch_s,omitempty"`
	// Kernels are the compute rates; see Executor.ComputeS.
	Kernels []KernelRate `json:"kernels"`
}

// TierAccess is how fast an executor reads and writes a tier.
type TierAccess struct {
	Tier  string     `json:"tier"`
	Read  []AccessBW `json:"read"`
	Write []AccessBW `json:"write"`
}

// AccessBW is a bandwidth for a number of threads and a working set.
type AccessBW struct {
	Threads int `json:"threads"`
	// WorkingSetBytes is the size of the buffer that was swept; 0: any size.
	// A model a few times the last-level cache is read faster than one of
	// gigabytes, since part of it stays.
	WorkingSetBytes int64 `json:"working_set_bytes,omitempty"`
	BW              Value `json:"bw"` // bytes/s
}

// Cache is not a tier, because nobody places tensors in it: an operand whose
// reuse distance is below UsableBytes is served at Read.
type Cache struct {
	Name string `json:"name"`
	// Bytes is the size of the cache that Scope shares.
	Bytes Size `json:"bytes"`
	// UsableBytes is the working set that still runs at cache speed; 0: Bytes.
	// It is smaller than Bytes where other guests or a hashed index take a part.
	UsableBytes Size `json:"usable_bytes,omitzero"`
	// Scope is "core" (each thread has one) or "shared" (all threads share it).
	Scope string `json:"scope"`
	// Read is the bandwidth by threads, bytes/s.
	Read []ThreadValue `json:"read"`
}

// Values of Cache.Scope.
const (
	ScopeCore   = "core"
	ScopeShared = "shared"
)

// ThreadValue is a value for a number of threads.
type ThreadValue struct {
	Threads int   `json:"threads"`
	Value   Value `json:"value"`
}

// Kernel names used in rates and Work. The list is open: an executor may rate
// others; kernels other than the first two count elements.
const (
	KernelMatMul    = "matmul"    // unit mac: Rows·Cols·Tokens
	KernelAttention = "attention" // unit mac: 2·Rows·Cols·KV·Tokens (Rows = query heads, Cols = head dimension)
	KernelNorm      = "norm"      // unit element, like all below: Rows·Cols·Tokens
	KernelRope      = "rope"
	KernelGLU       = "glu"
	KernelAdd       = "add"
	KernelEmbed     = "embed"
	KernelStoreKV   = "store-kv"
	KernelQuantize  = "quantize" // f32 activations → int8 blocks (fast mode)
	KernelSample    = "sample"   // arg max over the vocabulary
	KernelOther     = "*"        // any kernel in elements that has no entry of its own
)

// Any matches every dtype or mode in a KernelRate.
const Any = "*"

// Numeric modes.
const (
	ModeFast      = "fast"      // int8 activations, f16 KV
	ModeReference = "reference" // f32 activations and KV
)

// Units of work.
const (
	UnitMAC     = "mac"     // multiply-accumulate, two FLOP
	UnitElement = "element" // one output element
)

// KernelRate is the compute speed of one kernel, operands in the nearest cache.
type KernelRate struct {
	// Kernel is one of the names above.
	Kernel string `json:"kernel"`
	// DType is the type of the weights (matmul, embed) or of the KV cache
	// (attention, store-kv) in lower case as GGUF names it ("q4_1", "f16"),
	// "f32" for element-wise kernels, or "*".
	DType string `json:"dtype"`
	// Mode is "fast", "reference" or "*".
	Mode string `json:"mode"`
	// Threads that shared the work.
	Threads int `json:"threads"`
	// Unit is "mac" or "element"; the kernel decides it.
	Unit string `json:"unit"`
	// Points are rates by shape.
	Points []RatePoint `json:"points"`
	// StreamBW (matmul) is the bandwidth in bytes/s of weights when a single
	// token's product streams them from the executor's first tier: computation
	// and memory overlap imperfectly, so it is below what plain reads reach.
	// Absent: not measured.
	StreamBW *Value `json:"stream_bw,omitempty"`
	// StreamStartS is the time in seconds that such a product takes beyond its
	// bytes at StreamBW: prefetchers start anew with every matrix. Absent: none.
	StreamStartS *Value `json:"stream_start_s,omitempty"`
}

// RatePoint is a rate at one shape: Tokens in the micro-batch and K, the
// reduction length (matmul: columns; attention: attention length; element-wise:
// elements a token). K 0: any.
type RatePoint struct {
	Tokens int64 `json:"tokens"`
	K      int64 `json:"k,omitempty"`
	Rate   Value `json:"rate"` // units/s
}

// Overlap says how copies and computation share the machine.
type Overlap struct {
	// Rule is how the simulator shares a tier's bandwidth: "steal" (copies take
	// theirs first, memory-bound work stretches) or "idle_bw" (copies get what
	// is left).
	Rule string `json:"rule"`
	// CopyComputeFraction is how much of the shorter of the two is hidden when
	// both run: (compute alone + copy alone − both) / min. 1: perfect.
	CopyComputeFraction Value `json:"copy_compute_fraction"`
	// ComputeSlowdown is compute time while copies run over compute time alone.
	ComputeSlowdown Value `json:"compute_slowdown"`
	// CopySlowdown likewise for copies.
	CopySlowdown Value `json:"copy_slowdown"`
}

// Values of Overlap.Rule, those of malloc.CostRules.
const (
	OverlapSteal  = "steal"
	OverlapIdleBW = "idle_bw"
)

// Tier returns the tier called name.
func (p *Profile) Tier(name string) (*Tier, error) {
	for i := range p.Tiers {
		if p.Tiers[i].Name == name {
			return &p.Tiers[i], nil
		}
	}
	names := make([]string, len(p.Tiers))
	for i := range p.Tiers {
		names[i] = p.Tiers[i].Name
	}
	return nil, fmt.Errorf("profile %s: no tier %q; it has %s", p.Name, name, list(names))
}

// Executor returns the executor called name.
func (p *Profile) Executor(name string) (*Executor, error) {
	for i := range p.Executors {
		if p.Executors[i].Name == name {
			return &p.Executors[i], nil
		}
	}
	names := make([]string, len(p.Executors))
	for i := range p.Executors {
		names[i] = p.Executors[i].Name
	}
	return nil, fmt.Errorf("profile %s: no executor %q; it has %s", p.Name, name, list(names))
}

// Home returns the index of the unlimited tier, where the model lies.
func (p *Profile) Home() int {
	for i := range p.Tiers {
		if p.Tiers[i].CapacityBytes.V == Unlimited {
			return i
		}
	}
	return -1
}

// Assumed lists the sources that are guesses, for the badge that every number
// derived from this profile must carry.
func (p *Profile) Assumed() []string {
	var keys []string
	for k, s := range p.Sources {
		if s.Kind == SourceAssumed {
			keys = append(keys, k)
		}
	}
	return sorted(keys)
}

// Throughput is the rate the link's own model gives for an endless queue of
// requests of the given size and depth: min(BW, depth · bytes / (latency +
// bytes / BW)), in bytes/s.
func (l *Link) Throughput(requestBytes int64, depth int) float64 {
	if depth < 0 || requestBytes <= 0 {
		return l.BW.V
	}
	b := float64(requestBytes)
	return min(l.BW.V, float64(depth)*b/(l.LatencyS.V+b/l.BW.V))
}
