package simulate

// recorder turns a run into a Timeline; hooks are called by the clock.
type recorder struct{}

func (r *recorder) beginInstruction(s *Simulator, t int)           {}
func (r *recorder) endInstruction(s *Simulator, t int)             {}
func (r *recorder) beginTransfer(s *Simulator, engine int)         {}
func (r *recorder) endTransfer(s *Simulator, engine int, id int32) {}
func (r *recorder) beginWait(s *Simulator, id int32)               {}
func (r *recorder) endWait(s *Simulator, id int32, began float64)  {}
func (r *recorder) reached(s *Simulator, t int)                    {}
