package uibench

import (
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// profileHeap writes what is in use to a file of the profiles' folder.
func (s *soak) profileHeap(name string) error {
	return s.profile(name, func(f *os.File) error { return pprof.Lookup("heap").WriteTo(f, 0) })
}

// profileIdle writes what the window's threads do while nothing happens.
func (s *soak) profileIdle(name string) error {
	return s.profile(name, func(f *os.File) error {
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		time.Sleep(idleFor)
		pprof.StopCPUProfile()
		return nil
	})
}

func (s *soak) profile(name string, write func(*os.File) error) error {
	if s.o.Profiles == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(s.o.Profiles, name))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
