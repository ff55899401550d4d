package controller

import (
	"bytes"
	"context"
	"os"
	"slices"
	"time"

	"strata/projects"
	"strata/workflow"
)

// identify finds, in the background, what a stored document keeps of its model:
// the headers, and the digest for which all its files are read once. Cancelled or
// failed, it is tried again when the project is exported.
func (c *Controller) identify(id int) {
	d := c.Snapshot().ByID(id)
	if c.opt.Store == nil || d == nil || d.model == nil || d.headers != nil || !d.HasWeights() {
		return
	}
	ctx, t := c.begin(TaskIdentify, id, "hashing the model", false)
	c.goBackground(func() {
		defer t.end()
		_ = c.readHeaders(ctx, id, t)
	})
}

// readHeaders gives a document its model's headers and digest.
func (c *Controller) readHeaders(ctx context.Context, id int, t *task) error {
	d := c.Snapshot().ByID(id)
	if d == nil || d.model == nil || d.headers != nil {
		return nil
	}
	ref, err := d.model.Ref(ctx, t.progress)
	if err != nil {
		return err
	}
	headers, err := workflow.ModelHeaders(d.model, ref)
	if err != nil {
		return err
	}
	c.changeDoc(id, func(d *Document) { d.headers = headers })
	c.touch()
	return nil
}

// stillIs says whether stored headers are those of a model's files as they are
// now, without reading the weights again: same headers, same sizes, and nothing
// written since the headers were saved.
func stillIs(m *workflow.Model, stored *projects.Model, saved time.Time) bool {
	if stored == nil || len(stored.Files) == 0 {
		return false
	}
	now, err := workflow.ModelHeaders(m, &stored.ModelRef)
	if err != nil || !slices.EqualFunc(now.Files, stored.Files, func(a, b projects.ModelFile) bool {
		return a.Name == b.Name && a.Bytes == b.Bytes && bytes.Equal(a.Header, b.Header)
	}) {
		return false
	}
	for _, s := range m.Source.Shards {
		if info, err := os.Stat(s.Path); err != nil || info.ModTime().After(saved) {
			return false
		}
	}
	return true
}
