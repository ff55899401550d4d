-- Times are microseconds since 1970 in UTC, digests SHA-256 in hexadecimal.

-- +goose Up
CREATE TABLE models (
	sha256       TEXT PRIMARY KEY, -- of the file
	name         TEXT NOT NULL,
	bytes        INTEGER NOT NULL,
	format       TEXT NOT NULL,
	architecture TEXT NOT NULL,
	saved_at     INTEGER NOT NULL
);

-- What a model's files say before their weights begin.
CREATE TABLE model_files (
	model    TEXT NOT NULL REFERENCES models(sha256) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	name     TEXT NOT NULL,
	bytes    INTEGER NOT NULL, -- of the whole file
	header   BLOB NOT NULL,    -- gzip
	PRIMARY KEY (model, position)
);

CREATE TABLE profiles (
	sha256 TEXT PRIMARY KEY, -- of body
	name   TEXT NOT NULL,
	body   TEXT NOT NULL     -- strata-profile/1
);

CREATE TABLE workloads (
	sha256 TEXT PRIMARY KEY, -- of body
	body   TEXT NOT NULL     -- JSON
);

CREATE TABLE instances (
	sha256 TEXT PRIMARY KEY, -- of the unpacked body
	name   TEXT NOT NULL,
	body   BLOB NOT NULL     -- mmap-instance/1, gzip
);

CREATE TABLE plans (
	sha256      TEXT PRIMARY KEY, -- of the unpacked body
	placement   TEXT NOT NULL,    -- digest of what the plan does, whoever found it
	solver      TEXT NOT NULL,
	predicted_s REAL NOT NULL,
	lower_s     REAL NOT NULL,
	saved_at    INTEGER NOT NULL,
	body        BLOB NOT NULL     -- mmap-plan/1, gzip
);
CREATE INDEX plans_by_placement ON plans (placement);

CREATE TABLE projects (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT NOT NULL,
	path       TEXT NOT NULL, -- what was opened; '' for an imported project
	sample     INTEGER NOT NULL DEFAULT 0,
	model      TEXT REFERENCES models(sha256),
	profile    TEXT REFERENCES profiles(sha256),
	instance   TEXT REFERENCES instances(sha256),
	workload   TEXT REFERENCES workloads(sha256),
	plan       TEXT REFERENCES plans(sha256),
	state      TEXT,
	history    TEXT NOT NULL DEFAULT '', -- digest of the undo history
	undone     INTEGER NOT NULL DEFAULT 0,
	thumbnail  BLOB, -- PNG
	created_at INTEGER NOT NULL,
	saved_at   INTEGER NOT NULL
);

-- The undo history, oldest step first.
CREATE TABLE steps (
	project         INTEGER NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
	position        INTEGER NOT NULL,
	label           TEXT NOT NULL,
	at              INTEGER NOT NULL,
	before_workload TEXT REFERENCES workloads(sha256),
	before_plan     TEXT REFERENCES plans(sha256),
	before_state    TEXT,
	after_workload  TEXT REFERENCES workloads(sha256),
	after_plan      TEXT REFERENCES plans(sha256),
	after_state     TEXT,
	PRIMARY KEY (project, position)
);

-- A run of a plan outlives the project it was made in.
CREATE TABLE runs (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	project    INTEGER REFERENCES projects(id) ON DELETE SET NULL,
	placement  TEXT NOT NULL,
	plan       TEXT REFERENCES plans(sha256),
	model      TEXT NOT NULL DEFAULT '', -- digest
	host       TEXT NOT NULL,
	started_at INTEGER NOT NULL,
	wall_s     REAL NOT NULL,
	passed     INTEGER NOT NULL,
	state      TEXT NOT NULL, -- cold, cached, resident, unsteady, failed
	result     TEXT NOT NULL  -- JSON
);
CREATE INDEX runs_by_placement ON runs (placement, started_at);
CREATE INDEX runs_by_project ON runs (project);
CREATE INDEX runs_by_plan ON runs (plan);

CREATE TABLE timelines (
	run    INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
	source TEXT NOT NULL, -- predicted, measured
	body   BLOB NOT NULL, -- trace.Timeline as JSON, gzip
	PRIMARY KEY (run, source)
);

-- The documents that come back at the next start, in tab order.
CREATE TABLE open_documents (
	position INTEGER PRIMARY KEY,
	project  INTEGER NOT NULL REFERENCES projects(id) ON DELETE CASCADE
);

CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL -- JSON
);

CREATE TABLE recent (
	path      TEXT PRIMARY KEY,
	name      TEXT NOT NULL,
	opened_at INTEGER NOT NULL,
	detail    TEXT NOT NULL, -- JSON
	thumbnail BLOB           -- PNG
);

-- +goose Down
DROP TABLE recent;
DROP TABLE settings;
DROP TABLE open_documents;
DROP TABLE timelines;
DROP TABLE runs;
DROP TABLE steps;
DROP TABLE projects;
DROP TABLE plans;
DROP TABLE instances;
DROP TABLE workloads;
DROP TABLE profiles;
DROP TABLE model_files;
DROP TABLE models;
