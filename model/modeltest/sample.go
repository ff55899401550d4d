package modeltest

import (
	"os"
	"path/filepath"
	"testing"
)

// Sample is the path of the sample model, which `make model` fetches into the
// user's cache folder; the test is skipped with the reason where it is absent.
func Sample(t testing.TB) string {
	t.Helper()
	path := os.Getenv("STRATA_MODEL")
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("not run: no cache folder: %v", err)
		}
		path = filepath.Join(dir, "strata", "models", "SmolLM2-135M-Instruct.Q4_1.gguf")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("not run: the sample model is not there (make model fetches it): %v", err)
	}
	return path
}
