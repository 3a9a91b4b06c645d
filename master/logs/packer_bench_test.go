package logs

import (
	"fmt"
	"testing"
)

func BenchmarkStoreSmall(b *testing.B) {
	l := sharing(b, b.TempDir(), newMemory())
	for n := range b.N {
		a := Attempt{Instance: "shop", Build: fmt.Sprintf("shop-%06d", n+1), Attempt: 1}
		write(b, l, a, []byte("a line\n"))
	}
	b.ResetTimer()
	b.ReportAllocs()
	for n := range b.N {
		if err := l.settle(b.Context(), Attempt{Instance: "shop", Build: fmt.Sprintf("shop-%06d", n+1), Attempt: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	data := many(2_000_000)
	b.SetBytes(int64(len(data)))
	l := openLogs(b, b.TempDir())
	write(b, l, packed1, data)
	t, err := l.hold(packed1)
	if err != nil {
		b.Fatal(err)
	}
	parts, err := t.packable()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var size counter
		if _, err := t.writePack(&size, parts, func() error { return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(data))/float64(size), "times-smaller")
	}
}

// BenchmarkLastLines finds the last lines of packed output.
func BenchmarkLastLines(b *testing.B) {
	l := openLogs(b, b.TempDir())
	write(b, l, packed1, many(2_000_000))
	if err := l.settle(b.Context(), packed1); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := l.LastLines(b.Context(), packed1, nil, 20); err != nil {
			b.Fatal(err)
		}
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
