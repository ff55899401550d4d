package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/renameio/v2"

	"strata/costmodel"
)

// ProfileEdit changes one number of a profile. Bandwidths are bytes/s.
type ProfileEdit struct {
	Tier, Link string // one of them
	Field      string // "capacity", "read", "write" of a tier; "bw", "latency" of a link
	Value      float64
}

// editedSource is the key of the source that edited values name.
const editedSource = "edited"

// EditProfile is a copy of a profile under another name with some numbers
// changed; each changed number says that it was typed in.
func EditProfile(p *costmodel.Profile, name string, edits []ProfileEdit) (*costmodel.Profile, error) {
	data, err := p.Encode()
	if err != nil {
		return nil, err
	}
	q, err := costmodel.ParseProfile(name, data)
	if err != nil {
		return nil, err
	}
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`).MatchString(name) {
		return nil, fmt.Errorf("profile name %q: use lower-case letters, digits, dots and dashes", name)
	}
	q.Name, q.Title = name, fmt.Sprintf("%s (edited)", title(p))
	if len(edits) > 0 {
		q.Kind, q.Host = costmodel.ProfileQuoted, nil // no longer what was measured
		if q.Sources == nil {
			q.Sources = map[string]costmodel.Source{}
		}
		q.Sources[editedSource] = costmodel.Source{Kind: costmodel.SourceAssumed, Document: "typed into the window on " + time.Now().Format("2006-01-02") + ", starting from " + p.Name}
	}
	for _, e := range edits {
		if err := e.apply(q); err != nil {
			return nil, err
		}
	}
	if data, err = q.Encode(); err != nil {
		return nil, err
	}
	return costmodel.ParseProfile(name, data) // refuses what no machine can be
}

func (e ProfileEdit) apply(p *costmodel.Profile) error {
	value := costmodel.Value{V: e.Value, Source: editedSource}
	if e.Tier != "" {
		t, err := p.Tier(e.Tier)
		if err != nil {
			return err
		}
		switch e.Field {
		case "capacity":
			t.CapacityBytes = costmodel.Size{V: int64(e.Value), Source: editedSource}
		case "read":
			t.ReadBW = value
		case "write":
			t.WriteBW = value
		default:
			return fmt.Errorf("a tier has no field %q", e.Field)
		}
		return nil
	}
	for i := range p.Links {
		if l := &p.Links[i]; l.Name == e.Link {
			switch e.Field {
			case "bw":
				// The measured curve says something else now.
				l.BW, l.Curve, l.State = value, nil, ""
			case "latency":
				l.LatencyS = value
			default:
				return fmt.Errorf("a link has no field %q", e.Field)
			}
			return nil
		}
	}
	return fmt.Errorf("no link %q", e.Link)
}

// SaveProfile stores an edited copy of a profile as a file of its own and lists
// it; the active document moves to it.
func (c *Controller) SaveProfile(p *costmodel.Profile, name string, edits []ProfileEdit) {
	c.goBackground(func() {
		q, err := EditProfile(p, name, edits)
		if err != nil {
			c.Report(err, 0)
			return
		}
		dir, err := ProfileFolder()
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err != nil {
			c.Report(err, 0)
			return
		}
		data, err := q.Encode()
		if err != nil {
			c.Report(err, 0)
			return
		}
		path := filepath.Join(dir, name+".json")
		if err := renameio.WriteFile(path, data, 0o644); err != nil {
			c.Report(err, 0)
			return
		}
		id, err := c.AddMachine(path)
		if err != nil {
			c.Report(err, 0)
			return
		}
		if d := c.Snapshot().Doc(); d != nil && d.model != nil {
			if d.Request.HW == id { // the file changed under the same name
				c.replan(d.ID, 0)
			} else {
				c.SetMachine(d.ID, id)
			}
		}
	})
}
