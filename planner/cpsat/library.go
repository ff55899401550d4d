package cpsat

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Version of OR-Tools that tools/solver.sh fetches.
const Version = "9.15.6755"

// LibraryVariable names a library file to use instead of the installed one.
const LibraryVariable = "STRATA_ORTOOLS_LIB"

// MissingError says that the solver's library is not installed.
type MissingError struct {
	Looked []string // the files that were looked for
}

// Fix is the one line that installs the library.
const Fix = "make solver"

func (e *MissingError) Error() string {
	return fmt.Sprintf("the exact solver (OR-Tools %s) is not installed (looked for %v): run `%s` (29 MiB), or set %s", Version, e.Looked, Fix, LibraryVariable)
}

// libraryName is the file's name in the published packages.
func libraryName() string {
	switch runtime.GOOS {
	case "darwin":
		return "libortools.9.dylib"
	case "windows":
		return "ortools.dll"
	}
	return "libortools.so.9"
}

// Library returns the path of the solver's library: the file that
// STRATA_ORTOOLS_LIB names, else the one beside the program, else the one that
// `make solver` keeps in the user's cache folder. The system's folders are not
// searched: other versions have other fields. The error is a *MissingError.
func Library() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", &MissingError{Looked: []string{path}}
		}
		return path, nil
	}
	inside := filepath.Join("ortools", ".libs", libraryName())
	var looked []string
	if exe, err := os.Executable(); err == nil {
		looked = append(looked, filepath.Join(filepath.Dir(exe), inside))
	}
	if dir, err := os.UserCacheDir(); err == nil {
		looked = append(looked, filepath.Join(dir, "strata", "ortools-"+Version, inside))
	}
	for _, path := range looked {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", &MissingError{Looked: looked}
}
