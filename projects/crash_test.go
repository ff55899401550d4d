package projects_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/malloc"
	"strata/projects"
)

// crashVariable makes the test binary save into the named store until killed.
const crashVariable = "STRATA_TEST_SAVE_INTO"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashVariable); path != "" {
		fmt.Println("error:", saveForever(path)) // it returns for no other reason
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForever saves generation after generation of two documents, the settings
// and a run, and says a generation's number after its save returned.
func saveForever(path string) error {
	s, err := projects.Open(path)
	if err != nil {
		return err
	}
	session, err := s.LoadSession(ctx)
	if err != nil {
		return err
	}
	if session == nil {
		session = &projects.Session{Projects: []*projects.Project{{Name: "first"}, {Name: "second"}}}
	}
	n := generation(session.Settings)
	plan := &malloc.Plan{Format: malloc.PlanFormat, InstanceSHA256: strings.Repeat("0", 64), StructureSHA256: strings.Repeat("1", 64), Solver: "test"}
	for {
		n++
		state := json.RawMessage(strconv.Itoa(n))
		session.Settings, session.Active = state, n%2
		for _, p := range session.Projects {
			before := p.Moment
			p.Moment = projects.Moment{Plan: vary(plan, int64(n)), State: state, Workload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
			p.History = append(p.History, projects.Step{Label: fmt.Sprint("step ", n), At: time.UnixMicro(int64(n)), Before: before, After: p.Moment})
			p.History = p.History[max(0, len(p.History)-5):]
		}
		if err := s.SaveSession(ctx, session); err != nil {
			return err
		}
		r := &projects.Run{Project: session.Projects[0].ID, Plan: session.Projects[0].Plan, Host: "here", Started: time.UnixMicro(int64(n)), State: "cold", Result: state}
		if err := s.AddRun(ctx, r); err != nil {
			return err
		}
		fmt.Println(n) // one write: never half a line
	}
}

func generation(settings json.RawMessage) int {
	n, _ := strconv.Atoi(string(settings))
	return n
}

// TestKilledWhileSaving kills a saving process 100 times at random moments, from
// its first steps (opening, making the tables) to deep in a series of saves.
// Every time the store must open clean, hold everything whose save had returned,
// and no half of a save.
func TestKilledWhileSaving(t *testing.T) {
	kills, lanes := 100, 4
	if testing.Short() {
		kills = 20
	}
	var g sync.WaitGroup
	var mu sync.Mutex
	saves, early := 0, 0
	for lane := range lanes {
		g.Go(func() {
			random := rand.New(rand.NewPCG(uint64(lane), 7))
			dir, path, saved := t.TempDir(), "", 0
			for k := range kills / lanes {
				if k%5 == 0 { // also a store that does not exist yet
					path, saved = filepath.Join(dir, fmt.Sprint(k, ".db")), 0
				}
				said, err := runAndKill(path, random)
				if err != nil {
					t.Errorf("lane %d, kill %d: %v", lane, k, err)
					return
				}
				mu.Lock()
				if said == 0 {
					early++
				} else {
					saves += said - saved
				}
				mu.Unlock()
				saved = max(saved, said)
				if saved, err = inspect(path, saved); err != nil {
					t.Errorf("lane %d, kill %d: %v", lane, k, err)
					return
				}
			}
		})
	}
	g.Wait()
	t.Logf("%d kills, %d of them before the first save, %d saves came through", kills, early, saves)
	if saves < kills/2 || early == 0 || early > kills/2 {
		t.Errorf("%d kills, %d before the first save, %d saves: the kills do not spread over the work", kills, early, saves)
	}
}

// runAndKill starts a saving process, kills it at a random moment, and returns
// the last generation it said it had saved.
func runAndKill(path string, random *rand.Rand) (said int, err error) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashVariable+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	kill := func(within time.Duration) {
		time.AfterFunc(time.Duration(random.Int64N(int64(within))), func() { _ = child.Process.Kill() })
	}
	armed := random.IntN(4) == 0
	if armed {
		kill(30 * time.Millisecond) // from the start of the process
	}
	for lines.Scan() {
		if said, err = strconv.Atoi(lines.Text()); err != nil {
			_ = child.Process.Kill()
			_ = child.Wait()
			return 0, fmt.Errorf("the saving process: %s", lines.Text())
		}
		if !armed {
			armed = true
			kill(40 * time.Millisecond) // from its first save
		}
	}
	_ = child.Wait() // killed, as intended
	return said, nil
}

// inspect opens the store after a kill and returns the generation it holds.
func inspect(path string, saved int) (int, error) {
	s, err := projects.Open(path)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		return 0, err
	}
	session, err := s.LoadSession(ctx)
	if err != nil {
		return 0, err
	}
	if session == nil {
		if saved > 0 {
			return 0, fmt.Errorf("generation %d was saved, nothing is there", saved)
		}
		return 0, nil
	}
	n := generation(session.Settings)
	if n < saved {
		return 0, fmt.Errorf("generation %d was saved, %d is there", saved, n)
	}
	if len(session.Projects) != 2 || session.Active != n%2 {
		return 0, fmt.Errorf("generation %d: %d documents, active %d", n, len(session.Projects), session.Active)
	}
	for _, p := range session.Projects {
		if generation(p.State) != n || p.Plan == nil || p.Plan.Evaluations != int64(n) || string(p.Workload) != fmt.Sprintf(`{"n":%d}`, n) {
			return 0, fmt.Errorf("generation %d: %s has state %s, workload %s, plan %+v", n, p.Name, p.State, p.Workload, p.Plan)
		}
		if len(p.History) != min(n, 5) || p.History[len(p.History)-1].Label != fmt.Sprint("step ", n) {
			return 0, fmt.Errorf("generation %d: %s has history %+v", n, p.Name, p.History)
		}
	}
	runs, err := s.RunsOf(ctx, session.Projects[0].ID)
	if err != nil {
		return 0, err
	}
	have := map[int]bool{}
	for _, r := range runs {
		have[generation(r.Result)] = true
	}
	// A run may be missing only where a kill fell between a save and its run, so
	// never for a generation that was reported.
	if saved > 0 && !have[saved] {
		return 0, fmt.Errorf("the run of generation %d is gone", saved)
	}
	return saved, nil
}
