package api

import (
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds of what a build is given: it is kept with the build for ever.
const (
	maxProperties = 50
	maxProperty   = 4 << 10  // bytes of one value
	maxAllOfThem  = 16 << 10 // bytes of all names and values
)

var propertyName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// checkProperties refuses what cannot be a variable of a step.
func checkProperties(all map[string]string) error {
	if len(all) > maxProperties {
		return fail(http.StatusBadRequest, "", "%d properties are too many: at most %d", len(all), maxProperties)
	}
	size := 0
	for name, value := range all {
		size += len(name) + len(value)
		switch {
		case !propertyName.MatchString(name):
			return fail(http.StatusBadRequest, "use letters, digits and _, at most 64 characters", "%.80q is no name of a property", name)
		case len(value) > maxProperty || !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			return fail(http.StatusBadRequest, "", "the value of property %s has more than %d bytes, is not UTF-8 or holds NUL", name, maxProperty)
		}
	}
	if size > maxAllOfThem {
		return fail(http.StatusBadRequest, "", "the properties have %d bytes together: at most %d", size, maxAllOfThem)
	}
	return nil
}
