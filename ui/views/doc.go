// Package views holds the contract between the window and its views. Each view
// is a package below this one.
package views
