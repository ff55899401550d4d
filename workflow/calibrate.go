package workflow

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"strata/costmodel"
	"strata/engine/calibrate"
)

// CalibrateRequest says where to measure and where to keep the result.
type CalibrateRequest struct {
	Output string // "": the host's own profile
	File   string // file to read for the disk curve; "": a temporary one
	Folder string // where that goes
}

// Calibrate measures this host and stores its profile.
func Calibrate(ctx context.Context, r CalibrateRequest, progress Progress) (*costmodel.Profile, string, error) {
	path := r.Output
	if path == "" {
		var err error
		if path, err = HostProfilePath(); err != nil {
			return nil, "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, "", err
	}
	folder := r.Folder
	if folder == "" && r.File == "" {
		// The disk that holds models, not a memory file system for temporary files.
		if dir, err := os.UserCacheDir(); err == nil {
			folder = filepath.Join(dir, "strata")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return nil, "", err
			}
		}
	}
	p, err := calibrate.Run(ctx, calibrate.Options{ModelPath: r.File, TempDir: folder, Progress: func(c calibrate.Progress) {
		progress.report("calibrating "+c.Part, int64(c.Done), int64(c.Total))
	}})
	if err != nil {
		return nil, "", err
	}
	data, err := p.Encode()
	if err != nil {
		return nil, "", err
	}
	return p, path, WriteOutput(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
