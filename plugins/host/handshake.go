package host

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// maxHandshake is the number of bytes of the line by which a plugin says where
// it listens; most of it is a certificate.
const maxHandshake = 16 << 10

// errNoHandshake is what a plugin gives that ends without one.
var errNoHandshake = errors.New("it ended before it said where to reach it")

// readHandshake reads the first line of a plugin's output and refuses what
// go-plugin should not see: its errors repeat whatever the plugin wrote.
func readHandshake(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("its first line of output is longer than %d bytes: it is no plugin of Wright", maxHandshake)
	case err != nil && len(line) == 0:
		return nil, errNoHandshake
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read where to reach it: %w", err)
	}
	return line, checkHandshake(strings.TrimSpace(string(line)))
}

// checkHandshake reads "1|PROTOCOL|unix|SOCKET|grpc|CERTIFICATE", perhaps with
// more behind it.
func checkHandshake(line string) error {
	f := strings.Split(line, "|")
	if len(f) < 6 || f[0] != "1" {
		return fmt.Errorf("it wrote %.80q where a plugin of Wright says how to reach it: the first line of its output must be the handshake", line)
	}
	if err := checkProtocol(f[1]); err != nil {
		return err
	}
	if f[2] != "unix" || !path.IsAbs(f[3]) || len(f[3]) > 107 || !isText(f[3]) {
		return fmt.Errorf("it listens at %.20q %.120q: want a unix socket with an absolute path", f[2], f[3])
	}
	if f[4] != "grpc" {
		return fmt.Errorf("it speaks %.20q: want grpc", f[4])
	}
	der, err := base64.RawStdEncoding.DecodeString(f[5])
	if err == nil {
		_, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return errors.New("it gave no certificate: want one in base64 of its DER form, without padding")
	}
	return nil
}

func checkProtocol(s string) error {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return fmt.Errorf("it speaks protocol %.20q, which is no number", s)
	case n > plugins.Protocol:
		return fmt.Errorf("it speaks protocol %d, this Wright only %d to %d: upgrade Wright on this machine, or take an older plugin",
			n, plugins.OldestProtocol, plugins.Protocol)
	case n < plugins.OldestProtocol:
		return fmt.Errorf("it speaks protocol %d, this Wright only %d to %d: take a newer plugin", n, plugins.OldestProtocol, plugins.Protocol)
	}
	return nil
}
