package secrets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unicode"

	"github.com/wright-build/wright/manifests"
)

// Resolve finds a secret that the configuration names. It is looked for each
// time, so that a rotated one counts at once. Errors name the place, never the
// secret.
func (s *Secrets) Resolve(ref manifests.SecretRef) ([]byte, error) {
	value, err := s.find(ref)
	if err == nil {
		switch value = trimmed(value); {
		case len(value) == 0:
			err = errors.New("it is empty")
		case len(value) > maxSecret:
			err = fmt.Errorf("it has more than %d bytes", maxSecret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the secret in %s:%s: %w", ref.Scheme, ref.Name, err)
	}
	return value, nil
}

func (s *Secrets) find(ref manifests.SecretRef) ([]byte, error) {
	switch ref.Scheme {
	case "file":
		return readFile(ref.Name, maxSecret)
	case "env":
		value, ok := os.LookupEnv(ref.Name)
		if !ok {
			return nil, errors.New("the variable is not set where the master runs")
		}
		return []byte(value), nil
	case "secret":
		return s.get(ref.Name)
	}
	return nil, errors.New("such a place is not known")
}

// readFile reads a regular file of at most limit bytes, and a line's end.
func readFile(path string, limit int64) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = f.Close() }()
	value, err := io.ReadAll(io.LimitReader(f, limit+3))
	return value, bare(err)
}

// bare leaves out the path, which is named already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// line is a secret that must be one line, as all that goes into a header is.
func line(value []byte) (string, error) {
	for _, r := range string(value) {
		if unicode.IsControl(r) {
			return "", errors.New("it holds a line break or another control character")
		}
	}
	return string(value), nil
}
