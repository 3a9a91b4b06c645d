package logs_test

import (
	"sync/atomic"
	"testing"

	"github.com/wright-build/wright/master/logs"
)

func BenchmarkAppend(b *testing.B) {
	l := open(b, b.TempDir())
	data := random(512 << 10)
	const perBuild = 256
	b.SetBytes(int64(len(data)))
	for i := 0; b.Loop(); i++ {
		n, k := i/perBuild, i%perBuild
		if n > 0 && k == 0 {
			if err := l.Remove("shop", shop(n-1).Build); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Append(shop(n), 1, "step", int64(k*len(data)), data, k == perBuild-1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFollow(b *testing.B) {
	l := open(b, b.TempDir())
	const size = 64 << 20
	if _, err := l.Append(shop(1), 1, "step", 0, random(size), true); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		if err := l.Copy(b.Context(), shop(1), nil, nil, func(logs.Part, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSmallAttempts(b *testing.B) {
	for _, output := range []string{"", "hello\n"} {
		b.Run(map[bool]string{true: "silent", false: "one line"}[output == ""], func(b *testing.B) {
			l := open(b, b.TempDir())
			var n atomic.Int64
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					a := shop(int(n.Add(1)))
					if _, err := l.Append(a, 0, "wright", 0, []byte(output), true); err != nil {
						b.Error(err)
					}
					if err := l.Finish(a); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
