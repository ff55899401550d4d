package mcts

import "math/bits"

// ConsideredVisits is the schedule of sequential halving at the root: entry i is
// how many visits an action must have to be a candidate in simulation i. With m
// candidates all are visited equally, then the better half, and so on down to
// two. considered ≤ 1 yields 0, 1, 2, …
func ConsideredVisits(considered, simulations int) []int32 {
	sequence := make([]int32, 0, simulations)
	if considered <= 1 {
		for i := range simulations {
			sequence = append(sequence, int32(i))
		}
		return sequence
	}
	rounds := bits.Len(uint(considered - 1)) // ceil(log2 considered)
	visits := make([]int32, considered)
	for m := considered; len(sequence) < simulations; m = max(2, m/2) {
		extra := max(1, simulations/(rounds*m))
		for range extra {
			sequence = append(sequence, visits[:m]...)
			for i := range m {
				visits[i]++
			}
		}
	}
	return sequence[:simulations]
}

// halvingTable holds the schedule for every number of candidates up to a limit,
// so that a search looks one up without allocating.
type halvingTable [][]int32

func newHalvingTable(maxConsidered, simulations int) halvingTable {
	table := make(halvingTable, maxConsidered+1)
	for m := range table {
		table[m] = ConsideredVisits(m, simulations)
	}
	return table
}
