// Package room says whether a disk has room for another build. It looks and
// decides; it does not know what could be removed, nor who is told.
package room

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
)

// Mark is how much of a disk is to stay free: of a share and a number of bytes
// the smaller. The zero value is nothing.
type Mark struct {
	Share float64 // of the disk, 0 to 1; 0: only Bytes counts
	Bytes int64   // 0: only Share counts
}

// Space is what a disk has.
type Space struct{ Free, Total int64 }

func (s Space) String() string {
	return fmt.Sprintf("%s of %s free", Bytes(s.Free), Bytes(s.Total))
}

// Of is the mark on a disk of that size, in bytes.
func (m Mark) Of(total int64) int64 {
	share := int64(m.Share * float64(total))
	if m.Share <= 0 || m.Bytes > 0 && m.Bytes < share {
		return m.Bytes
	}
	return share
}

// High is the mark above which a disk that was too full is fit again: half as
// much more, so that one build does not open and close it.
func (m Mark) High(total int64) int64 {
	low := m.Of(total)
	return min(low+low/2, max(low, total))
}

// Full says whether a disk is too full for another build, which it was before or
// not: below the mark it is, above the high one it is not, and between the two it
// stays what it was.
func (m Mark) Full(was bool, s Space) bool {
	low := m.Of(s.Total)
	return low > 0 && (s.Free < low || was && s.Free < m.High(s.Total))
}

// Least is how much of a disk that was found full must be free until it is fit
// again, whatever the mark.
func Least(total int64) int64 { return min(16<<20, total/10) }

// Look says what the disk has that a directory is on.
func Look(dir string) (Space, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return Space{}, fmt.Errorf("look how full the disk of %s is: %w", dir, err)
	}
	block := uint64(fs.Bsize)
	return Space{Free: int64(fs.Bavail * block), Total: int64(fs.Blocks * block)}, nil
}

// Parse reads a mark: "5%", "1GiB" or both as "5%,1GiB"; "0" is none.
func Parse(text string) (Mark, error) {
	var m Mark
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		percent, isShare := strings.CutSuffix(part, "%")
		if !isShare {
			n, err := ParseBytes(part)
			if err != nil {
				return Mark{}, err
			}
			m.Bytes = n
			continue
		}
		n, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return Mark{}, fmt.Errorf("%.20q is not between 0%% and 100%%", part)
		}
		m.Share = n / 100
	}
	return m, nil
}

// units are those of ParseBytes, the largest first.
func units() []string { return []string{"TiB", "GiB", "MiB", "KiB", ""} }

// ParseBytes reads "10GiB", "500MiB" or a number of bytes.
func ParseBytes(text string) (int64, error) {
	for i, unit := range units() {
		number, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		shift := 10 * (len(units()) - 1 - i)
		if err != nil || n < 0 || n > math.MaxInt64>>shift {
			break
		}
		return n << shift, nil
	}
	return 0, fmt.Errorf("%.20q is no size: write 10GiB, 500MiB or a number of bytes", text)
}

// Bytes writes a number of bytes for people.
func Bytes(n int64) string {
	for i, unit := range units()[:4] {
		if size := int64(1) << (10 * (4 - i)); n >= size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(size), unit)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
