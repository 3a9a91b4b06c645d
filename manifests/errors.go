package manifests

import (
	"errors"
	"strings"
)

// maxErrors bounds what is told about one file.
const maxErrors = 50

// Error is one thing wrong with a text.
type Error struct {
	Place
	Key     string // path of the key, such as "step[1].timeout"; "" when there is none
	Message string // what is wrong, one line
	Hint    string // what to write instead, one line; may be ""
}

// Error is place, message and hint on one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Place.String() + ": " + e.Message
	}
	return e.Place.String() + ": " + e.Message + ": " + e.Hint
}

// Errors is all that is wrong with one text, sorted by place, at most 50.
type Errors []*Error

// Error has one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, err := range e {
		all[i] = err
	}
	return all
}

// asErrors is what err says as Errors, with file as the place of last resort.
func asErrors(file string, err error) Errors {
	var all Errors
	if errors.As(err, &all) {
		return all
	}
	return Errors{{Place: Place{File: file, Line: 1, Column: 1}, Message: err.Error()}}
}
