package controller

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strata/costmodel"
	"strata/workflow"
)

// listMachines reads this host's calibration, the shipped profiles and the
// profiles in files that were used before.
func listMachines(files []string) []Machine {
	var out []Machine
	host := Machine{ID: "", Title: "This host", Host: true}
	if p, err := workflow.LoadMachine(""); err == nil {
		host.Profile = p
	} else {
		host.Err = err.Error()
	}
	out = append(out, host)
	names, _ := costmodel.ShippedNames()
	for _, n := range names {
		p, err := costmodel.Shipped(n)
		if err != nil || p.Kind == costmodel.ProfileTest {
			continue
		}
		out = append(out, Machine{ID: n, Title: title(p), Profile: p})
	}
	for _, f := range slices.Concat(profileFiles(), files) {
		if slices.ContainsFunc(out, func(m Machine) bool { return m.ID == f }) {
			continue
		}
		m := Machine{ID: f, Title: filepath.Base(f), File: true}
		if p, err := costmodel.ReadProfile(f); err == nil {
			m.Profile, m.Title = p, title(p)
		} else {
			m.Err = err.Error()
		}
		out = append(out, m)
	}
	return out
}

func title(p *costmodel.Profile) string {
	if p.Title != "" {
		return p.Title
	}
	return p.Name
}

// ProfileFolder is where profiles made in the window are kept.
func ProfileFolder() (string, error) {
	host, err := workflow.HostProfilePath()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(host), "profiles"), nil
}

func profileFiles() []string {
	dir, err := ProfileFolder()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// Machine returns a machine by its ID, or nil.
func (s *Snapshot) Machine(id string) *Machine {
	for i := range s.Machines {
		if s.Machines[i].ID == id {
			return &s.Machines[i]
		}
	}
	return nil
}

// refreshMachines reads the list again.
func (c *Controller) refreshMachines() {
	var files []string
	for _, m := range c.Snapshot().Machines {
		if m.File {
			files = append(files, m.ID)
		}
	}
	list := listMachines(files)
	c.change(func(s *Snapshot) { s.Machines = list })
}

// AddMachine lists a profile file; the error says what is wrong with it.
func (c *Controller) AddMachine(path string) (id string, err error) {
	p, err := costmodel.ReadProfile(path)
	if err != nil {
		return "", err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	c.change(func(s *Snapshot) {
		s.Machines = slices.DeleteFunc(slices.Clone(s.Machines), func(m Machine) bool { return m.ID == path })
		s.Machines = append(s.Machines, Machine{ID: path, Title: title(p), File: true, Profile: p})
	})
	return path, nil
}
