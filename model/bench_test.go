package model

import "testing"

// BenchmarkLoadSample reads the sample model's header and builds its graph.
func BenchmarkLoadSample(b *testing.B) {
	path := samplePath(b)
	b.ReportAllocs()
	for b.Loop() {
		src, err := Load(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Build(src, BuildOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
