package projects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"strata/costmodel"
	"strata/malloc"
)

// Save stores a project, and sets its ID when it is new.
func (s *Store) Save(ctx context.Context, p *Project) error {
	return s.save(ctx, []*Project{p}, func(*saver, []int64) error { return nil })
}

// SaveSession stores the open projects, their order and the settings in one
// transaction: after a crash either all of it is there or the session saved
// before. Parts that did not change are not written, so it may be called every
// few seconds. Projects that are no longer open stay stored.
func (s *Store) SaveSession(ctx context.Context, session *Session) error {
	return s.save(ctx, session.Projects, func(w *saver, ids []int64) error {
		if err := w.openDocuments(ids); err != nil {
			return err
		}
		active, err := json.Marshal(session.Active)
		if err != nil {
			return err
		}
		if err := w.setting("active", active); err != nil {
			return err
		}
		return w.setting("window", session.Settings)
	})
}

func (s *Store) save(ctx context.Context, list []*Project, more func(*saver, []int64) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &saver{ctx: ctx, old: s.known, known: map[any]string{}, now: time.Now().UTC().Truncate(time.Microsecond)}
	ids := make([]int64, len(list))
	err := s.write(ctx, func(tx *sql.Tx) error {
		w.tx = tx
		for i, p := range list {
			var err error
			if ids[i], err = w.project(p); err != nil {
				return fmt.Errorf("project %q: %w", p.Name, err)
			}
		}
		if err := more(w, ids); err != nil {
			return err
		}
		return prune(ctx, tx)
	})
	if err != nil {
		return err
	}
	for i, p := range list {
		p.ID = ids[i]
		if p.Created.IsZero() {
			p.Created = w.now
		}
		p.Saved = w.now
	}
	s.known = w.known
	return nil
}

// saver writes into one transaction.
type saver struct {
	ctx   context.Context
	tx    *sql.Tx
	now   time.Time
	old   map[any]string // pointers of the save before
	known map[any]string // pointers of this one
}

// project writes a project's parts, then its row.
func (w *saver) project(p *Project) (int64, error) {
	var model, profile, instance sql.NullString
	var err error
	if p.Model != nil {
		if model, err = w.model(p.Model); err != nil {
			return 0, err
		}
	}
	if p.Profile != nil {
		if profile, err = w.profile(p.Profile); err != nil {
			return 0, err
		}
	}
	if p.Instance != nil {
		if instance, err = w.instance(p.Instance); err != nil {
			return 0, err
		}
	}
	now, err := w.moment(&p.Moment)
	if err != nil {
		return 0, err
	}
	steps := make([]stepRow, len(p.History))
	h := sha256.New()
	for i := range p.History {
		t := &p.History[i]
		if steps[i].before, err = w.moment(&t.Before); err != nil {
			return 0, fmt.Errorf("step %q: %w", t.Label, err)
		}
		if steps[i].after, err = w.moment(&t.After); err != nil {
			return 0, fmt.Errorf("step %q: %w", t.Label, err)
		}
		fmt.Fprintf(h, "%q %d %v %v\n", t.Label, t.At.UnixMicro(), steps[i].before, steps[i].after)
	}
	history := hex.EncodeToString(h.Sum(nil))
	created := p.Created
	if created.IsZero() {
		created = w.now
	}
	var id any
	if p.ID != 0 {
		id = p.ID
	}
	before := ""
	if p.ID != 0 {
		err := w.tx.QueryRowContext(w.ctx, `SELECT history FROM projects WHERE id = ?`, p.ID).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
	}
	// The row is left alone when nothing in it changed.
	r, err := w.tx.ExecContext(w.ctx, `
INSERT INTO projects (id, name, path, sample, model, profile, instance, workload, plan, state, history, undone, thumbnail, created_at, saved_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, path = excluded.path, sample = excluded.sample, model = excluded.model,
	profile = excluded.profile, instance = excluded.instance, workload = excluded.workload, plan = excluded.plan, state = excluded.state,
	history = excluded.history, undone = excluded.undone, thumbnail = excluded.thumbnail, saved_at = excluded.saved_at
WHERE (name, path, sample, model, profile, instance, workload, plan, state, history, undone, thumbnail) IS NOT
	(excluded.name, excluded.path, excluded.sample, excluded.model, excluded.profile, excluded.instance, excluded.workload,
	excluded.plan, excluded.state, excluded.history, excluded.undone, excluded.thumbnail)`,
		id, p.Name, p.Path, p.Sample, model, profile, instance, now.workload, now.plan, now.state, history, p.Undone, orNull(p.Thumbnail),
		created.UnixMicro(), w.now.UnixMicro())
	if err != nil {
		return 0, err
	}
	number := p.ID
	if number == 0 {
		if number, err = r.LastInsertId(); err != nil {
			return 0, err
		}
	}
	if history == before {
		return number, nil
	}
	return number, w.steps(number, p.History, steps)
}

// stepRow is a step in names of stored parts.
type stepRow struct{ before, after momentRow }

type momentRow struct{ workload, plan, state sql.NullString }

func (w *saver) steps(project int64, history []Step, rows []stepRow) error {
	if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM steps WHERE project = ?`, project); err != nil {
		return err
	}
	for i, r := range rows {
		_, err := w.tx.ExecContext(w.ctx, `
INSERT INTO steps (project, position, label, at, before_workload, before_plan, before_state, after_workload, after_plan, after_state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, project, i, history[i].Label, history[i].At.UnixMicro(),
			r.before.workload, r.before.plan, r.before.state, r.after.workload, r.after.plan, r.after.state)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *saver) moment(m *Moment) (row momentRow, err error) {
	if row.workload, err = w.workload(m.Workload); err != nil {
		return row, err
	}
	if m.State != nil {
		if !json.Valid(m.State) {
			return row, fmt.Errorf("state is not JSON")
		}
		row.state = text(string(m.State))
	}
	if m.Plan != nil {
		row.plan, err = w.plan(m.Plan)
	}
	return row, err
}

func (w *saver) workload(body json.RawMessage) (sql.NullString, error) {
	if body == nil {
		return sql.NullString{}, nil
	}
	if !json.Valid(body) {
		return sql.NullString{}, fmt.Errorf("workload is not JSON")
	}
	name := digest(body)
	_, err := w.tx.ExecContext(w.ctx, `INSERT OR IGNORE INTO workloads (sha256, body) VALUES (?, ?)`, name, string(body))
	return text(name), err
}

func (w *saver) model(m *Model) (sql.NullString, error) {
	name := text(m.SHA256)
	_, err := w.tx.ExecContext(w.ctx, `INSERT OR IGNORE INTO models (sha256, name, bytes, format, architecture, saved_at) VALUES (?, ?, ?, ?, ?, ?)`,
		m.SHA256, m.Name, m.Bytes, m.Format, m.Architecture, w.now.UnixMicro())
	if err != nil || m.Files == nil {
		return name, err
	}
	var have int
	if err := w.tx.QueryRowContext(w.ctx, `SELECT count(*) FROM model_files WHERE model = ?`, m.SHA256).Scan(&have); err != nil || have > 0 {
		return name, err
	}
	for i, f := range m.Files {
		packed, err := pack(f.Header)
		if err != nil {
			return name, err
		}
		if _, err := w.tx.ExecContext(w.ctx, `INSERT INTO model_files (model, position, name, bytes, header) VALUES (?, ?, ?, ?, ?)`,
			m.SHA256, i, f.Name, f.Bytes, packed); err != nil {
			return name, err
		}
	}
	return name, nil
}

func (w *saver) profile(p *costmodel.Profile) (sql.NullString, error) {
	return w.part(p, "profiles", func() (string, []any, string, error) {
		body, err := p.Encode()
		return digest(body), []any{p.Name, string(body)}, `INSERT OR IGNORE INTO profiles (sha256, name, body) VALUES (?, ?, ?)`, err
	})
}

func (w *saver) instance(p *malloc.Program) (sql.NullString, error) {
	return w.part(p, "instances", func() (string, []any, string, error) {
		name, packed, err := encoded(func(b *bytes.Buffer) error { return malloc.EncodeProgram(b, p) })
		return name, []any{p.Name, packed}, `INSERT OR IGNORE INTO instances (sha256, name, body) VALUES (?, ?, ?)`, err
	})
}

func (w *saver) plan(p *malloc.Plan) (sql.NullString, error) {
	return w.part(p, "plans", func() (string, []any, string, error) {
		placement, err := Placement(p)
		if err != nil {
			return "", nil, "", err
		}
		name, packed, err := encoded(func(b *bytes.Buffer) error { return malloc.EncodePlan(b, p) })
		return name, []any{placement, p.Solver, p.ClaimedS, p.LowerS, w.now.UnixMicro(), packed},
			`INSERT OR IGNORE INTO plans (sha256, placement, solver, predicted_s, lower_s, saved_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)`, err
	})
}

// part stores what pointer names unless the table still has it.
func (w *saver) part(pointer any, table string, encode func() (name string, values []any, insert string, err error)) (sql.NullString, error) {
	if name, ok := w.known[pointer]; ok {
		return text(name), nil
	}
	if name, ok := w.old[pointer]; ok {
		var there int
		if err := w.tx.QueryRowContext(w.ctx, `SELECT count(*) FROM `+table+` WHERE sha256 = ?`, name).Scan(&there); err != nil {
			return sql.NullString{}, err
		}
		if there == 1 {
			w.known[pointer] = name
			return text(name), nil
		}
	}
	name, values, insert, err := encode()
	if err != nil {
		return sql.NullString{}, err
	}
	if _, err := w.tx.ExecContext(w.ctx, insert, append([]any{name}, values...)...); err != nil {
		return sql.NullString{}, err
	}
	w.known[pointer] = name
	return text(name), nil
}

func encoded(write func(*bytes.Buffer) error) (name string, packed []byte, err error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return "", nil, err
	}
	packed, err = pack(b.Bytes())
	return digest(b.Bytes()), packed, err
}

func (w *saver) openDocuments(ids []int64) error {
	have, err := idsOf(w.ctx, w.tx, `SELECT project FROM open_documents ORDER BY position`)
	if err != nil || slices.Equal(have, ids) {
		return err
	}
	if _, err := w.tx.ExecContext(w.ctx, `DELETE FROM open_documents`); err != nil {
		return err
	}
	for i, id := range ids {
		if _, err := w.tx.ExecContext(w.ctx, `INSERT INTO open_documents (position, project) VALUES (?, ?)`, i, id); err != nil {
			return err
		}
	}
	return nil
}

// setting writes a setting; nil leaves it as it is.
func (w *saver) setting(name string, value json.RawMessage) error {
	if value == nil {
		return nil
	}
	if !json.Valid(value) {
		return fmt.Errorf("setting %q is not JSON", name)
	}
	_, err := w.tx.ExecContext(w.ctx, `
INSERT INTO settings (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value`, name, string(value))
	return err
}

// prune deletes parts that nothing refers to.
func prune(ctx context.Context, tx *sql.Tx) error {
	for _, q := range []string{
		`DELETE FROM plans WHERE sha256 NOT IN (
			SELECT plan FROM projects WHERE plan IS NOT NULL UNION SELECT plan FROM runs WHERE plan IS NOT NULL
			UNION SELECT before_plan FROM steps WHERE before_plan IS NOT NULL UNION SELECT after_plan FROM steps WHERE after_plan IS NOT NULL)`,
		`DELETE FROM workloads WHERE sha256 NOT IN (SELECT workload FROM projects WHERE workload IS NOT NULL
			UNION SELECT before_workload FROM steps WHERE before_workload IS NOT NULL UNION SELECT after_workload FROM steps WHERE after_workload IS NOT NULL)`,
		`DELETE FROM profiles WHERE sha256 NOT IN (SELECT profile FROM projects WHERE profile IS NOT NULL)`,
		`DELETE FROM instances WHERE sha256 NOT IN (SELECT instance FROM projects WHERE instance IS NOT NULL)`,
		`DELETE FROM models WHERE sha256 NOT IN (SELECT model FROM projects WHERE model IS NOT NULL)`,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a project. Its runs stay in the history of their plans.
func (s *Store) Delete(ctx context.Context, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM projects WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("project %d: %w", id, ErrNotFound))
		}
		return prune(ctx, tx)
	})
}

func text(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }

// orNull keeps an absent blob apart from an empty one.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}
