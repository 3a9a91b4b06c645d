package host

import (
	"io"
	"time"
)

// maxOutput is how many bytes of a plugin's output are read in a second. A
// thousandth of it is more than the log takes.
const maxOutput = 16 << 20

// boundedReader reads at most maxOutput bytes in a second, until exited.
type boundedReader struct {
	from   io.Reader
	exited <-chan struct{}
	since  time.Time
	n      int
}

// Read implements io.Reader.
func (b *boundedReader) Read(into []byte) (int, error) {
	if b.n >= maxOutput {
		timer := time.NewTimer(time.Until(b.since.Add(time.Second)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-b.exited:
		}
	}
	if now := time.Now(); now.Sub(b.since) >= time.Second {
		b.since, b.n = now, 0
	}
	n, err := b.from.Read(into)
	b.n += n
	return n, err
}
