package ui

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"strata/ui/golden"
)

// TestCatalogueHasEveryText reads every lang.L("…") of the window's sources.
func TestCatalogueHasEveryText(t *testing.T) {
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && name == "L" && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				texts[s] = s
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "assets", "translations", "en.json")
	if *golden.Update {
		data, _ := json.MarshalIndent(texts, "", "  ")
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	if err := json.Unmarshal(data, &have); err != nil {
		t.Fatal(err)
	}
	for s := range texts {
		if have[s] == "" {
			t.Errorf("%s lacks %q: `go test ./ui -run Catalogue -update`", path, s)
		}
	}
	if len(texts) < 50 {
		t.Errorf("only %d texts were found", len(texts))
	}
}
