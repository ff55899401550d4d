package projects

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// maxRecent is how many recent files are kept.
const maxRecent = 50

// Recent is a file that was opened before.
type Recent struct {
	Path      string
	Name      string
	Opened    time.Time
	Detail    json.RawMessage // what the list shows beside the name; nil: {}
	Thumbnail []byte          // small PNG; nil: keep the one that is stored
}

// AddRecent puts a file at the top of the recent list.
func (s *Store) AddRecent(ctx context.Context, r Recent) error {
	if r.Detail == nil {
		r.Detail = json.RawMessage("{}")
	}
	if !json.Valid(r.Detail) {
		return s.explain(fmt.Errorf("recent file %s: detail is not JSON", r.Path))
	}
	if r.Opened.IsZero() {
		r.Opened = time.Now()
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
INSERT INTO recent (path, name, opened_at, detail, thumbnail) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET name = excluded.name, opened_at = excluded.opened_at, detail = excluded.detail, thumbnail = coalesce(excluded.thumbnail, thumbnail)`,
			r.Path, r.Name, r.Opened.UnixMicro(), string(r.Detail), orNull(r.Thumbnail))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM recent WHERE path NOT IN (SELECT path FROM recent ORDER BY opened_at DESC LIMIT ?)`, maxRecent)
		return err
	})
}

// Recent lists at most n files, the newest first.
func (s *Store) Recent(ctx context.Context, n int) ([]Recent, error) {
	rows, err := s.reads.QueryContext(ctx, `SELECT path, name, opened_at, detail, thumbnail FROM recent ORDER BY opened_at DESC, path LIMIT ?`, n)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	var list []Recent
	for rows.Next() {
		var r Recent
		var opened int64
		var detail string
		if err := rows.Scan(&r.Path, &r.Name, &opened, &detail, &r.Thumbnail); err != nil {
			return nil, s.explain(err)
		}
		r.Opened, r.Detail = moment(opened), json.RawMessage(detail)
		list = append(list, r)
	}
	return list, s.explain(rows.Err())
}

// ForgetRecent takes a file off the recent list.
func (s *Store) ForgetRecent(ctx context.Context, path string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM recent WHERE path = ?`, path)
		return err
	})
}
