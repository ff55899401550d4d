package costmodel

import (
	"cmp"
	"math"
	"slices"
)

// RateAt is the throughput of the link for requests of the given size at its
// depth, from the measured curve (linear in the logarithm of the size between
// points, constant outside); the link's own rate where nothing was measured.
// Disks need not get faster smoothly with size: virtual ones jump where a read
// becomes long enough for the host to read ahead.
func (l *Link) RateAt(requestBytes int64) float64 {
	var points []CurvePoint
	for _, p := range l.Curve {
		if p.Depth == l.Depth {
			points = append(points, p)
		}
	}
	if len(points) == 0 || requestBytes <= 0 {
		return l.BW.V
	}
	slices.SortFunc(points, func(a, b CurvePoint) int { return cmp.Compare(a.RequestBytes, b.RequestBytes) })
	for i, p := range points {
		if requestBytes > p.RequestBytes {
			continue
		}
		if i == 0 || requestBytes == p.RequestBytes {
			return p.BW.V
		}
		q := points[i-1]
		f := math.Log(float64(requestBytes)/float64(q.RequestBytes)) / math.Log(float64(p.RequestBytes)/float64(q.RequestBytes))
		return q.BW.V + f*(p.BW.V-q.BW.V)
	}
	return points[len(points)-1].BW.V
}

// fit gives the rate and latency that reproduce the measured throughput for the
// request size that carries most of a model's bytes.
func (l *Link) fit(requestBytes int64) (bw, latencyS float64) {
	bw, latencyS = l.RateAt(requestBytes), l.LatencyS.V
	if l.Depth > 0 && requestBytes > 0 {
		// What depth requests hide of the latency must not slow them down.
		latencyS = min(latencyS, float64(l.Depth-1)*float64(requestBytes)/bw)
	}
	return bw, latencyS
}
