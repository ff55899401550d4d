package projects

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"strata/costmodel"
	"strata/malloc"
)

// Load reads a project.
func (s *Store) Load(ctx context.Context, id int64) (*Project, error) {
	l, err := s.loader(ctx)
	if err != nil {
		return nil, err
	}
	defer l.tx.Rollback()
	p, err := l.project(id)
	if err != nil {
		return nil, s.explain(err)
	}
	s.remember(l)
	return p, nil
}

// LoadSession reads the open projects and the settings; nil when no session was
// saved. A project that cannot be read is left out, and the error says why: it
// comes with the session of the others.
func (s *Store) LoadSession(ctx context.Context) (*Session, error) {
	l, err := s.loader(ctx)
	if err != nil {
		return nil, err
	}
	defer l.tx.Rollback()
	session := &Session{Active: -1}
	var active string
	switch err := l.tx.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'active'`).Scan(&active); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, s.explain(err)
	}
	if err := json.Unmarshal([]byte(active), &session.Active); err != nil {
		return nil, s.explain(fmt.Errorf("setting \"active\": %w", err))
	}
	var window string
	switch err := l.tx.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'window'`).Scan(&window); {
	case err == nil:
		session.Settings = json.RawMessage(window)
	case !errors.Is(err, sql.ErrNoRows):
		return nil, s.explain(err)
	}
	ids, err := idsOf(ctx, l.tx, `SELECT project FROM open_documents ORDER BY position`)
	if err != nil {
		return nil, s.explain(err)
	}
	var broken []error
	for i, id := range ids {
		p, err := l.project(id)
		if err != nil {
			broken = append(broken, err)
			if i < session.Active {
				session.Active--
			}
			continue
		}
		session.Projects = append(session.Projects, p)
	}
	session.Active = max(-1, min(session.Active, len(session.Projects)-1))
	s.remember(l)
	return session, s.explain(errors.Join(broken...))
}

// Window reads the settings of the last session alone; nil when none was saved.
func (s *Store) Window(ctx context.Context) (json.RawMessage, error) {
	var window string
	err := s.reads.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'window'`).Scan(&window)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return json.RawMessage(window), s.explain(err)
}

// Find returns the number of the project that a user named: its number, or its
// name when only one project has it.
func (s *Store) Find(ctx context.Context, name string) (int64, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		var there int
		if err := s.reads.QueryRowContext(ctx, `SELECT count(*) FROM projects WHERE id = ?`, id).Scan(&there); err != nil {
			return 0, s.explain(err)
		}
		if there == 1 {
			return id, nil
		}
	}
	ids, err := idsOf(ctx, s.reads, `SELECT id FROM projects WHERE name = ? ORDER BY id`, name)
	switch {
	case err != nil:
		return 0, s.explain(err)
	case len(ids) == 0:
		return 0, fmt.Errorf("project %q: %w", name, ErrNotFound)
	case len(ids) > 1:
		return 0, fmt.Errorf("%d projects are called %q (%d): name one by its number", len(ids), name, ids)
	}
	return ids[0], nil
}

// List returns all projects, the one saved last first.
func (s *Store) List(ctx context.Context) ([]Summary, error) {
	rows, err := s.reads.QueryContext(ctx, `
SELECT p.id, p.name, coalesce(m.name, ''), coalesce(h.name, ''), coalesce(q.predicted_s, 0), coalesce(q.lower_s, 0),
	(SELECT count(*) FROM runs WHERE project = p.id), EXISTS (SELECT 1 FROM open_documents WHERE project = p.id), p.created_at, p.saved_at
FROM projects p LEFT JOIN models m ON m.sha256 = p.model LEFT JOIN profiles h ON h.sha256 = p.profile LEFT JOIN plans q ON q.sha256 = p.plan
ORDER BY p.saved_at DESC, p.id DESC`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	list := []Summary{}
	for rows.Next() {
		var r Summary
		var created, saved int64
		if err := rows.Scan(&r.ID, &r.Name, &r.Model, &r.Profile, &r.PredictedS, &r.LowerS, &r.Runs, &r.Open, &created, &saved); err != nil {
			return nil, s.explain(err)
		}
		r.Created, r.Saved = moment(created), moment(saved)
		list = append(list, r)
	}
	return list, s.explain(rows.Err())
}

// loader reads from one transaction, each part once.
type loader struct {
	ctx       context.Context
	tx        *sql.Tx
	plans     map[string]*malloc.Plan
	profiles  map[string]*costmodel.Profile
	instances map[string]*malloc.Program
}

func (s *Store) loader(ctx context.Context) (*loader, error) {
	tx, err := s.reads.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.explain(err)
	}
	return &loader{ctx: ctx, tx: tx, plans: map[string]*malloc.Plan{}, profiles: map[string]*costmodel.Profile{}, instances: map[string]*malloc.Program{}}, nil
}

// remember lets the next save know what was just read.
func (s *Store) remember(l *loader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[any]string{}
	}
	for name, p := range l.plans {
		s.known[p] = name
	}
	for name, p := range l.profiles {
		s.known[p] = name
	}
	for name, p := range l.instances {
		s.known[p] = name
	}
}

func (l *loader) project(id int64) (*Project, error) {
	p := &Project{ID: id}
	var model, profile, instance sql.NullString
	var now momentRow
	var created, saved int64
	err := l.tx.QueryRowContext(l.ctx, `
SELECT name, path, sample, model, profile, instance, workload, plan, state, undone, thumbnail, created_at, saved_at FROM projects WHERE id = ?`, id).
		Scan(&p.Name, &p.Path, &p.Sample, &model, &profile, &instance, &now.workload, &now.plan, &now.state, &p.Undone, &p.Thumbnail, &created, &saved)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("project %d: %w", id, ErrNotFound)
	}
	fail := func(err error) (*Project, error) { return nil, fmt.Errorf("project %d (%s): %w", id, p.Name, err) }
	if err != nil {
		return fail(err)
	}
	p.Created, p.Saved = moment(created), moment(saved)
	if model.Valid {
		if p.Model, err = l.model(model.String); err != nil {
			return fail(err)
		}
	}
	if profile.Valid {
		if p.Profile, err = l.profile(profile.String); err != nil {
			return fail(err)
		}
	}
	if instance.Valid {
		if p.Instance, err = l.instance(instance.String); err != nil {
			return fail(err)
		}
	}
	if p.Moment, err = l.moment(now); err != nil {
		return fail(err)
	}
	if p.History, err = l.steps(id); err != nil {
		return fail(err)
	}
	if p.Undone < 0 || p.Undone > len(p.History) {
		return fail(fmt.Errorf("%d of %d steps are undone", p.Undone, len(p.History)))
	}
	return p, nil
}

func (l *loader) steps(project int64) ([]Step, error) {
	rows, err := l.tx.QueryContext(l.ctx, `
SELECT label, at, before_workload, before_plan, before_state, after_workload, after_plan, after_state FROM steps WHERE project = ? ORDER BY position`, project)
	if err != nil {
		return nil, err
	}
	var steps []Step
	var names []stepRow
	for rows.Next() {
		var t Step
		var r stepRow
		var at int64
		if err := rows.Scan(&t.Label, &at, &r.before.workload, &r.before.plan, &r.before.state, &r.after.workload, &r.after.plan, &r.after.state); err != nil {
			rows.Close()
			return nil, err
		}
		t.At = moment(at)
		steps, names = append(steps, t), append(names, r)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range steps {
		if steps[i].Before, err = l.moment(names[i].before); err != nil {
			return nil, fmt.Errorf("step %q: %w", steps[i].Label, err)
		}
		if steps[i].After, err = l.moment(names[i].after); err != nil {
			return nil, fmt.Errorf("step %q: %w", steps[i].Label, err)
		}
	}
	return steps, nil
}

func (l *loader) moment(r momentRow) (m Moment, err error) {
	if r.state.Valid {
		m.State = json.RawMessage(r.state.String)
	}
	if r.workload.Valid {
		var body string
		if err := l.tx.QueryRowContext(l.ctx, `SELECT body FROM workloads WHERE sha256 = ?`, r.workload.String).Scan(&body); err != nil {
			return m, fmt.Errorf("workload %s: %w", r.workload.String, err)
		}
		m.Workload = json.RawMessage(body)
	}
	if r.plan.Valid {
		m.Plan, err = l.plan(r.plan.String)
	}
	return m, err
}

func (l *loader) plan(name string) (*malloc.Plan, error) {
	return part(l, l.plans, name, "plan", `SELECT body FROM plans WHERE sha256 = ?`, func(packed []byte) (*malloc.Plan, error) {
		b, err := unpack(packed)
		if err != nil {
			return nil, err
		}
		return malloc.DecodePlan(bytes.NewReader(b))
	})
}

func (l *loader) instance(name string) (*malloc.Program, error) {
	return part(l, l.instances, name, "instance", `SELECT body FROM instances WHERE sha256 = ?`, func(packed []byte) (*malloc.Program, error) {
		b, err := unpack(packed)
		if err != nil {
			return nil, err
		}
		return malloc.DecodeProgram(bytes.NewReader(b))
	})
}

func (l *loader) profile(name string) (*costmodel.Profile, error) {
	return part(l, l.profiles, name, "profile", `SELECT body FROM profiles WHERE sha256 = ?`, func(body []byte) (*costmodel.Profile, error) {
		return costmodel.ParseProfile("stored profile", body)
	})
}

// part reads and decodes one part, once.
func part[T any](l *loader, have map[string]*T, name, kind, query string, decode func([]byte) (*T, error)) (*T, error) {
	if v, ok := have[name]; ok {
		return v, nil
	}
	var body []byte
	if err := l.tx.QueryRowContext(l.ctx, query, name).Scan(&body); err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, name, err)
	}
	v, err := decode(body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, name, err)
	}
	have[name] = v
	return v, nil
}

func (l *loader) model(name string) (*Model, error) {
	m := &Model{ModelRef: malloc.ModelRef{SHA256: name}}
	if err := l.tx.QueryRowContext(l.ctx, `SELECT name, bytes, format, architecture FROM models WHERE sha256 = ?`, name).
		Scan(&m.Name, &m.Bytes, &m.Format, &m.Architecture); err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	rows, err := l.tx.QueryContext(l.ctx, `SELECT name, bytes, header FROM model_files WHERE model = ? ORDER BY position`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f ModelFile
		var packed []byte
		if err := rows.Scan(&f.Name, &f.Bytes, &packed); err != nil {
			return nil, err
		}
		if f.Header, err = unpack(packed); err != nil {
			return nil, fmt.Errorf("model %s: header of %s: %w", name, f.Name, err)
		}
		m.Files = append(m.Files, f)
	}
	return m, rows.Err()
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func idsOf(ctx context.Context, q querier, query string, args ...any) ([]int64, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
