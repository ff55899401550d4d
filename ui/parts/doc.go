// Package parts holds the small pieces that the shell and the views are built
// of: text in the palette's inks, cards, bars, chips, pictures. They read their
// colours when they are refreshed, so that a change of theme needs nothing else.
package parts
