package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/model"
	"strata/model/modeltest"
)

func TestLoadFindsTheModel(t *testing.T) {
	dir := t.TempDir()
	file := modeltest.Small()[0].GGUF()
	for _, name := range []string{"a.gguf", "sha256-0123"} { // a blob store names files by digest
		path := filepath.Join(dir, name)
		if err := file.Write(path); err != nil {
			t.Fatal(err)
		}
		src, err := model.Load(path)
		if err != nil || src.Format != "gguf" || src.Arch != "llama" {
			t.Errorf("%s: %+v, %v", name, src, err)
		}
	}
	if src, err := model.Load(dir); err != nil || filepath.Base(src.Path) != "a.gguf" {
		t.Errorf("the folder: %v", err)
	}
	if err := file.Write(filepath.Join(dir, "b.gguf")); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                                 "holds 2 GGUF models, name one of them: a.gguf, b.gguf",
		text:                                "not a model that can be read",
		filepath.Join(dir, "none.gguf"):     "no such file",
		write(t, text+".json", []byte(`[`)): "not a model configuration",
	} {
		if _, err := model.Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// A file that changes or vanishes after its header was read gives an error, not
// a wrong vocabulary.
func TestArrayOfAVanishedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gguf")
	g := small()
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	f, err := model.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Texts("a.texts"); err == nil || !strings.Contains(err.Error(), "a.texts") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Ints("a.ints"); err == nil {
		t.Error("an array was read from a file that is gone")
	}
}
