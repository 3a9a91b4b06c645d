package capability

import "testing"

func BenchmarkDetect(b *testing.B) {
	for b.Loop() {
		Detect(b.Context())
	}
}
