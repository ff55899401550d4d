package simulate

import (
	"fmt"
	"math"

	"strata/malloc"
)

// maxRequests bounds the requests of one copy that are simulated one by one
// (an engine with latency and a bounded number of requests in flight).
const maxRequests = 1 << 24

// engine is the run-time state of one copy engine: a queue of issued copies,
// the requests of them that are in flight, and the one transferring.
// Both rings are indexed by ever-growing counters modulo their power-of-two
// length.
type engine struct {
	bw, latency  float64
	requestBytes float64 // 0: a copy is one request
	maxInFlight  uint32

	queue     []int32 // copies: [head, tail)
	head      uint32
	tail      uint32
	entering  uint32  // next copy to enter flight
	leftBytes float64 // of the entering copy, not yet in flight; -1: not begun

	ready   []float64 // when a request's latency is over: [first, last)
	request []float64 // its bytes
	final   []bool    // whether it is its copy's last
	first   uint32
	last    uint32

	transferring bool
	rate         float64 // bytes per second now
	remaining    float64 // bytes of the transferring request at time at
	at           float64
	event        float64 // when this engine next changes by itself; +Inf: idle
}

// reset prepares e for a run with n copies on it.
func (e *engine) reset(spec *malloc.Engine, n int) error {
	if !(spec.BW > 0) || math.IsInf(spec.BW, 1) || !(spec.LatencyS >= 0) || spec.RequestBytes < 0 {
		return fmt.Errorf("simulate: engine %d: bw %g, latency_s %g, request_bytes %d: want bw > 0 and the others ≥ 0", spec.ID, spec.BW, spec.LatencyS, spec.RequestBytes)
	}
	if spec.MaxOutstanding == 0 || spec.MaxOutstanding < -1 {
		return fmt.Errorf("simulate: engine %d: max_outstanding %d: want -1 (any) or at least 1", spec.ID, spec.MaxOutstanding)
	}
	e.bw, e.latency, e.requestBytes = spec.BW, spec.LatencyS, float64(spec.RequestBytes)
	e.maxInFlight = math.MaxUint32
	if spec.MaxOutstanding > 0 && spec.LatencyS > 0 {
		e.maxInFlight = uint32(min(int64(spec.MaxOutstanding), math.MaxUint32))
	} else {
		// Without latency, or without a bound, requests of a copy follow each
		// other without a gap: the copy is one transfer.
		e.requestBytes = 0
	}
	size := ringSize(n)
	if len(e.queue) < size {
		e.queue = make([]int32, size)
	}
	if len(e.ready) == 0 {
		e.growFlight(8)
	}
	e.head, e.tail, e.entering, e.leftBytes = 0, 0, 0, -1
	e.first, e.last = 0, 0
	e.transferring, e.rate, e.remaining, e.at, e.event = false, 0, 0, 0, math.Inf(1)
	return nil
}

func ringSize(n int) int {
	size := 8
	for size < n {
		size *= 2
	}
	return size
}

// growFlight makes room for n (a power of two) requests in flight.
func (e *engine) growFlight(n int) {
	ready, request, final := make([]float64, n), make([]float64, n), make([]bool, n)
	for i := e.first; i != e.last; i++ {
		from, to := i&uint32(len(e.ready)-1), i&uint32(n-1)
		ready[to], request[to], final[to] = e.ready[from], e.request[from], e.final[from]
	}
	e.ready, e.request, e.final = ready, request, final
}

func (e *engine) busy() bool { return e.head != e.tail }

// settle brings remaining up to time now.
func (e *engine) settle(now float64) {
	if e.transferring {
		e.remaining = max(0, e.remaining-(now-e.at)*e.rate)
		e.at = now
	}
}

// setRate changes the transfer's rate at time now.
func (e *engine) setRate(now, rate float64) {
	e.settle(now)
	e.rate = rate
	switch {
	case e.remaining == 0:
		e.event = now
	case rate > 0:
		e.event = now + e.remaining/rate
	default:
		e.event = math.Inf(1)
	}
}

// shift moves the origin of time to now.
func (e *engine) shift(now float64) {
	e.at -= now
	e.event -= now // +Inf stays
	mask := uint32(len(e.ready) - 1)
	for i := e.first; i != e.last; i++ {
		e.ready[i&mask] -= now
	}
}

// enter lets requests into flight at time now, as many as fit. pending says
// which copies are incomplete, after which one a copy must follow.
func (e *engine) enter(now float64, copies []malloc.Copy, pending []bool) {
	for e.entering != e.tail && e.last-e.first < e.maxInFlight {
		cp := &copies[e.queue[e.entering&uint32(len(e.queue)-1)]]
		if e.leftBytes < 0 {
			if cp.After >= 0 && pending[cp.After] {
				return
			}
			e.leftBytes = float64(cp.Bytes)
		}
		bytes := e.leftBytes
		if e.requestBytes > 0 {
			bytes = min(bytes, e.requestBytes)
		}
		if e.last-e.first == uint32(len(e.ready)) {
			e.growFlight(2 * len(e.ready))
		}
		i := e.last & uint32(len(e.ready)-1)
		e.ready[i], e.request[i] = now+e.latency, bytes
		e.leftBytes -= bytes
		e.final[i] = e.leftBytes <= 0
		e.last++
		if e.final[i] {
			e.entering++
			e.leftBytes = -1
		}
	}
	if !e.transferring && e.first != e.last {
		e.event = max(now, e.ready[e.first&uint32(len(e.ready)-1)])
	}
}

// finishRequest ends the transfer and returns the copy it completes, or -1.
func (e *engine) finishRequest() int32 {
	i := e.first & uint32(len(e.ready)-1)
	e.first++
	e.transferring = false
	e.event = math.Inf(1)
	if !e.final[i] {
		return -1
	}
	done := e.queue[e.head&uint32(len(e.queue)-1)]
	e.head++
	return done
}

// start begins the transfer of the first request in flight at a rate, 0: not yet
// known.
func (e *engine) start(now, rate float64) {
	e.transferring = true
	e.remaining = e.request[e.first&uint32(len(e.ready)-1)]
	e.at, e.rate, e.event = now, rate, math.Inf(1)
	if rate > 0 {
		e.event = now + e.remaining/rate
	}
}

// appendState appends the remaining work of e at time now: what decides how the
// run goes on, in seconds, with the copies' indexes as exact numbers.
func (e *engine) appendState(now float64, dst []float64) []float64 {
	e.settle(now)
	dst = append(dst, float64(e.tail-e.head), float64(e.last-e.first), float64(e.tail-e.entering), max(0, e.leftBytes)/e.bw)
	for i := e.head; i != e.tail; i++ {
		dst = append(dst, float64(e.queue[i&uint32(len(e.queue)-1)]))
	}
	for i := e.first; i != e.last; i++ {
		k := i & uint32(len(e.ready)-1)
		bytes := e.request[k]
		if i == e.first && e.transferring {
			bytes = e.remaining
		}
		dst = append(dst, max(0, e.ready[k]-now), bytes/e.bw)
	}
	return dst
}

// assign makes e an independent copy of src, reusing e's rings.
func (e *engine) assign(src *engine) {
	queue, ready, request, final := e.queue, e.ready, e.request, e.final
	*e = *src
	e.queue = append(queue[:0], src.queue...)
	e.ready = append(ready[:0], src.ready...)
	e.request = append(request[:0], src.request...)
	e.final = append(final[:0], src.final...)
}
