// Package projects keeps what users made: projects (a model on a machine under a
// workload, with plan and undo history), models by hash, profiles, plans, runs
// with their timelines, and which projects were open, in one SQLite file.
//
// Large parts are rows of their own named by the SHA-256 of their bytes, so
// saving again writes only what changed, and two projects share a profile or a
// model's header. Weights are never stored.
//
// The file is in WAL mode with synchronous FULL: a save is one transaction that
// reaches the disk before Save returns, so neither a killed process nor a power
// cut takes back what was saved. NORMAL would keep the file consistent as well
// but may lose the newest transactions in a power cut; at one save in some
// seconds the difference in cost (one fdatasync of the log) is not worth that.
// WAL also lets `strata project` read while the window saves. It needs a local
// file system.
//
// mattn/go-sqlite3 is the binding (SQLite itself, compiled in), pressly/goose
// applies the migrations in migrations/.
package projects
