package controller

// Store keeps a session between runs. Save is atomic: a crash leaves the old
// session or the new one.
type Store interface {
	Load() (*Session, error) // nil, nil: nothing kept yet
	Save(*Session) error
}
