package calibrate

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"strata/costmodel"
	"strata/engine/file"
	"strata/kernels/pool"
)

// Options of Run. The zero value measures with a temporary file.
type Options struct {
	// ModelPath is the file whose reads are measured; empty: a temporary file of
	// 256 MiB in TempDir, removed at the end.
	ModelPath string
	// TempDir is where the temporary file goes; empty: the system's. It must be
	// on the disk that models are read from.
	TempDir string
	// ModelBytes is the working set of the second bandwidth measurement; 0: the
	// model file's size, or 96 MiB.
	ModelBytes int64
	// Threads are the thread counts to measure; empty: 1, 2, half and all of the
	// physical cores.
	Threads []int
	// Shape is what kernels are measured near; zero: DefaultShape.
	Shape Shape
	// Budget is the time to stay within; 0: 40 s. Measurements are repeated
	// less when they are late, never left out.
	Budget time.Duration
	// Name of the profile; empty: "host".
	Name string
	// Progress, if set, is called before each part and after each measurement,
	// from Run's goroutine.
	Progress func(Progress)
	// Date is the profile's date, YYYY-MM-DD; empty: today, UTC.
	Date string

	bufferBytes   int64 // tests: memory to sweep
	tempFileBytes int64 // tests: size of the temporary file
}

// spans are how long the disk is read for a point of its curve, and how long
// computation and copies run against each other.
func (o *Options) spans() (point, overlap time.Duration) {
	return min(80*time.Millisecond, o.Budget/500), min(200*time.Millisecond, o.Budget/200)
}

// Progress is how far a calibration is.
type Progress struct {
	Part        string // "memory", "cache", …
	Done, Total int    // measurements
}

const (
	tierDRAM = "dram"
	tierFile = "file"

	sourceSystem  = "system"
	sourceMemory  = "memory"
	sourceCache   = "cache"
	sourceBarrier = "barrier"
	sourceKernels = "kernels"
	sourceStream  = "stream"
	sourceFile    = "file"
	sourceOverlap = "overlap"
	sourceAssumed = "assumed"

	defaultModelBytes = 96 << 20
	defaultBudget     = 40 * time.Second
)

// run is one calibration; each part fills its piece of the profile.
type run struct {
	opt     Options
	threads []int
	pools   map[int]*pool.Pool
	buf     *buffer
	sum     []byte // where bandwidth probes leave their sum
	pace    *pace
	llc     int64
	file    *file.File // what is read
	remove  func()     // closes it, and deletes a temporary one
	notes   []string

	streamed map[streamKey]streaming

	host costmodel.Host
	dram costmodel.Tier
	home costmodel.Tier
	cpu  costmodel.Executor
	link costmodel.Link
	over costmodel.Overlap

	part        string
	done, total int
}

// Run measures this machine. It can be cancelled at any time and leaves no file
// and no thread behind. The caller decides where the profile is kept.
func Run(ctx context.Context, opt Options) (*costmodel.Profile, error) {
	r, err := newRun(opt)
	if err != nil {
		return nil, err
	}
	defer r.close()
	parts := []struct {
		name  string
		steps int // counted by the part itself through r.step
		f     func(context.Context) error
	}{
		{"memory", 0, r.memory},
		{"cache", 0, r.cache},
		{"barrier", 0, r.barrier},
		{"streams", r.streamCount(), r.streams},
		{"file", len(curvePoints), r.disk},
		{"overlap", 3, r.overlap},
		{"kernels", r.kernelCount(), r.kernels},
	}
	for _, p := range parts {
		r.total += 1 + p.steps
	}
	for _, p := range parts {
		r.part = p.name
		r.report()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.f(ctx); err != nil {
			return nil, fmt.Errorf("calibrate %s: %w", p.name, err)
		}
		r.step()
	}
	return r.profile()
}

func newRun(opt Options) (_ *run, err error) {
	if opt.Budget <= 0 {
		opt.Budget = defaultBudget
	}
	if opt.Name == "" {
		opt.Name = "host"
	}
	if opt.Date == "" {
		opt.Date = time.Now().UTC().Format(time.DateOnly)
	}
	if len(opt.Shape.Widths) == 0 {
		opt.Shape = DefaultShape()
	}
	if opt.ModelBytes <= 0 {
		opt.ModelBytes = defaultModelBytes
		if opt.ModelPath != "" {
			st, err := os.Stat(opt.ModelPath)
			if err != nil {
				return nil, fmt.Errorf("calibrate: %w", err)
			}
			opt.ModelBytes = max(st.Size(), 1<<20)
		}
	}
	if opt.tempFileBytes <= 0 {
		opt.tempFileBytes = tempFileBytes
	}
	opt.ModelBytes = (opt.ModelBytes + 4095) / 4096 * 4096
	r := &run{opt: opt, threads: opt.Threads, pools: map[int]*pool.Pool{}, llc: lastLevelCache(), host: hostInfo()}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if len(r.threads) == 0 {
		n := r.host.Cores
		r.threads = []int{1, min(2, n), max(1, n/2), n}
	}
	r.threads = slices.Clone(r.threads)
	slices.Sort(r.threads)
	r.threads = slices.Compact(r.threads)
	free, err := AvailableMemory()
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	// Far beyond the last-level cache, yet a small part of the memory.
	bytes := min(max(16*r.llc, 256<<20), 1<<30, free/4) &^ (2<<20 - 1)
	if opt.bufferBytes > 0 {
		bytes = opt.bufferBytes
	}
	if least := int64(96 << 20); bytes < least {
		return nil, fmt.Errorf("calibrate: %d bytes of memory are available; four times %d are needed", free, least)
	}
	if r.buf, err = newBuffer(bytes); err != nil {
		return nil, err
	}
	r.sum = r.buf.mem[len(r.buf.mem)-4096:]
	r.buf.mem = r.buf.mem[: len(r.buf.mem)-4096 : len(r.buf.mem)]
	for _, n := range r.threads {
		p, err := pool.New(n)
		if err != nil {
			return nil, fmt.Errorf("calibrate: %w", err)
		}
		r.pools[n] = p
	}
	for i := range r.buf.mem { // pages must exist to be read
		if i%4096 == 0 {
			r.buf.mem[i] = 1
		}
	}
	if load := loadAverage(); load > 0.5 {
		r.note(fmt.Sprintf("other programs were running (load average %.1f): rates are low and uneven, calibrate again on a quiet machine", load))
	}
	size := func(n int64, source string) costmodel.Size { return costmodel.Size{V: n, Source: source} }
	assumed := costmodel.Value{V: 1e-7, Source: sourceAssumed}
	r.dram = costmodel.Tier{Name: tierDRAM, CapacityBytes: size(free, sourceSystem), LatencyS: assumed, Align: 64}
	r.home = costmodel.Tier{Name: tierFile, CapacityBytes: size(costmodel.Unlimited, sourceSystem), WriteBW: costmodel.Value{Source: sourceSystem}, Align: ioAlign}
	r.cpu = costmodel.Executor{Name: "cpu", Cores: r.threads[len(r.threads)-1]}
	r.pace = &pace{start: time.Now(), budget: opt.Budget, progress: func() float64 { return float64(r.done) / float64(max(r.total, 1)) }}
	return r, nil
}

func (r *run) close() {
	for _, p := range r.pools {
		p.Close()
	}
	if r.buf != nil {
		r.buf.close()
	}
	if r.remove != nil {
		r.remove()
	}
}

func (r *run) kernelCount() int {
	n := 0
	for _, threads := range r.threads {
		for _, p := range r.kernelPlan(threads) {
			n += len(p.cases)
		}
	}
	return n
}

func (r *run) streamCount() int {
	n := 0
	for _, threads := range r.threads {
		n += len(r.matmulPlans(threads))
	}
	return n
}

// step reports one measurement more.
func (r *run) step() {
	r.done++
	r.report()
}

func (r *run) report() {
	if r.opt.Progress != nil {
		r.opt.Progress(Progress{Part: r.part, Done: r.done, Total: r.total})
	}
}

// note adds a sentence to the profile's notes, once.
func (r *run) note(s string) {
	if !slices.Contains(r.notes, s) {
		r.notes = append(r.notes, s)
	}
}

// profile puts the parts together and validates the whole.
func (r *run) profile() (*costmodel.Profile, error) {
	measured := func(method string) costmodel.Source {
		return costmodel.Source{Kind: costmodel.SourceMeasured, Document: method, Date: r.opt.Date}
	}
	const median = "; median of 7 (3 when late) samples, each the best of 3"
	p := &costmodel.Profile{
		Format: costmodel.ProfileFormat,
		Name:   r.opt.Name,
		Title:  fmt.Sprintf("%s, %d cores", r.host.CPU, r.host.Cores),
		Kind:   costmodel.ProfileMeasured,
		Date:   r.opt.Date,
		Notes:  strings.Join(r.notes, "; "),
		Host:   &r.host,
		Sources: map[string]costmodel.Source{
			sourceSystem:  measured("what the operating system says: /proc/meminfo MemAvailable (less a control group's limit), sysfs cache sizes"),
			sourceMemory:  measured("sum of 64-bit words of a buffer in huge pages, and zeroing it" + median),
			sourceCache:   measured("the same sum over half of the cache's size; usable: the largest eighths of it that run nearer to that than to memory"),
			sourceBarrier: measured("256 reads of a few microseconds, with a barrier after each less without; empty ops for one thread" + median),
			sourceKernels: measured("the run's own kernels on operands in the caches, barriers subtracted" + median),
			sourceStream:  measured("one token's matmuls with weights from memory, a working set of the model's size, barriers subtracted; bandwidth from the difference of 1536 and 192 rows, the start is what remains" + median),
			sourceFile:    measured("the run's own reader over the file; median of 3 times 80 ms a point; latency: a lone request's time beyond its transfer"),
			sourceOverlap: measured("a memory-bound matmul and file reads, alone and together; median of 3"),
			sourceAssumed: {Kind: costmodel.SourceAssumed, Document: "a hundred nanoseconds; informs only"},
		},
		Tiers:     []costmodel.Tier{r.dram, r.home},
		Links:     []costmodel.Link{r.link},
		Executors: []costmodel.Executor{r.cpu},
		Overlap:   r.over,
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("calibrate: the measurements do not make a profile: %w", err)
	}
	return p, nil
}
