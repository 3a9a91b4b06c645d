package main

import (
	"fmt"

	"github.com/wright-build/wright/plugins"
)

// change is what one call wants of one route.
type change struct {
	name         string // in normal form
	installation string
	wanted       *fragment // nil: no route
}

// edit is what becomes of one file.
type edit struct {
	name   string
	before []byte    // nil: there is none
	after  *fragment // nil: there is to be none
}

// changes says whether the file is another afterwards.
func (e edit) changes() bool {
	if e.after == nil || e.before == nil {
		return (e.after == nil) != (e.before == nil)
	}
	return string(e.before) != e.after.text
}

// decide says what becomes of the file of a route. ours is false when nothing is
// to be done, not even to look whether it is in force.
func decide(before []byte, c change) (e edit, ours bool, err error) {
	e = edit{name: c.name, before: before, after: c.wanted}
	if before == nil {
		return e, true, nil
	}
	owner, err := parse(before)
	if err == nil && owner.Name != c.name {
		err = fmt.Errorf("it says that it is of %s", owner.Name)
	}
	switch {
	case err != nil && c.wanted != nil:
		return e, false, plugins.Errorf(plugins.Exists, "the file %s is not this provider's: %w", fileOf(c.name), err)
	case err != nil:
		return e, false, nil
	case owner.Tags[plugins.InstallationTag] == c.installation:
		return e, true, nil
	case c.wanted != nil:
		return e, false, plugins.Errorf(plugins.Exists, "the route of %s belongs to somebody else", c.name)
	}
	return e, false, nil
}
