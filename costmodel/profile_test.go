package costmodel

import "testing"

func TestShipped(t *testing.T) {
	names, err := ShippedNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if _, err := Shipped(n); err != nil {
			t.Error(err)
		}
	}
}
