// Package overview is the first view: does it fit, where the bytes go, how fast
// it is predicted to run, and the sliders that ask "what if".
package overview
