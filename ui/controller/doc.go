// Package controller owns what the window shows: open documents, running work,
// undo history, settings. It imports no widget toolkit.
//
// State is one immutable Snapshot behind an atomic pointer. Intents (the
// exported methods of Controller) return at once; what takes time runs in
// goroutines with contexts, and its results are folded into a new Snapshot under
// one lock. After each change the subscribers are called through Options.Post,
// at most once per pending change: a slow reader sees the newest state, never a
// queue of old ones.
//
// What a Store keeps comes back at the next start: documents with plan and locks,
// their undo histories (the newest steps; a state is lowered and simulated again
// when undo reaches it), recent files with thumbnails. A RunStore keeps runs by
// what their plan does, so a plan's history is found again whoever made it.
package controller
