package pack

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadCSV(t *testing.T) {
	tab, err := ReadCSV(strings.NewReader("\ufeffid, begin, end, size, alignment, offset, gaps, class, note\n" +
		"a,0,4,8,4,,\"1-2 3-4:0-2\",,x\nb,0,2,6,,12,,,\nc,4,6,6,,-1,,k,\nd,6,9,2,2,,,k,\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := tab.Problem
	if len(p.Items) != 3 || p.Items[0].Align != 4 || len(p.Items[0].Windows) != 2 || p.Items[0].Windows[1] != (Window{Span{3, 4}, 0, 2}) {
		t.Errorf("items %+v", p.Items)
	}
	if p.Items[1].Pin != 12 || p.Items[2].Pin != -1 || p.Items[2].Size != 6 || p.Items[2].Align != 2 || len(p.Items[2].Spans) != 2 {
		t.Errorf("items %+v", p.Items)
	}
	var out bytes.Buffer
	if err := tab.WriteOffsets(&out, []int64{4, 12, 16}); err != nil {
		t.Fatal(err)
	}
	again, err := ReadCSV(&out)
	if err != nil {
		t.Fatal(err)
	}
	if again.Problem.Items[0].Pin != 4 || again.Problem.Items[2].Pin != 16 || again.Rows[0][8] != "x" {
		t.Errorf("written and read again: %+v", again.Problem.Items)
	}
}

func TestReadCSVRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                           "header",
		"id,lower,upper,size\n":                                      "no buffers",
		"id,lower,size\n1,2,3\n":                                     `"upper"`,
		"id,lower,lower,upper,size\n":                                "twice",
		"id,lower,upper,size\n1,3,3,1":                               "line 2: upper 3",
		"id,lower,upper,size\n1,0,3,x":                               `line 2: size "x"`,
		"id,lower,upper,size\n\n1,0,3":                               "line 3",
		"id,lower,upper,size\n1,0,3,9007199254740993":                "9007199254740992",
		"id,lower,upper,size,offset,alignment\n1,0,3,4,3,2":          "multiple",
		"id,lower,upper,size,gaps\n1,0,3,4,1":                        "FROM-TO",
		"id,lower,upper,size,gaps\n1,0,3,4,1-2:0-9":                  "window",
		"id,lower,upper,size,class,offset\n1,0,1,4,k,0\n2,2,3,4,k,8": `class "k"`,
		"id,lower,upper,size\n1,-1,3,4":                              `lower "-1"`,
	} {
		if _, err := ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, expected one with %q", text, err, want)
		}
	}
}

// Whatever is read is a valid problem, and comes back from what is written.
func FuzzReadCSV(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "minimalloc", "A.1048576.csv"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:400])
	f.Add([]byte("id,lower,upper,size,alignment,offset,gaps,class\na,0,4,8,4,,1-2:0-2,k\nb,5,6,3,1,8,,k\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tab, err := ReadCSV(bytes.NewReader(data))
		if err != nil {
			return
		}
		if err := tab.Problem.Validate(); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := tab.WriteOffsets(&out, make([]int64, len(tab.Problem.Items))); err != nil {
			t.Fatal(err)
		}
		again, err := ReadCSV(&out)
		if err != nil {
			t.Fatalf("%v in %q", err, out.Bytes())
		}
		if len(again.Rows) != len(tab.Rows) || len(again.Problem.Items) != len(tab.Problem.Items) {
			t.Fatalf("%d rows came back as %d", len(tab.Rows), len(again.Rows))
		}
	})
}
