package engine

import (
	"context"
	"fmt"
	"unsafe"

	"strata/costmodel"
	"strata/engine/file"
	"strata/kernels/pool"
	"strata/malloc"
	"strata/model"
	"strata/trace"
)

// Input is what the model is given.
type Input struct {
	Prompt []int32
	// Force replaces generated tokens in order (teacher forcing).
	Force []int32
	// OnToken sees every generated token as it comes; an error stops the run.
	OnToken func(i int, id int32) error
	// OnLogits sees the logits each token was sampled from; the slice is only
	// valid during the call.
	OnLogits func(i int, logits []float32) error
	// OnMeters sees the meters after every generated token. The clock runs
	// meanwhile: it must return at once. nil: nobody looks.
	OnMeters func(Meters)
}

// Meters is what a run has measured up to a generated token.
type Meters struct {
	Tokens    int         // generated
	ElapsedS  float64     // since the run began
	PrefillS  float64     // to the first token
	LiveBytes int64       // of the arena, in blocks in use now
	PeakBytes int64       // highest arena address in use so far
	File      file.Meters // of the model's files
}

// Reader performs the copies out of the model file; *file.Reader is one.
type Reader interface {
	Submit(*file.Copy) error
	Wait(*file.Copy) error
	Drain()
	Meters() file.Meters
	Close() error
}

// Options of a run.
type Options struct {
	Pool  *pool.Pool
	Files []*file.File // by shard of the graph
	// NewReader makes the run's reader; nil: file.NewReader.
	NewReader func(context.Context, file.Options) (Reader, error)
	// TraceIterations bounds the recorded loop iterations: the first and the last
	// half of so many; 0 records none.
	TraceIterations int
}

// Result is what a run measured.
type Result struct {
	Tokens        []int32
	PrefillS      float64   // start to the first token
	IterationS    []float64 // seconds of each decode iteration
	PeakBytes     int64     // highest arena address in use
	ArenaBytes    int64
	File          file.Meters
	OSBytes       int64  // read from storage by the process meanwhile, -1: not known
	Direct        bool   // every file was read past the page cache
	Reason        string // why not
	Timeline      *trace.Timeline
	StreamedBytes int64 // read from the file during the decode loop
}

// CanRun says why the engine cannot execute a lowered program, or nil.
func CanRun(l *costmodel.Lowered) error {
	switch {
	case l.Graph.Executable != "":
		return fmt.Errorf("%s: %s", l.Graph.Name, l.Graph.Executable)
	case l.Work.Parallel != 1:
		return fmt.Errorf("planned only: the engine runs one sequence at a time, not %d", l.Work.Parallel)
	case len(l.Program.Executors) != 1 || len(l.Program.Tiers) != 2:
		return fmt.Errorf("planned only: the engine runs one CPU over memory and a file, this profile has %d executors and %d tiers", len(l.Program.Executors), len(l.Program.Tiers))
	}
	want := model.F16
	if l.Work.Mode == costmodel.ModeReference {
		want = model.F32
	}
	for i := range l.Graph.Tensors {
		t := &l.Graph.Tensors[i]
		if t.Role == model.RoleKV && (t.KV.KType != want || t.KV.VType != want) {
			return fmt.Errorf("planned only: the engine's %s mode keeps the KV cache in %v, not %v and %v", l.Work.Mode, want, t.KV.KType, t.KV.VType)
		}
	}
	return nil
}

// Run executes the plan. The plan must have passed malloc.Check.
func Run(ctx context.Context, l *costmodel.Lowered, plan *malloc.Plan, in Input, opt Options) (*Result, error) {
	if err := CanRun(l); err != nil {
		return nil, err
	}
	if len(in.Prompt) != l.Work.Prompt {
		return nil, fmt.Errorf("engine: the prompt has %d tokens, the plan was made for %d", len(in.Prompt), l.Work.Prompt)
	}
	vocab := l.Graph.Hyper.Vocab
	for _, list := range [][]int32{in.Prompt, in.Force} {
		for i, id := range list {
			if id < 0 || int64(id) >= vocab {
				return nil, fmt.Errorf("engine: token %d is id %d, the vocabulary has ids 0 to %d", i, id, vocab-1)
			}
		}
	}
	if opt.Pool.Threads() != l.Work.Threads {
		return nil, fmt.Errorf("engine: a pool of %d threads for a plan of %d", opt.Pool.Threads(), l.Work.Threads)
	}
	r := &runner{l: l, plan: plan, in: in, opt: opt, p: l.Program}
	if err := r.prepare(ctx); err != nil {
		r.close()
		return nil, err
	}
	defer r.close()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return r.finish()
}

// runner is the state of one run.
type runner struct {
	l    *costmodel.Lowered
	p    *malloc.Program
	plan *malloc.Plan
	in   Input
	opt  Options
	b    *binding

	dram   *arena
	ctl    *control
	reader Reader
	copies []file.Copy
	inAir  []bool // by copy: submitted and not awaited

	issue, await [][]int32 // by instruction: copies, in plan order
	stop         []bool    // by instruction: something happens before it
	samples      []bool    // by instruction: it samples a token
	filled       []bool    // by block: a copy fills it (acquired when that is issued)
	live         []bool    // by block
	rows         [][]int32 // by instruction: its embedding rows in b.embeds
	rowOf        []int32   // by buffer: its row in b.embeds

	iteration int
	tokens    []int32
	rec       *recorder
	res       Result
	osBefore  int64
	streamed0 int64
}

func (r *runner) prepare(ctx context.Context) error {
	var bytes int64
	for i := range r.plan.Blocks {
		if r.plan.Blocks[i].Tier == r.l.HomeTier {
			bytes = max(bytes, r.plan.Blocks[i].Offset+planBlockBytes(r.l, r.plan, int32(i)))
		}
	}
	var err error
	if r.dram, err = newArena(bytes); err != nil {
		return err
	}
	rows, ubatches := 0, 0
	for i := range r.p.Buffers {
		if r.p.Buffers[i].Select != nil {
			rows++
		}
	}
	for i := range r.p.Instructions {
		ubatches = max(ubatches, int(r.p.Instructions[i].Ref.Ubatch)+1)
	}
	if r.ctl, err = newControl(ubatches, rows); err != nil {
		return err
	}
	if r.b, err = bind(r.l, r.plan, r.dram, r.ctl); err != nil {
		return err
	}
	for i := range r.p.Instructions {
		if ref := r.p.Instructions[i].Ref; ref.Ubatch >= 0 {
			r.ctl.setPosition(ref.Ubatch, int(ref.Token0))
		}
	}
	if err := r.schedule(); err != nil {
		return err
	}
	newReader := r.opt.NewReader
	if newReader == nil {
		newReader = func(ctx context.Context, o file.Options) (Reader, error) { return file.NewReader(ctx, o) }
	}
	var o file.Options
	for _, e := range r.p.Engines {
		if e.From == r.l.FileTier {
			o = file.Options{Depth: max(1, e.MaxOutstanding), RequestBytes: e.RequestBytes}
		}
	}
	if r.reader, err = newReader(ctx, o); err != nil {
		return err
	}
	r.rec = newRecorder(r)
	return nil
}

// schedule sorts copies by the instruction that issues and awaits them.
func (r *runner) schedule() error {
	n := len(r.p.Instructions)
	r.issue, r.await = make([][]int32, n+1), make([][]int32, n+1)
	r.stop, r.samples = make([]bool, n+1), make([]bool, n)
	r.filled, r.live = make([]bool, len(r.plan.Blocks)), make([]bool, len(r.plan.Blocks))
	r.copies, r.inAir = make([]file.Copy, len(r.plan.Copies)), make([]bool, len(r.plan.Copies))
	r.rows, r.rowOf = make([][]int32, n), make([]int32, len(r.p.Buffers))
	for i := range r.b.embeds {
		t := r.b.embeds[i].instr
		r.rows[t] = append(r.rows[t], int32(i))
		r.rowOf[r.b.embeds[i].buf] = int32(i)
		r.stop[t] = true
	}
	for i := range r.p.Instructions {
		st := &r.l.Graph.Stages[r.p.Instructions[i].Ref.Stage]
		for _, o := range r.l.Graph.Ops[st.FirstOp : st.FirstOp+st.Ops] {
			if o.Kind == model.OpSample {
				r.samples[i] = true
				r.stop[i+1] = true
			}
		}
	}
	for i := range r.plan.Copies {
		c := &r.plan.Copies[i]
		e := &r.p.Engines[c.Engine]
		if e.From != r.l.FileTier || e.To != r.l.HomeTier {
			return fmt.Errorf("engine: copy %d goes from %q to %q, the engine reads the model file only (planned only)", i, r.p.Tiers[e.From].Name, r.p.Tiers[e.To].Name)
		}
		r.filled[c.Block] = true
		before := c.Before
		if c.Start >= r.b.begin && before >= r.b.end || c.Start < r.b.begin && before >= r.b.end {
			before = r.b.begin + (before - r.b.end)
		}
		r.issue[c.Start] = append(r.issue[c.Start], int32(i))
		r.await[before] = append(r.await[before], int32(i))
		r.stop[c.Start], r.stop[before] = true, true
		if err := r.target(i); err != nil {
			return err
		}
	}
	return nil
}

// target fixes where a copy reads and writes; rows chosen at run time keep only
// their destination.
func (r *runner) target(i int) error {
	c := &r.plan.Copies[i]
	buf := &r.p.Buffers[c.Buf]
	dst, err := r.dram.slice(r.plan.Blocks[c.Block].Offset, c.Bytes)
	if err != nil {
		return fmt.Errorf("engine: copy %d of %q: %w", i, buf.Name, err)
	}
	shard := r.l.Origins[c.Buf].Shard
	if shard >= len(r.opt.Files) {
		return fmt.Errorf("engine: %q lies in file %d of the model, %d are open", buf.Name, shard, len(r.opt.Files))
	}
	r.copies[i] = file.Copy{File: r.opt.Files[shard], Dst: dst, Tag: int64(i)}
	switch {
	case buf.Select != nil:
	case buf.HomeOffset != nil:
		r.copies[i].Offset = *buf.HomeOffset / r.b.ioAlign() * r.b.ioAlign()
	default:
		return fmt.Errorf("engine: %q has no position in the model file", buf.Name)
	}
	return nil
}

func (r *runner) run(ctx context.Context) error {
	r.osBefore, _ = file.ProcReadBytes()
	r.rec.begin()
	if err := r.stretch(ctx, 0, r.b.begin, -1); err != nil {
		return err
	}
	r.res.PrefillS = r.rec.now()
	r.streamed0 = r.reader.Meters().Bytes
	r.enterLoop()
	for it := 0; it < int(r.b.trip); it++ {
		start := r.rec.now()
		r.ctl.setPosition(-1, r.l.Work.Prompt+it)
		if err := r.stretch(ctx, r.b.begin, r.b.end, it); err != nil {
			return err
		}
		r.res.IterationS = append(r.res.IterationS, r.rec.now()-start)
	}
	for i, flying := range r.inAir {
		if flying {
			if err := r.wait(int32(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// enterLoop counts the body blocks that reach into the first iteration.
func (r *runner) enterLoop() {
	for i := range r.plan.Blocks {
		k := &r.plan.Blocks[i]
		if k.Start <= r.b.begin || k.End <= r.b.end || k.Start < r.b.begin {
			continue
		}
		for _, j := range r.blocksOf(k.Buf) {
			s := &r.plan.Blocks[j]
			if s.Start < r.b.begin && s.End == r.b.begin && s.Offset == k.Offset {
				r.acquire(int32(i))
			}
		}
	}
}

func (r *runner) blocksOf(buf int) []int32 {
	if buf < 0 {
		return nil
	}
	return r.b.blocksOf[buf]
}

func (r *runner) acquire(i int32) {
	if !r.live[i] {
		r.live[i] = true
		r.dram.acquire(r.plan.Blocks[i].Offset, r.b.blockBytes(i))
	}
}

func (r *runner) release(i int32) {
	if r.live[i] {
		r.live[i] = false
		r.dram.release(r.b.blockBytes(i))
	}
}

// stretch runs instructions [from, to) once: at each event it issues copies,
// waits for copies, then hands everything up to the next event to the pool.
func (r *runner) stretch(ctx context.Context, from, to, iteration int) error {
	r.iteration = iteration
	for t := from; t < to; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.events(t, from, to); err != nil {
			return err
		}
		next := t + 1
		for next < to && !r.stop[next] {
			next++
		}
		for i := t; i < next; i++ {
			if i > t || t == from {
				r.occupy(i)
			}
		}
		ops := r.b.ops[r.b.first[t]:r.b.first[next]]
		start := r.rec.now()
		if err := r.opt.Pool.Run(ops); err != nil {
			return fmt.Errorf("engine: instructions %s to %s: %w", r.p.Instructions[t].Name, r.p.Instructions[next-1].Name, err)
		}
		r.rec.computed(t, next, start)
		for i := t; i < next; i++ {
			if r.samples[i] {
				if err := r.sampled(i); err != nil {
					return err
				}
			}
		}
		t = next
	}
	return nil
}

// occupy meters the blocks that end and begin at instruction t.
func (r *runner) occupy(t int) {
	for _, i := range r.b.ends[t] {
		r.release(i)
	}
	if t == r.b.begin && r.iteration > 0 {
		for _, i := range r.b.ends[r.b.end] {
			r.release(i)
		}
	}
	for _, i := range r.b.starts[t] {
		if !r.filled[i] {
			r.acquire(i)
		}
	}
	r.rec.occupied()
}

// events issues and awaits the copies of instruction t and resolves the rows
// that its tokens choose.
func (r *runner) events(t, from, to int) error {
	if t > from {
		r.occupy(t)
	}
	last := r.iteration == int(r.b.trip)-1
	for _, i := range r.issue[t] {
		c := &r.plan.Copies[i]
		if r.iteration >= 0 {
			if c.Once && r.iteration > 0 {
				continue
			}
			if last && !c.Once && c.Before >= r.b.end {
				continue // it would serve an iteration that does not come
			}
		}
		if r.p.Buffers[c.Buf].Select != nil {
			r.aim(i)
		}
		if err := r.reader.Submit(&r.copies[i]); err != nil {
			return fmt.Errorf("engine: copy of %q: %w", r.p.Buffers[c.Buf].Name, err)
		}
		r.inAir[i] = true
		r.acquire(int32(c.Block))
	}
	for _, i := range r.await[t] {
		if r.inAir[i] {
			if err := r.wait(i); err != nil {
				return err
			}
		}
	}
	for _, k := range r.rows[t] {
		r.ctl.setRow(r.b.embeds[k].entry, r.rowAddress(k))
	}
	return nil
}

func (r *runner) wait(i int32) error {
	start := r.rec.now()
	err := r.reader.Wait(&r.copies[i])
	r.inAir[i] = false
	if err != nil {
		return fmt.Errorf("engine: copy of %q: %w", r.p.Buffers[r.plan.Copies[i].Buf].Name, err)
	}
	r.rec.waited(i, start)
	return nil
}

// sampled takes the token that instruction i chose.
func (r *runner) sampled(i int) error {
	in := &r.p.Instructions[i]
	n := len(r.tokens)
	if r.in.OnLogits != nil {
		addr, err := r.b.address(in.Reads[0].Buf, i)
		if err != nil {
			return err
		}
		off := int64(addr - r.dram.at(0))
		logits := unsafe.Slice((*float32)(unsafe.Pointer(&r.dram.mem[off])), r.l.Graph.Hyper.Vocab)
		if err := r.in.OnLogits(n, logits); err != nil {
			return err
		}
	}
	addr, err := r.b.address(in.Writes[0].Buf, i)
	if err != nil {
		return err
	}
	p := (*int32)(unsafe.Pointer(&r.dram.mem[addr-r.dram.at(0)]))
	if n < len(r.in.Force) {
		*p = r.in.Force[n]
	}
	if *p < 0 || int64(*p) >= r.l.Graph.Hyper.Vocab {
		return fmt.Errorf("engine: sampled id %d, the vocabulary has ids 0 to %d", *p, r.l.Graph.Hyper.Vocab-1)
	}
	r.tokens = append(r.tokens, *p)
	if r.in.OnMeters != nil {
		m := Meters{Tokens: n + 1, ElapsedS: r.rec.now(), PrefillS: r.res.PrefillS, LiveBytes: r.dram.liveBytes, PeakBytes: r.dram.peakBytes, File: r.reader.Meters()}
		if n == 0 {
			m.PrefillS = m.ElapsedS
		}
		r.in.OnMeters(m)
	}
	if r.in.OnToken != nil {
		return r.in.OnToken(n, *p)
	}
	return nil
}

func (r *runner) finish() (*Result, error) {
	r.reader.Drain()
	res := &r.res
	res.Tokens = r.tokens
	res.PeakBytes, res.ArenaBytes = r.dram.peakBytes, int64(len(r.dram.mem))
	res.File = r.reader.Meters()
	res.StreamedBytes = res.File.Bytes - r.streamed0
	res.OSBytes = -1
	if after, err := file.ProcReadBytes(); err == nil {
		res.OSBytes = after - r.osBefore
	}
	res.Direct = true
	for _, f := range r.opt.Files {
		if !f.Direct() {
			res.Direct, res.Reason = false, f.Reason()
		}
	}
	res.Timeline = r.rec.timeline()
	return res, nil
}

func (r *runner) close() {
	if r.reader != nil {
		_ = r.reader.Close()
	}
	if r.ctl != nil {
		r.ctl.close()
	}
	if r.dram != nil {
		r.dram.close()
	}
}
