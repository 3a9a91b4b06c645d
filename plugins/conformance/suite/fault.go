package suite

import (
	"net/http"
	"strconv"
	"time"

	"github.com/wright-build/wright/plugins"
)

// Fault is how the backend misbehaves.
type Fault struct {
	Name    string        // for people: "503 before the request is carried out"
	Delay   time.Duration // before anything else
	After   bool          // the backend carries the request out, and only the answer is lost
	Late    time.Duration // the backend carries the request out so long after it was answered
	Status  int           // answered instead; 0 means the backend's answer
	Header  http.Header   // with Status
	Mode    Mode
	Request int // the fault hits the request of this number, counted from 1; 0 means every one
	From    int // the fault hits the request of this number and all later ones; not with Request
	Writes  bool
	// Vague faults look like none of the provider's codes: anything but a lie is right.
	Vague bool
}

// Mode is what happens to the answer.
type Mode int

// The modes. Plain answers with Status, or as the backend did.
const (
	Plain    Mode = iota
	Reset         // the connection is reset instead of an answer
	Truncate      // the connection ends in the middle of the answer
	Garbage       // 200, and something that is not what the backend speaks
	Empty         // 200, and nothing
	Loop          // a redirect to itself
	Hang          // no answer, ever
	Nobody        // Status, in the words of a gateway that does not know the backend
	Hollow        // {}, where the backend's answers always hold something
)

// faults are those of a group, each to hit one request.
func errorsBefore() []Fault {
	return []Fault{
		{Name: "500 before the request is carried out", Status: 500},
		{Name: "502 before the request is carried out", Status: 502},
		{Name: "503 before the request is carried out", Status: 503},
		{Name: "a connection that is reset before the request is carried out", Mode: Reset},
	}
}

func errorsAfter() []Fault {
	return []Fault{
		{Name: "500 after the request was carried out", Status: 500, After: true},
		{Name: "503 after the request was carried out", Status: 503, After: true},
		{Name: "504 after the request was carried out", Status: 504, After: true},
		{Name: "a connection that is reset after the request was carried out", Mode: Reset, After: true},
	}
}

func brokenAnswers() []Fault {
	return []Fault{
		{Name: "an answer that ends in its middle", Mode: Truncate, After: true, Vague: true},
		{Name: "200 with HTML instead of an answer", Mode: Garbage, After: true, Vague: true},
		{Name: "200 with an empty answer", Mode: Empty, After: true, Vague: true},
		{Name: "200 with {}, without what the answer always holds", Mode: Hollow, After: true, Vague: true},
		{Name: "a redirect to itself, forever", Mode: Loop, Vague: true},
	}
}

// nobody is a 404 of whoever stands before the backend, which does not speak its
// language: a gateway that has lost its way says nothing about the thing.
func nobody() Fault {
	return Fault{Name: "404 of a gateway, in HTML", Status: 404, Mode: Nobody, Vague: true}
}

// carriedOutLate is a write that is answered at once and done a moment later.
func carriedOutLate(request int) Fault {
	return Fault{Name: "504, and the request is carried out 1.5 s later", Status: 504, Late: 1500 * time.Millisecond, Writes: true, Request: request}
}

func throttling() []Fault {
	wait := http.Header{"Retry-After": {"2"}}
	return []Fault{
		{Name: "429 with Retry-After: 2", Status: 429, Header: wait},
		{Name: "503 with Retry-After: 2", Status: 503, Header: wait},
		{Name: "429 with Retry-After: 120", Status: 429, Header: http.Header{"Retry-After": {"120"}}},
	}
}

// patient says whether an error says what the backend of a fault of throttling
// asked for. A provider may have waited a while of it, or wait longer of its own.
func (f Fault) patient(e *plugins.Error) bool {
	const waited = 30 * time.Second
	seconds, _ := strconv.Atoi(f.Header.Get("Retry-After"))
	asked := time.Duration(seconds) * time.Second
	return e.RetryAfter >= max(time.Second, asked-waited) && e.RetryAfter <= asked+time.Minute
}
