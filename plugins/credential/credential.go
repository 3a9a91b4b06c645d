// Package credential reads the credentials of a provider's settings, which stand
// there as they are or as the name of a file that holds them. It keeps none, and
// shows none.
package credential

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/plugins"
)

const (
	filePrefix = "file:"
	maxFile    = 64 << 10 // bytes
)

// Read gives the credential that a setting holds or, as "file:/PATH", names.
// The file is read at every call, so that it can be replaced while the provider
// runs; line breaks at its end do not count.
func Read(field, value string) (string, error) {
	path, ok := strings.CutPrefix(value, filePrefix)
	if !ok {
		return value, nil
	}
	if !filepath.IsAbs(path) {
		return "", plugins.Invalidf(field, "%.200q is not an absolute path", path)
	}
	b, err := readSmall(path)
	if err != nil {
		return "", plugins.Errorf(plugins.Denied, "%s: read the credential: %w", field, err)
	}
	text := string(bytes.TrimRight(b, "\r\n"))
	if text == "" {
		return "", plugins.Errorf(plugins.Denied, "%s: the file %s is empty", field, path)
	}
	return text, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("the file is too large for a credential")
	}
	return b, err
}
