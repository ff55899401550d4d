package malloc

// Evaluator scores a plan; simulate implements it. It may keep scratch memory
// between calls and need not be safe for concurrent use: each worker owns one.
type Evaluator interface {
	Evaluate(p *Program, plan *Plan) (Score, error)
}

// Score is what an Evaluator says of a plan.
type Score struct {
	TotalS  float64 // the whole run: straight parts, trip iterations, waits
	PeriodS float64 // mean seconds per iteration of the periodic loop; 0 without one
}
