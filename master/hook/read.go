package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// errIgnored means that a delivery is right and tells of nothing that matters.
var errIgnored = errors.New("an event of no interest")

// refused is why a delivery is not taken in, as its sender is told.
type refused struct {
	status  int
	message string
	cause   error // which only the log tells; may be nil
}

func (r *refused) Error() string { return r.message }

// Unwrap is the cause.
func (r *refused) Unwrap() error { return r.cause }

func refusal(status int, format string, args ...any) error {
	return because(nil, status, format, args...)
}

func because(cause error, status int, format string, args ...any) error {
	return &refused{status, fmt.Sprintf(format, args...), cause}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var r *refused
	if errors.As(err, &r) {
		status = r.status
	}
	writeJSON(w, status, map[string]string{"error": shorten(err.Error())})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the status is sent; a client that is gone needs no answer
}

// shorten bounds what a message may hold of a payload.
func shorten(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// delivery is a request as it came in.
type delivery struct {
	header  http.Header
	body    []byte
	payload []byte // the JSON in it: the body, or a value of the form that it is
}

// first is the first header of those named that is there.
func (d delivery) first(names []string) string {
	for _, name := range names {
		if v := d.header.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// read takes in the body of a request, which must be there soon and be small.
func read(w http.ResponseWriter, r *http.Request) (delivery, error) {
	if r.ContentLength > maxBody {
		return delivery{}, tooLarge()
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(readTime)) // a test's connection has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = conn.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return delivery{}, tooLarge()
	case err != nil:
		return delivery{}, refusal(http.StatusBadRequest, "the body did not arrive whole")
	}
	payload, err := payloadOf(r.Header.Get("Content-Type"), body)
	return delivery{r.Header, body, payload}, err
}

func tooLarge() error {
	return refusal(http.StatusRequestEntityTooLarge, "the delivery has more than %d MiB", maxBody>>20)
}

// payloadOf is the JSON of a body: itself, or "payload" of a form.
func payloadOf(contentType string, body []byte) ([]byte, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")):
		return body, nil
	case err == nil && media == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil || len(form["payload"]) != 1 {
			return nil, refusal(http.StatusBadRequest, "a form must have one payload")
		}
		return []byte(form.Get("payload")), nil
	}
	return nil, refusal(http.StatusUnsupportedMediaType, "send application/json, or a form with the JSON as payload")
}
