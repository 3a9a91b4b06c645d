package plugins

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"
)

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	slog.New(newLogHandler(&out)).With("a", 1).WithGroup("g").Warn("careful", "level", "inner")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	stamp, _ := line["@timestamp"].(string)
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", stamp); err != nil {
		t.Error(err)
	}
	group, _ := line["g"].(map[string]any)
	if line["@level"] != "warn" || line["@message"] != "careful" || line["a"] != 1.0 || group["level"] != "inner" {
		t.Errorf("got %s", out.String())
	}
}
