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
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
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
	profiles := flag.String("profiles", "", "folder to write profiles of the heap and of the idle window to")
	folder := flag.String("folder", "", "of the program's files; empty: a new one, removed at the end")
	plant := flag.String("plant", "", "a fault that the soak must find: "+strings.Join(uibench.Plants(), ", "))
	flag.Parse()
	if *folder == "" {
		os.Exit(inNewFolder())
	}
	o := uibench.SoakOptions{Time: *length, Seed: *seed, Profiles: *profiles, Plant: *plant}
	if err := soak(*folder, o, *report); err != nil {
		fmt.Fprintln(os.Stderr, "soakui:", err)
		os.Exit(1)
	}
}

// inNewFolder runs this program again in a folder that is removed when it has
// ended: Fyne watches its files for as long as the process lives.
func inNewFolder() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "soakui:", err)
		return 1
	}
	folder, err := os.MkdirTemp("", "strata-soak-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(folder)
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // it reaches the child too, which ends
	cmd := exec.Command(self, append([]string{"-folder", folder}, os.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"STRATA_MODEL="+workflow.SampleModelPath(), // read before HOME moves
		"STRATA_HOST_PROFILE="+filepath.Join(folder, "host.json"),
		"HOME="+folder, "XDG_CONFIG_HOME="+filepath.Join(folder, "config"), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"),
		"FYNE_SCALE=1")
	err = cmd.Run()
	if cmd.ProcessState != nil {
		if code := cmd.ProcessState.ExitCode(); code >= 0 {
			return code
		} // else a signal ended it
	}
	return fail(err)
}

func soak(folder string, o uibench.SoakOptions, report bool) error {
	if o.Profiles != "" {
		var err error
		if o.Profiles, err = filepath.Abs(o.Profiles); err != nil {
			return err
		}
		if err := os.MkdirAll(o.Profiles, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chdir(folder); err != nil { // where file dialogs begin
		return err
	}
	db, err := projects.Open(filepath.Join(folder, "projects.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	o.Store = &controller.ProjectStore{DB: db}
	o.Expiry, _ = time.ParseDuration(os.Getenv("FYNE_CACHE")) // read by Fyne when the program starts
	res := uibench.Soak(app.NewWithID("strata.soak"), o)
	if res.Err != nil {
		return res.Err
	}
	if !res.Pass() && !report {
		return fmt.Errorf("a limit was missed (seed %d)", o.Seed)
	}
	return nil
}
