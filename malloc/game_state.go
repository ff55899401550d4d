package malloc

type state struct{}

func newGame(p *Program, ev Evaluator, opt Options) (*Game, error) { return &Game{}, nil }
func (g *Game) done() bool                                         { return true }
func (g *Game) next() Decision                                     { return Decision{} }
func (g *Game) undecided() []int                                   { return nil }
func (g *Game) inBody() bool                                       { return false }
func (g *Game) choose(buf int) error                               { return nil }
func (g *Game) actions(dst []Action) []Action                      { return dst }
func (g *Game) legal(a Action) bool                                { return false }
func (g *Game) step(a Action) (float64, error)                     { return 0, nil }
func (g *Game) resident(buf, tier int) bool                        { return false }
func extendOrCopy(legal []Action) Action                           { return legal[0] }
func (g *Game) finish(policy Policy, all bool) error               { return nil }
func (g *Game) finishStraight(policy Policy) error                 { return nil }
func (g *Game) dropRest() error                                    { return nil }
func (g *Game) touchInfos(buf int) []TouchInfo                     { return nil }
func (g *Game) blockBytes(buf, tier int) int64                     { return 0 }
func (g *Game) freeBytes(tier, t int) int64                        { return 0 }
func (g *Game) backups() int                                       { return 0 }
func (g *Game) moveLog() []Move                                    { return nil }
func (g *Game) plan() *Plan                                        { return &Plan{} }
func (g *Game) score() (Score, error)                              { return Score{}, nil }
func (g *Game) clone(ev Evaluator) *Game                           { return g }
func (g *Game) mark() Mark                                         { return Mark{} }
func (g *Game) rewind(m Mark)                                      {}
func (g *Game) program() *Program                                  { return nil }
