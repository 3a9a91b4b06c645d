package peers

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// Figures is what was measured of one program. What is 0 was not.
type Figures struct {
	Name            string  `json:"name"`
	Version         string  `json:"version"`
	Builds          int     `json:"builds"`
	BuildsPerSecond float64 `json:"builds_per_second"`
	LogMBPerSecond  float64 `json:"log_mb_per_second"`
	P50             float64 `json:"request_to_running_p50_ms"`
	P95             float64 `json:"request_to_running_p95_ms"`
	RestRSS         float64 `json:"rest_rss_mb"` // the sum over all processes
	RestPSS         float64 `json:"rest_pss_mb"` // the same, what they share counted once
	AfterRSS        float64 `json:"after_rss_mb"`
	AfterPSS        float64 `json:"after_pss_mb"`
}

// table writes the figures for people: the first program's, then each other one's
// with how much better the first is.
func table(all []Figures) string {
	rows := []struct {
		what string
		of   func(Figures) float64
		more bool // is better
	}{
		{"no-op builds/s", func(f Figures) float64 { return f.BuildsPerSecond }, true},
		{"50 MB of output, MB/s", func(f Figures) float64 { return f.LogMBPerSecond }, true},
		{"request to running, p50 ms", func(f Figures) float64 { return f.P50 }, false},
		{"request to running, p95 ms", func(f Figures) float64 { return f.P95 }, false},
		{"memory at rest, RSS MB", func(f Figures) float64 { return f.RestRSS }, false},
		{"memory at rest, PSS MB", func(f Figures) float64 { return f.RestPSS }, false},
		{"memory after the builds, RSS MB", func(f Figures) float64 { return f.AfterRSS }, false},
		{"memory after the builds, PSS MB", func(f Figures) float64 { return f.AfterPSS }, false},
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i, f := range all {
		if i > 0 {
			fmt.Fprint(w, "\tratio")
		}
		fmt.Fprintf(w, "\t%s %s", f.Name, f.Version)
	}
	fmt.Fprint(w, "\n")
	for _, row := range rows {
		fmt.Fprint(w, row.what)
		for i, f := range all {
			if i > 0 {
				fmt.Fprint(w, "\t", ratio(row.of(all[0]), row.of(f), row.more))
			}
			fmt.Fprint(w, "\t", figure(row.of(f)))
		}
		fmt.Fprint(w, "\n")
	}
	_ = w.Flush() // a Builder takes everything
	return text.String()
}

func figure(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// ratio is how many times better ours is.
func ratio(ours, theirs float64, more bool) string {
	if ours == 0 || theirs == 0 {
		return "-"
	}
	if !more {
		ours, theirs = theirs, ours
	}
	return fmt.Sprintf("%.1fx", ours/theirs)
}

// quantile is one of sorted values.
func quantile(sorted []float64, q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }

func TestTable(t *testing.T) {
	got := table([]Figures{
		{Name: "Wright", Version: "1", BuildsPerSecond: 1000, P50: 2.5, LogMBPerSecond: 200},
		{Name: "Slow", Version: "3", BuildsPerSecond: 10, P50: 100},
	})
	for _, want := range []string{
		"                                 Wright 1  ratio   Slow 3\n",
		"no-op builds/s                   1000      100.0x  10\n",
		"50 MB of output, MB/s            200       -       -\n",
		"request to running, p50 ms       2.50      40.0x   100\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestQuantile(t *testing.T) {
	values := make([]float64, 41)
	for i := range values {
		values[i] = float64(i)
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 20, 0.95: 38, 1: 40} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
