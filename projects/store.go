package projects

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	sqlite "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// PathVariable is the environment variable that moves the store.
const PathVariable = "STRATA_PROJECTS"

// ErrNotFound: the store has no such project, model or run.
var ErrNotFound = errors.New("not found")

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	db    *sql.DB // one connection, for writing
	reads *sql.DB // never waits for a save
	path  string

	mu sync.Mutex // one save at a time in this process
	// known maps what the last save wrote to its name, so that an unchanged plan
	// is not encoded again.
	known map[any]string
}

// DefaultPath is where the store lives: STRATA_PROJECTS, else projects.db in the
// user's data folder.
func DefaultPath() (string, error) {
	if p := os.Getenv(PathVariable); p != "" {
		return p, nil
	}
	dir, err := dataFolder()
	if err != nil {
		return "", fmt.Errorf("no folder for the project store: %w; name a file in %s", err, PathVariable)
	}
	return filepath.Join(dir, "strata", "projects.db"), nil
}

// dataFolder is where the system wants programs to keep a user's data.
func dataFolder() (string, error) {
	switch runtime.GOOS {
	case "windows", "darwin", "ios", "plan9":
		return os.UserConfigDir() // %AppData%, Library/Application Support
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share"), nil
}

// Open opens the store in a file, which is made when it is not there, and brings
// its tables up to date.
func Open(path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("project store %s: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("project store %s: is a folder; name a file in it", path)
	}
	s := &Store{path: path}
	if s.db, err = s.connect("immediate", 1); err != nil {
		return nil, s.explain(err)
	}
	if err := s.migrate(context.Background()); err != nil {
		s.db.Close()
		return nil, s.explain(err)
	}
	if s.reads, err = s.connect("deferred", 2); err != nil {
		s.db.Close()
		return nil, s.explain(err)
	}
	return s, nil
}

// connect opens the file. lock says how transactions begin: immediate takes the
// write lock at once, so that a transaction never fails half-way for want of it.
func (s *Store) connect(lock string, most int) (*sql.DB, error) {
	q := url.Values{"_busy_timeout": {"10000"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_foreign_keys": {"on"}, "_txlock": {lock}}
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(s.path), RawQuery: q.Encode()}
	dsn := file.String()
	if !strings.HasPrefix(file.Path, "/") { // a drive letter
		dsn = "file:///" + file.EscapedPath() + "?" + file.RawQuery
	}
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	return db, nil
}

// migrate brings the tables up to date. Another process may be doing the same,
// so failures are tried again for some seconds.
func (s *Store) migrate(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		err = s.migrateOnce(ctx, sub)
		var own *storeError
		if err == nil || wait > 2*time.Second || errors.As(err, &own) || damaged(err) {
			return err
		}
		time.Sleep(wait)
	}
}

func (s *Store) migrateOnce(ctx context.Context, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, s.db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return &storeError{fmt.Errorf("its tables have version %d, this program knows %d: it was written by a newer Strata, use that one or another file (%s)", have, want, PathVariable)}
	case have == want:
		return nil
	}
	_, err = p.Up(ctx)
	return err
}

// storeError is an error that trying again does not mend.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

func damaged(err error) bool {
	var e sqlite.Error
	return errors.As(err, &e) && (e.Code == sqlite.ErrNotADB || e.Code == sqlite.ErrCorrupt)
}

// explain adds the file and what would work.
func (s *Store) explain(err error) error {
	var e sqlite.Error
	fix := ""
	switch {
	case err == nil:
		return nil
	case damaged(err):
		fix = "; the file is no store or damaged: move it away and Strata makes a new one"
	case errors.As(err, &e):
		switch e.Code {
		case sqlite.ErrFull:
			fix = "; the disk is full: make room and save again"
		case sqlite.ErrReadonly, sqlite.ErrPerm, sqlite.ErrCantOpen:
			fix = fmt.Sprintf("; this user may not write there: change its permissions, or name another file in %s", PathVariable)
		case sqlite.ErrBusy, sqlite.ErrLocked:
			fix = "; another program holds it: close that and try again"
		}
	}
	return fmt.Errorf("project store %s: %w%s", s.path, err, fix)
}

// Path is the store's file.
func (s *Store) Path() string { return s.path }

// Close folds the log into the file and closes it.
func (s *Store) Close() error { return errors.Join(s.reads.Close(), s.db.Close()) }

// Check reads the whole file and reports damage, as SQLite sees it, and broken
// references.
func (s *Store) Check(ctx context.Context) error {
	for _, pragma := range []string{"PRAGMA integrity_check(10)", "PRAGMA foreign_key_check"} {
		if err := s.checkBy(ctx, pragma); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

func (s *Store) checkBy(ctx context.Context, pragma string) error {
	rows, err := s.reads.QueryContext(ctx, pragma)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(any)
		}
		if err := rows.Scan(line...); err != nil {
			return err
		}
		if text := fmt.Sprint(*line[0].(*any)); len(columns) > 1 || text != "ok" {
			return &storeError{fmt.Errorf("%s: %s", pragma, text)}
		}
	}
	return rows.Err()
}

// write runs f in one transaction.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return s.explain(err)
	}
	return s.explain(tx.Commit())
}
