// Package controller owns what the window shows: open documents, running work,
// undo history, settings. It imports no widget toolkit.
//
// State is one immutable Snapshot behind an atomic pointer. Intents (the
// exported methods of Controller) return at once; what takes time runs in
// goroutines with contexts, and its results are folded into a new Snapshot under
// one lock. After each change the subscribers are called through Options.Post,
// at most once per pending change: a slow reader sees the newest state, never a
// queue of old ones.
package controller
