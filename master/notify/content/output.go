package content

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

// Bounds on the output that goes along.
const (
	lastLines  = 100
	lastBytes  = 256 << 10 // in which the last lines are looked for
	maxPlain   = 128 << 10 // up to which it is attached as it is
	maxWhole   = 4 << 20   // up to which it is attached at all, compressed
	maxGzipped = 1 << 20
)

// Output is what of a build's output goes along with a notice.
type Output struct {
	Step    string   // the last one that wrote something
	Size    int64    // of the whole
	Last    []string // lines
	Whole   *File    // nil: too large
	Problem string   // why there is nothing to read
}

// Read reads the output of a build that has ended. hide takes out what nobody
// may see.
func Read(all *logs.Logs, b *state.Build, hide func(string) string) Output {
	parts, at, err := written(all, b)
	if err != nil {
		return Output{Problem: err.Error()}
	}
	o := Output{}
	o.Size = size(parts)
	for _, p := range parts {
		if p.Number > 0 {
			o.Step = p.Name
		}
	}
	most := int64(lastBytes)
	if o.Size <= maxWhole {
		most = max(most, o.Size)
	}
	tail, err := tail(all, at, parts, most)
	if err != nil {
		return Output{Size: o.Size, Step: o.Step, Problem: err.Error()}
	}
	if o.Size > int64(len(tail)) {
		tail = whole(tail)
	}
	text := hide(tail)
	o.Last = last(text)
	if o.Size > 0 && o.Size <= maxWhole {
		o.Whole = attached(b.ID+".log", text)
	}
	return o
}

// written finds the parts of the last attempt that wrote something: its steps,
// or where there are none, what Wright itself said.
func written(all *logs.Logs, b *state.Build) ([]logs.Part, logs.Attempt, error) {
	at := logs.Attempt{Instance: b.Instance, Build: b.ID, Attempt: max(b.Attempt, 1)}
	parts, err := finished(all, at)
	if err == nil && size(parts) < b.Output {
		err = errors.New("not all of it was with the master when this was written") // the agent still brings it
	}
	if err != nil {
		return nil, at, err
	}
	if len(parts) == 0 {
		attempts, err := all.Attempts(b.Instance, b.ID)
		if err != nil || len(attempts) == 0 {
			return nil, at, err
		}
		at.Attempt = attempts[len(attempts)-1]
		if parts, err = finished(all, at); err != nil {
			return nil, at, err
		}
	}
	if len(parts) > 1 && parts[0].Number == 0 {
		parts = parts[1:]
	}
	return parts, at, nil
}

func size(parts []logs.Part) (all int64) {
	for _, p := range parts {
		all += p.Size
	}
	return all
}

// finished are the parts of an attempt, wherever it was finished.
func finished(all *logs.Logs, at logs.Attempt) ([]logs.Part, error) {
	if err := all.Fetch(at); err != nil {
		return nil, err
	}
	return all.Parts(at)
}

// tail reads the last bytes of parts that follow each other.
func tail(all *logs.Logs, at logs.Attempt, parts []logs.Part, most int64) (string, error) {
	var pieces []string
	for i := len(parts) - 1; i >= 0 && most > 0; i-- {
		piece, err := end(all, at, parts[i], most)
		if err != nil {
			return "", err
		}
		most -= int64(len(piece))
		pieces = append(pieces, piece)
	}
	var b strings.Builder
	for i := len(pieces) - 1; i >= 0; i-- {
		b.WriteString(pieces[i])
	}
	return b.String(), nil
}

// whole leaves out where the text was cut: half a secret would not be hidden.
func whole(tail string) string {
	const longest = 4096
	if _, rest, ok := strings.Cut(tail, "\n"); ok {
		return rest
	}
	return tail[min(longest, len(tail)):]
}

// end reads the last bytes of a part.
func end(all *logs.Logs, at logs.Attempt, p logs.Part, most int64) (string, error) {
	r, err := all.Reader(at, p.Number)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	n := min(r.Size(), most)
	data := make([]byte, n)
	if _, err := r.ReadAt(data, r.Size()-n); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read part %d of %s: %w", p.Number, at, err)
	}
	return string(data), nil
}

// last are the last lines of output, as text.
func last(output string) []string {
	output = output[max(0, len(output)-lastBytes):]
	text, _ := ansi.Text([]byte(output), true)
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	lines = lines[max(0, len(lines)-lastLines):]
	for i, l := range lines {
		lines[i] = cut(l, maxLine)
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}

// attached is the whole output as a file, nil if even compressed it is too large.
func attached(name, text string) *File {
	if shown, _ := ansi.Text([]byte(text), true); len(shown) <= maxPlain {
		return &File{name, "text/plain", []byte(shown)}
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := io.WriteString(z, text)
	if err2 := z.Close(); err != nil || err2 != nil || out.Len() > maxGzipped {
		return nil
	}
	return &File{name + ".gz", "application/gzip", out.Bytes()}
}
