package workflow

import (
	"bytes"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"strata/engine"
)

// Meters is a moment of a running validation. It is never written after it was
// reported.
type Meters struct {
	Stage    string // what runs now, one of the Stage constants
	Run      int    // which measured run, from 1; 0: none yet
	Runs     int    // measured runs in all
	Tokens   int    // generated in this run
	OfTokens int
	ElapsedS float64 // of this run, at its newest token
	PrefillS float64 // to its first token; 0: not there yet

	FileBytes    int64 // read from the model's files in this run
	OfFileBytes  int64 // what the plan predicts; 0: not predicted
	Requests     int64
	ArenaBytes   int64 // in blocks in use at the newest token
	OfArenaBytes int64 // the arena's predicted peak; 0: not predicted
	MemoryBytes  int64 // resident memory of the process, 0: not known
	LeftS        float64
}

// Stages of a validation.
const (
	StageResident = "all-resident run"
	StageProbe    = "probing the machine"
	StageMeasured = "measured run"
)

// TokensPerS is the rate of decoding so far, 0 before there are two tokens.
func (m *Meters) TokensPerS() float64 {
	if d := m.ElapsedS - m.PrefillS; m.Tokens > 1 && d > 0 {
		return float64(m.Tokens-1) / d
	}
	return 0
}

// metersEvery is how often meters are reported.
const metersEvery = 200 * time.Millisecond

// watch reports the meters of a validation from a goroutine of its own, so that
// the run under way pays for one pointer a token and never waits for a reader.
type watch struct {
	report   func(Meters)
	runs     int
	plannedS float64 // predicted seconds of a run as planned
	newest   atomic.Pointer[moment]
	ended    chan struct{}
	gone     chan struct{}
}

// moment is a stage with what the engine told last of it.
type moment struct {
	stage  Meters
	wholeS float64 // predicted seconds of the whole stage
	begun  time.Time
	told   engine.Meters
}

// newWatch starts reporting; end it. report nil: nobody looks.
func newWatch(report func(Meters), runs int, plannedS float64) *watch {
	w := &watch{report: report, runs: runs, plannedS: plannedS, ended: make(chan struct{}), gone: make(chan struct{})}
	w.stage(Meters{Stage: StageResident}, plannedS)
	if report == nil {
		close(w.gone)
	} else {
		go w.tick()
	}
	return w
}

func (w *watch) tick() {
	defer close(w.gone)
	every := time.NewTicker(metersEvery)
	defer every.Stop()
	for {
		select {
		case <-w.ended:
			return
		case <-every.C:
			w.report(w.meters(time.Now()))
		}
	}
}

// stage begins a stage that is expected to last wholeS seconds. The function it
// returns is for the engine to call after each token; nil when nobody looks.
func (w *watch) stage(m Meters, wholeS float64) func(engine.Meters) {
	m.Runs = w.runs
	at := moment{stage: m, wholeS: wholeS, begun: time.Now()}
	w.newest.Store(&at)
	if w.report == nil {
		return nil
	}
	return func(told engine.Meters) {
		now := at
		now.told = told
		w.newest.Store(&now)
	}
}

// meters is the present moment.
func (w *watch) meters(now time.Time) Meters {
	at := w.newest.Load()
	m := at.stage
	m.Tokens, m.PrefillS, m.ElapsedS = at.told.Tokens, at.told.PrefillS, at.told.ElapsedS
	m.FileBytes, m.Requests, m.ArenaBytes = at.told.File.Bytes, at.told.File.Requests, at.told.LiveBytes
	m.MemoryBytes = residentBytes()
	// The rest of this stage at its own rate, once it has one, and the runs to come
	// as predicted.
	rest := max(0, at.wholeS-now.Sub(at.begun).Seconds())
	if rate := m.TokensPerS(); rate > 0 {
		rest = float64(m.OfTokens-m.Tokens) / rate
	}
	m.LeftS = rest + float64(w.runs-m.Run)*w.plannedS
	return m
}

// end stops the reports; none comes after it returned.
func (w *watch) end() {
	close(w.ended)
	<-w.gone
}

// residentBytes is the process's resident memory now, 0 where the system hides it.
func residentBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
