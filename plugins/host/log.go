package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	maxLine   = 16 << 10 // bytes of a line that reach the log
	maxLines  = 1000     // lines per logWindow that reach the log
	logWindow = 10 * time.Second
	maxAttrs  = 32
)

// lineLogger turns what a plugin writes into log records: hclog's and the SDK's
// JSON lines with their level and attributes, anything else as it stands. What
// is too long is cut, what is too much is counted.
type lineLogger struct {
	log *slog.Logger

	mu      sync.Mutex // guards all below
	line    []byte
	panics  bool // a stack trace is under way
	window  time.Time
	lines   int
	dropped int
	last    string // the latest message, or the one of a panic
}

func newLineLogger(log *slog.Logger) *lineLogger { return &lineLogger{log: log} }

// Write never fails.
func (l *lineLogger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		l.line = append(l.line, part[:min(len(part), maxLine-len(l.line))]...)
		if i < 0 {
			return n, nil
		}
		l.emit(time.Now())
		b = b[i+1:]
	}
}

func (l *lineLogger) emit(now time.Time) {
	line := bytes.TrimRight(l.line, "\r")
	l.line = l.line[:0]
	if len(line) == 0 || !l.admit(now) {
		return
	}
	level, message, attrs, ok := parseLine(line)
	if !ok {
		message = strings.ToValidUTF8(string(line), "�")
		level = l.plainLevel(message)
	}
	if !l.panics || l.last == "" {
		l.last = message
	}
	logAt(l.log, level, message, attrs)
}

// flush takes what came without a line break at the end.
func (l *lineLogger) flush() { _, _ = l.Write([]byte("\n")) }

// lastWords is what an error may tell of what was written.
func (l *lineLogger) lastWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[:min(len(l.last), 300)]
}

// admit says whether the line is within the rate.
func (l *lineLogger) admit(now time.Time) bool {
	if now.Sub(l.window) >= logWindow {
		if l.dropped > 0 {
			l.log.Warn("plugin wrote too much, lines were dropped", "lines", l.dropped)
		}
		l.window, l.lines, l.dropped = now, 0, 0
	}
	if l.lines++; l.lines <= maxLines {
		return true
	}
	if l.dropped++; l.dropped == 1 {
		l.log.Warn("plugin writes too much, dropping lines", "limit", maxLines, "per", logWindow)
	}
	return false
}

func (l *lineLogger) plainLevel(message string) slog.Level {
	if strings.HasPrefix(message, "panic: ") || strings.HasPrefix(message, "fatal error: ") {
		l.panics, l.last = true, ""
	}
	if l.panics {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// parseLine reads a JSON line with @level and @message; everything else in it
// becomes an attribute.
func parseLine(line []byte) (slog.Level, string, []any, bool) {
	var raw map[string]any
	if line[0] != '{' || json.Unmarshal(line, &raw) != nil {
		return 0, "", nil, false
	}
	message, ok1 := raw["@message"].(string)
	name, ok2 := raw["@level"].(string)
	if !ok1 || !ok2 {
		return 0, "", nil, false
	}
	delete(raw, "@message")
	delete(raw, "@level")
	delete(raw, "@timestamp")
	attrs := make([]slog.Attr, 0, len(raw))
	for k, v := range raw {
		attrs = append(attrs, slog.Any(k, v))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	args := make([]any, 0, len(attrs))
	for _, a := range attrs[:min(len(attrs), maxAttrs)] {
		args = append(args, a)
	}
	return levelOf(name), message, args, true
}

// logAt is for lines that belong to no call and so have no context.
func logAt(log *slog.Logger, level slog.Level, message string, args []any) {
	switch {
	case level >= slog.LevelError:
		log.Error(message, args...)
	case level >= slog.LevelWarn:
		log.Warn(message, args...)
	case level >= slog.LevelInfo:
		log.Info(message, args...)
	default:
		log.Debug(message, args...)
	}
}

func levelOf(name string) slog.Level {
	switch hclog.LevelFromString(name) {
	case hclog.Trace, hclog.Debug:
		return slog.LevelDebug
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Error:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// newInternalLogger takes go-plugin's own messages, at debug level whatever it
// thinks of them: the host says itself what matters.
func newInternalLogger(log *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Off})
	l.RegisterSink(internalSink{log})
	return l
}

type internalSink struct{ log *slog.Logger }

func (s internalSink) Accept(_ string, _ hclog.Level, msg string, args ...any) {
	attrs := make([]any, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		attrs = append(attrs, slog.Any(fmt.Sprint(args[i]), args[i+1]))
	}
	s.log.Debug("go-plugin: "+msg, attrs...)
}
