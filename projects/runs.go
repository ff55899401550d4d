package projects

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"strata/malloc"
	"strata/trace"
)

// Run is one execution of a plan on a host.
type Run struct {
	ID      int64 // set by AddRun
	Project int64 // 0: none
	Plan    *malloc.Plan
	Model   string // digest of the model's file, "": not known
	Host    string // "": this host's name
	Started time.Time
	WallS   float64
	Passed  bool
	State   string          // cold, cached, resident, unsteady; failed: it did not run
	Result  json.RawMessage // what `strata validate --json` prints, or {"error": …}
}

// AddRun stores a run with its timelines, which may be nil.
func (s *Store) AddRun(ctx context.Context, r *Run, timelines ...*trace.Timeline) error {
	placement, err := Placement(r.Plan)
	if err != nil {
		return s.explain(err)
	}
	if r.Host == "" {
		if r.Host, err = os.Hostname(); err != nil {
			return s.explain(err)
		}
	}
	if !json.Valid(r.Result) {
		return s.explain(fmt.Errorf("a run's result is not JSON"))
	}
	bodies := map[string][]byte{}
	for _, t := range timelines {
		if t == nil {
			continue
		}
		body, err := json.Marshal(t)
		if err != nil {
			return s.explain(fmt.Errorf("%s timeline: %w", t.Source, err))
		}
		if bodies[t.Source], err = pack(body); err != nil {
			return s.explain(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &saver{ctx: ctx, old: s.known, known: map[any]string{}, now: time.Now().UTC()}
	return s.write(ctx, func(tx *sql.Tx) error {
		w.tx = tx
		plan, err := w.plan(r.Plan)
		if err != nil {
			return err
		}
		project := sql.NullInt64{Int64: r.Project, Valid: r.Project != 0}
		res, err := tx.ExecContext(ctx, `
INSERT INTO runs (project, placement, plan, model, host, started_at, wall_s, passed, state, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			project, placement, plan, r.Model, r.Host, r.Started.UnixMicro(), r.WallS, r.Passed, r.State, string(r.Result))
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		for source, body := range bodies {
			if _, err := tx.ExecContext(ctx, `INSERT INTO timelines (run, source, body) VALUES (?, ?, ?)`, id, source, body); err != nil {
				return err
			}
		}
		r.ID = id
		return nil
	})
}

// Holding is the project whose present plan places everything as plan does; of
// several, the one saved last. ErrNotFound: none does.
func (s *Store) Holding(ctx context.Context, plan *malloc.Plan) (Summary, error) {
	placement, err := Placement(plan)
	if err != nil {
		return Summary{}, s.explain(err)
	}
	p := Summary{}
	err = s.reads.QueryRowContext(ctx, `
SELECT p.id, p.name FROM projects p JOIN plans q ON q.sha256 = p.plan WHERE q.placement = ? ORDER BY p.saved_at DESC, p.id DESC LIMIT 1`, placement).Scan(&p.ID, &p.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return p, s.explain(fmt.Errorf("no project has this plan: %w", ErrNotFound))
	}
	return p, s.explain(err)
}

// Runs is the history of what a plan does, oldest first: also runs of other
// plans that place everything the same. The runs' Plan is nil.
func (s *Store) Runs(ctx context.Context, plan *malloc.Plan) ([]Run, error) {
	placement, err := Placement(plan)
	if err != nil {
		return nil, s.explain(err)
	}
	return s.runs(ctx, `placement = ?`, placement)
}

// RunsOf are the runs made in a project, oldest first. The runs' Plan is nil.
func (s *Store) RunsOf(ctx context.Context, project int64) ([]Run, error) {
	return s.runs(ctx, `project = ?`, project)
}

func (s *Store) runs(ctx context.Context, where string, arg any) ([]Run, error) {
	rows, err := s.reads.QueryContext(ctx, `
SELECT id, coalesce(project, 0), model, host, started_at, wall_s, passed, state, result FROM runs WHERE `+where+` ORDER BY started_at, id`, arg)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	var list []Run
	for rows.Next() {
		var r Run
		var started int64
		var result string
		if err := rows.Scan(&r.ID, &r.Project, &r.Model, &r.Host, &started, &r.WallS, &r.Passed, &r.State, &result); err != nil {
			return nil, s.explain(err)
		}
		r.Started, r.Result = moment(started), json.RawMessage(result)
		list = append(list, r)
	}
	return list, s.explain(rows.Err())
}

// Timeline reads a run's timeline, "predicted" or "measured".
func (s *Store) Timeline(ctx context.Context, run int64, source string) (*trace.Timeline, error) {
	var packed []byte
	err := s.reads.QueryRowContext(ctx, `SELECT body FROM timelines WHERE run = ? AND source = ?`, run, source).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, s.explain(fmt.Errorf("run %d: %s timeline: %w", run, source, ErrNotFound))
	}
	if err != nil {
		return nil, s.explain(err)
	}
	body, err := unpack(packed)
	if err != nil {
		return nil, s.explain(fmt.Errorf("run %d: %s timeline: %w", run, source, err))
	}
	t := &trace.Timeline{}
	if err := json.Unmarshal(body, t); err != nil {
		return nil, s.explain(fmt.Errorf("run %d: %s timeline: %w", run, source, err))
	}
	return t, nil
}
