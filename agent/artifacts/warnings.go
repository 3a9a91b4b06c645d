package artifacts

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
)

// maxScanned bounds how much of a step's output is searched for warnings, in
// bytes.
const maxScanned = 64 << 20

// warning is what compilers and linters print: "main.c:3:5: warning: unused",
// "[WARN] deprecated", "warning C4996".
var warning = regexp.MustCompile(`(?i)\bwarn(ing)?[:\]]|\bwarning \w`)

// warns is quick about most lines.
func warns(line []byte) bool {
	for _, word := range []string{"warn", "Warn", "WARN"} {
		if bytes.Contains(line, []byte(word)) {
			return warning.Match(line)
		}
	}
	return false
}

// Warnings counts the lines of an output that look like warnings.
func Warnings(r io.Reader) (n int64, err error) {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxScanned), 64<<10)
	within := false // a line that did not fit
	for {
		line, err := lines.ReadSlice('\n')
		if !within && warns(line) {
			n++
		}
		within = errors.Is(err, bufio.ErrBufferFull)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil && !within {
			return n, err
		}
	}
}
