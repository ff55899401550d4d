package workflow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"strata/costmodel"
	"strata/engine/calibrate"
)

// HostProfilePath is where this host's calibration is kept.
func HostProfilePath() (string, error) {
	if p := os.Getenv("STRATA_HOST_PROFILE"); p != "" {
		return p, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for this host's calibration: %w", err)
	}
	return filepath.Join(dir, "strata", "host.json"), nil
}

// LoadMachine finds a hardware profile: empty for this host's calibration, the
// name of a shipped one, or a file.
func LoadMachine(hw string) (*costmodel.Profile, error) {
	if hw == "" {
		path, err := HostProfilePath()
		if err != nil {
			return nil, err
		}
		p, err := costmodel.ReadProfile(path)
		if errors.Is(err, fs.ErrNotExist) {
			names, _ := costmodel.ShippedNames()
			return nil, Badf("this host is not calibrated yet: type `strata calibrate` (under a minute), or choose a profile with --hw %s", strings.Join(names, "|"))
		}
		return p, bad(err)
	}
	if strings.ContainsRune(hw, os.PathSeparator) || strings.HasSuffix(hw, ".json") {
		p, err := costmodel.ReadProfile(hw)
		return p, bad(err)
	}
	p, err := costmodel.Shipped(hw)
	if err != nil {
		names, _ := costmodel.ShippedNames()
		return nil, Badf("no hardware profile %q; shipped are %s; a file is named with its path", hw, strings.Join(names, ", "))
	}
	return p, nil
}

// fitsMemory refuses an arena that the host cannot give.
func fitsMemory(bytes int64) error {
	have, err := calibrate.AvailableMemory()
	if err != nil {
		return nil // the system does not say; the arena's own mapping will
	}
	if bytes > have {
		return Refusedf("an arena of %s is above the %s of memory available now: choose --dram %d or less", FormatBytes(bytes), FormatBytes(have), have/4096*4096)
	}
	return nil
}

// defaultThreads is the number of physical cores of a machine.
func defaultThreads(hw *costmodel.Profile) int {
	if hw.Host != nil {
		return calibrate.PhysicalCores()
	}
	return max(1, hw.Executors[0].Cores)
}
