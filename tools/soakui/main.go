//go:build !headless

// Command soakui sends random events to the real window on the sample for as
// long as its argument says (10m) and fails when it panics, hangs, stutters or
// leaks. It keeps its files in a folder of its own. `make soak` brings a virtual
// display where there is none.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"fyne.io/fyne/v2/app"

	"strata/projects"
	"strata/ui/controller"
	_ "strata/ui/locale" // before Fyne reads the locale
	"strata/ui/uibench"
	"strata/workflow"
)

func main() {
	length := flag.Duration("time", 10*time.Minute, "how long")
	seed := flag.Uint64("seed", 1, "of the random events")
	report := flag.Bool("report", false, "only report frames and heaps, for machines that do much else: panics and hangs still fail")
	profile := flag.String("cpuprofile", "", "file to write a CPU profile to")
	flag.Parse()
	if err := soak(*length, *seed, *report, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "soakui:", err)
		os.Exit(1)
	}
}

func soak(length time.Duration, seed uint64, report bool, profile string) error {
	folder, err := os.MkdirTemp("", "strata-soak-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for name, value := range map[string]string{
		"STRATA_MODEL":        workflow.SampleModelPath(), // read before HOME moves
		"STRATA_HOST_PROFILE": filepath.Join(folder, "host.json"),
		"HOME":                folder, "XDG_CONFIG_HOME": filepath.Join(folder, "config"), "XDG_CACHE_HOME": filepath.Join(folder, "cache"),
		"FYNE_SCALE": "1",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if err := os.Chdir(folder); err != nil { // where file dialogs begin
		return err
	}
	db, err := projects.Open(filepath.Join(folder, "projects.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	expiry, _ := time.ParseDuration(os.Getenv("FYNE_CACHE")) // read by Fyne when the program starts
	res := uibench.Soak(app.NewWithID("strata.soak"), uibench.SoakOptions{Time: length, Seed: seed, Store: &controller.ProjectStore{DB: db}, Expiry: expiry})
	if res.Err != nil {
		return res.Err
	}
	if !res.Pass() && !report {
		return fmt.Errorf("a limit was missed (seed %d)", seed)
	}
	return nil
}
