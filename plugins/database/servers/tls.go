package servers

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/wright-build/wright/plugins"
)

// TLSConfig is what TLS and CAFile say, for a server that Check has checked; nil
// where nothing is encrypted. Field is the path of the server in the settings.
func (s Server) TLSConfig(field string) (*tls.Config, error) {
	if s.TLS == TLSOff {
		return nil, nil
	}
	host, _ := s.At()
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.TLS == TLSInsecure}
	if s.CAFile == "" {
		return config, nil
	}
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, plugins.Invalidf(field+".ca-file", "read who signs certificates: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, plugins.Invalidf(field+".ca-file", "%s holds no certificate in PEM", s.CAFile)
	}
	return config, nil
}
