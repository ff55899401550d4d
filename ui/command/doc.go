// Package command is the table of everything a user can do. Menus, the command
// palette, keys and the list behind `?` are made from it; it knows no widgets.
package command
