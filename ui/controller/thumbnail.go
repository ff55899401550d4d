package controller

import (
	"slices"

	"strata/workflow"
)

// thumbnail is the small picture of a document's plan that was made last.
type thumbnail struct {
	of  uint64 // PlanVersion
	png []byte
}

// makeThumbnails draws the plans that changed since they were drawn last, for the
// stored projects and the list of recent files. A save is their rhythm: a slider
// that is being dragged draws none.
func (c *Controller) makeThumbnails() {
	for _, d := range c.Snapshot().Docs {
		c.mu.Lock()
		l := c.live[d.ID]
		done := l == nil || l.thumbnail.of == d.PlanVersion
		c.mu.Unlock()
		if done || d.Plan == nil {
			continue
		}
		png, err := workflow.Thumbnail(d.Program, d.Plan)
		if err != nil {
			continue // the list shows the name alone
		}
		c.mu.Lock()
		l.thumbnail = thumbnail{d.PlanVersion, png}
		c.mu.Unlock()
		if d.Path == "" {
			continue
		}
		c.change(func(s *Snapshot) {
			s.Recent = slices.Clone(s.Recent)
			for i := range s.Recent {
				if s.Recent[i].Path == d.Path {
					s.Recent[i].Thumbnail, s.Recent[i].Verdict = png, d.Verdict
				}
			}
		})
	}
}
