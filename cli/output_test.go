package cli

import "testing"

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0 s", 1: "1.000 s", 12.3456: "12.35 s", 123.456: "123.5 s", 1234.5: "1234 s", 98765.4: "98765 s",
		0.0281234: "28.12 ms", 0.2: "200.0 ms", 0.99949: "999.5 ms", 0.9996: "1.000 s", 0.00099999: "1.000 ms",
		4.5e-6: "4.500 µs", 9.9999e-6: "10.00 µs", 3.2e-8: "0.032 µs", -0.5: "-500.0 ms",
	} {
		if got := seconds(s); got != want {
			t.Errorf("%g s: %q, want %q", s, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 runs", 1: "1 run", 2: "2 runs"} {
		if got := count(n, "run", "runs"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
