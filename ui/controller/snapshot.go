package controller

import (
	"os"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/projects"
	"strata/trace"
	"strata/workflow"
)

// Snapshot is everything the window shows at one moment. It and everything
// behind its pointers is never written after it was published.
type Snapshot struct {
	Version  uint64
	Docs     []*Document // in tab order
	Active   int         // index into Docs, -1: none
	Tasks    []Task      // running now, oldest first
	Fault    *Fault      // in the error bar; nil: none
	Recent   []Recent
	Machines []Machine
	Settings Settings
	Undo     string // name of what Undo would take back; "": nothing
	Redo     string
	Saved    bool // nothing changed since the last save
}

// Doc is the active document, nil when none is open.
func (s *Snapshot) Doc() *Document {
	if s.Active < 0 || s.Active >= len(s.Docs) {
		return nil
	}
	return s.Docs[s.Active]
}

// Task returns the running task of a kind for a document (0: any), or nil.
func (s *Snapshot) Task(kind TaskKind, doc int) *Task {
	for i := range s.Tasks {
		if s.Tasks[i].Kind == kind && (doc == 0 || s.Tasks[i].Doc == doc) {
			return &s.Tasks[i]
		}
	}
	return nil
}

// Document is one model (or bare instance) on one machine under one workload,
// with the plan that is current.
type Document struct {
	ID          int    // never reused in a session, > 0
	Version     uint64 // changes with anything in the document
	PlanVersion uint64 // changes with Program, Plan or Predicted only
	Name        string
	Path        string // model, plan or instance file; "" for the sample without its file
	Sample      bool   // drawn from the embedded sample; the model file may be absent
	Project     int64  // the store's number of it, 0: not stored yet

	Request    workflow.Request
	Inspection *workflow.Inspection // nil for a bare instance
	Machine    *costmodel.Profile   // nil for a bare instance
	Check      *workflow.CheckResult
	Assumed    []string
	Executable string // "": this host's engine can run it, else why not

	Program    *malloc.Program
	Plan       *malloc.Plan             // nil: nothing fits, or not planned yet
	Predicted  *workflow.SimulateResult // of Plan; its Timeline is what views draw
	Result     *workflow.PlanResult     // of the search that found Plan; nil for loaded plans
	LowerBound costmodel.Bound
	PlanPath   string // where Plan was last saved; ""

	Search      SearchState
	Front       FrontState
	Validations []Validation // oldest first: of this session, and stored ones of the plans that were current
	Locked      []int        // buffers the user locked, sorted ids into Program.Buffers
	Stale       bool         // the plan is older than the request (a slider moved; work runs)
	Verdict     Verdict
	Limits      workflow.Limits // of the budget slider; LeastBytes 0: not known yet
	MaxContext  int             // longest context that fits; 0: not known, -1: none
	HomeTier    int             // the tier that budgets limit; -1 for a bare instance
	Attribution Attribution     // where the predicted time goes

	model   *workflow.Model
	job     *workflow.Job
	held    []hold          // Locked by name, while Plan is nil
	headers *projects.Model // what a project keeps of model; nil: not read yet
}

// Model is the opened model, nil for a bare instance. It is safe for readers.
func (d *Document) Model() *workflow.Model { return d.model }

// Job is the lowered request behind Program, nil for a bare instance.
func (d *Document) Job() *workflow.Job { return d.job }

// HasWeights says whether the model's file is there, so that it can be run.
func (d *Document) HasWeights() bool {
	if d.model == nil {
		return false
	}
	for _, s := range d.model.Source.Shards {
		if info, err := os.Stat(s.Path); err != nil || info.Size() != s.Bytes {
			return false
		}
	}
	return true
}

// Measured is the newest measured timeline of the current plan, or nil.
func (d *Document) Measured() *trace.Timeline {
	for i := len(d.Validations) - 1; i >= 0; i-- {
		if v := &d.Validations[i]; v.PlanVersion == d.PlanVersion && v.Result != nil && v.Result.Measured != nil {
			return v.Result.Measured
		}
	}
	return nil
}

// Verdict is the sentence of the Overview and of the top bar.
type Verdict struct {
	Tone     Tone
	Word     string // "FITS", "1.2 GiB OVER", "UNSURE"
	Sentence string
}

// Tone colours a verdict, always beside its word.
type Tone uint8

const (
	Neutral Tone = iota
	Good
	Bad
	Warn
)

// SearchState is the search of a document: running, or the last one.
type SearchState struct {
	Options     SearchOptions
	Running     bool
	Started     time.Time
	ElapsedS    float64
	Evaluations int64
	Component   string       // that leads
	BestS       float64      // predicted seconds of the best that this search found, 0: none yet
	BeforeS     float64      // of the plan it started from, 0: none
	LowerS      float64      // bound
	Curve       [][2]float64 // (elapsed seconds, best seconds of this search), falling
	Baselines   []workflow.BaselineTime
	Episode     *planner.Episode // the agent's last complete game
	Stopped     string           // why it ended, "" while running
	Improved    bool             // better than the plan it started from
}

// SearchOptions is what the Search view chooses.
type SearchOptions struct {
	Solver  string // "" : auto
	Time    time.Duration
	Seed    uint64
	Explore bool // keep the best found, but do not replace the document's plan
}

// Runs are the runs of the present plan, oldest first.
func (d *Document) Runs() []Validation {
	var list []Validation
	for _, v := range d.Validations {
		if v.PlanVersion == d.PlanVersion {
			list = append(list, v)
		}
	}
	return list
}

// Validation is one run of a plan on a host.
type Validation struct {
	PlanVersion uint64
	Run         int64 // the store's number of it, 0: not stored
	At          time.Time
	WallS       float64
	Host        string                   // "": this one
	Result      *workflow.ValidateResult // nil when it failed to run; of a stored run without timelines until they are asked for
	Err         string
}

// TaskKind says what runs.
type TaskKind string

const (
	TaskOpen      TaskKind = "open"
	TaskPlan      TaskKind = "plan"   // quick plan after a slider moved
	TaskSearch    TaskKind = "search" // anytime, cancel keeps the best
	TaskFront     TaskKind = "front"  // memory against time, cancel keeps the points found
	TaskValidate  TaskKind = "validate"
	TaskCalibrate TaskKind = "calibrate"
	TaskCheck     TaskKind = "check"
	TaskSolve     TaskKind = "solve" // longest context
	TaskSave      TaskKind = "save"
	TaskIdentify  TaskKind = "identify" // the digest of a model's files
)

// Task is running work.
type Task struct {
	ID        int
	Kind      TaskKind
	Doc       int // document id, 0: none
	Stage     string
	Done      int64
	Total     int64 // 0: unknown
	Started   time.Time
	LeftS     float64 // estimate of the time left, < 0: unknown
	KeepsBest bool    // cancel keeps the best so far

	Meters *workflow.Meters // of a validation, nil before its first run
}

// Fault is what the error bar says, and how it can be mended.
type Fault struct {
	Text  string
	Doc   int
	Fixes []Fix // buttons, the best first
}

// Fix is a button of the error bar.
type Fix struct {
	Label string // "Use context 4,096"
	apply func(c *Controller)
}

// Recent is a file opened before.
type Recent struct {
	Path    string
	Name    string
	Opened  time.Time
	Verdict Verdict
	Bytes   int64

	Thumbnail []byte // small PNG of its plan; nil: none yet
}

// Machine is a hardware profile that can be chosen.
type Machine struct {
	ID      string // for Request.HW: "" is this host
	Title   string
	Host    bool // this host's calibration
	File    bool // read from a file
	Profile *costmodel.Profile
	Err     string // why it cannot be read
}

// Settings are the user's, kept between runs.
type Settings struct {
	Theme     string  // "system", or the name of a viz palette
	TextScale float64 // 1 is normal
	View      string  // shown view
	Values    map[string]string
}
