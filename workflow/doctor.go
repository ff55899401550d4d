package workflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"strata/engine/calibrate"
	"strata/engine/file"
	"strata/kernels/pool"
	"strata/planner/cpsat"
)

// Finding is one thing a user may want to know about this host.
type Finding struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

// Diagnosis is what doctor reports.
type Diagnosis struct {
	Findings []Finding `json:"findings"`
}

// Doctor looks at this host.
func Doctor() Diagnosis {
	var d Diagnosis
	add := func(ok bool, name, found, fix string) {
		d.Findings = append(d.Findings, Finding{Name: name, OK: ok, Found: found, Fix: fix})
	}
	add(true, "kernels", fmt.Sprintf("%s, %d physical cores", pool.ISA(), calibrate.PhysicalCores()), "")
	if n, err := calibrate.AvailableMemory(); err == nil {
		add(true, "available memory", FormatBytes(n), "")
	} else {
		add(false, "available memory", err.Error(), "")
	}
	pages, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	huge := err == nil && !strings.Contains(string(pages), "[never]")
	fix := ""
	if !huge {
		fix = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled (reads 10–20 % faster)"
	}
	add(huge, "huge pages", strings.TrimSpace(string(pages)), fix)

	if p, err := LoadMachine(""); err == nil {
		add(true, "calibration", fmt.Sprintf("%s, %s", p.Name, p.Date), "")
	} else {
		add(false, "calibration", "none", "strata calibrate")
	}
	model := SampleModelPath()
	if _, err := os.Stat(model); err == nil {
		add(true, "sample model", model, "")
		if f, err := file.Open(model); err == nil {
			found := fmt.Sprintf("granted, extents of %d bytes", f.Align())
			if !f.Direct() {
				found = f.Reason()
			}
			add(f.Direct(), "direct reads", found, "")
			_ = f.Close()
		}
	} else {
		add(false, "sample model", "not fetched", "make model")
	}
	add(exactSolver())
	_, err = file.ProcReadBytes()
	add(err == nil, "system's byte count", map[bool]string{true: "/proc/self/io", false: "not readable: bytes are counted by the engine alone"}[err == nil], "")
	return d
}

// exactSolver starts the exact solver's process, whose self-test runs then.
func exactSolver() (ok bool, name, found, fix string) {
	name = "exact solver"
	w, err := cpsat.Start(context.Background())
	var missing *cpsat.MissingError
	switch {
	case errors.As(err, &missing):
		return false, name, fmt.Sprintf("OR-Tools is not installed (looked for %s); all else works", strings.Join(missing.Looked, ", ")), cpsat.Fix
	case err != nil:
		return false, name, err.Error(), cpsat.Fix
	}
	w.Close()
	path, _ := cpsat.Library()
	return true, name, fmt.Sprintf("OR-Tools %s, self-test passed: %s", cpsat.Version, path), ""
}

// SampleModelPath is where `make model` keeps the sample model.
func SampleModelPath() string {
	if p := os.Getenv("STRATA_MODEL"); p != "" {
		return p
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "strata", "models", "SmolLM2-135M-Instruct.Q4_1.gguf")
}
