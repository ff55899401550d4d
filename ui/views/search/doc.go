// Package search is the view of a running search: its curve against the lower
// bound, what leads, and the agent's last game move by move.
package search
