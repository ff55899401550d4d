package controller

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a controller meets its surroundings.
type Options struct {
	// Post runs a function on the window's goroutine; nil: at once, on the
	// caller's (tests).
	Post func(func())
	// Debounce is how long a slider must rest before planning starts; 0: 60 ms.
	Debounce time.Duration
	// Store keeps settings, recent files and open documents; nil: memory only.
	Store Store
	// NoCheck leaves out the background check for the largest context.
	NoCheck bool
}

// Store keeps a session between runs.
type Store interface {
	Load() (*Session, error)
	Save(*Session) error
}

// Controller owns the documents. Its methods may be called from any goroutine
// and return at once.
type Controller struct {
	opt Options
	Bus *Bus

	mu       sync.Mutex
	current  atomic.Pointer[Snapshot]
	posted   atomic.Bool
	listen   []func(*Snapshot)
	live     map[int]*live
	tasks    map[int]*task
	nextDoc  int
	nextTask int
	ctx      context.Context
	stop     context.CancelFunc
	wait     sync.WaitGroup
}
