// Package servers is what providers of databases share that serve from several
// servers: the settings of a server, which of them a new database goes to, and
// names that never collide. It knows no protocol, and speaks to nobody.
package servers

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
)

// Server is one entry of the setting "servers". Providers embed it in their own
// entry where they need more.
type Server struct {
	Name          string `json:"name"`
	Address       string `json:"address"`
	ClientAddress string `json:"client-address"`
	User          string `json:"user"`
	Password      string `json:"password"`
	TLS           string `json:"tls"`
	CAFile        string `json:"ca-file"`
	MaxDatabases  int    `json:"max-databases"`
}

// The values of Server.TLS.
const (
	TLSOff      = "off"
	TLSInsecure = "insecure" // encrypted, but to whoever answers
	TLSVerify   = "verify"
)

// Most is how many servers a provider may have.
const Most = 100

// Fields is the schema of the setting "servers", whose tables have more besides
// what Server has. Port is the usual one of the service.
func Fields(port int, more ...plugins.Field) plugins.Schema {
	fields := append(plugins.Schema{
		{Name: "name", Required: true, Doc: "What manifests call the server.", Example: "db1"},
		{Name: "address", Required: true, Doc: fmt.Sprintf("HOST or HOST:PORT; the port is %d unless it is given.", port), Example: "db1.example.test"},
		{Name: "client-address", Doc: "HOST or HOST:PORT at which programs reach it, where that is another."},
		{Name: "user", Required: true, Doc: "The administrator."},
		{Name: "password", Required: true, Secret: true, Doc: "Its password, or `file:/PATH` of a file that holds it.", Example: "file:/etc/wright/db1.password"},
		{Name: "tls", OneOf: []string{TLSOff, TLSInsecure, TLSVerify},
			Doc: "How to speak to it: `verify` checks its certificate, `insecure` does not, `off` encrypts nothing. Without it `off` for this machine itself, and else `verify`."},
		{Name: "ca-file", Doc: "PEM file of who signed its certificate; without it, those that the system trusts."},
		{Name: "max-databases", Type: plugins.TypeInteger, Min: plugins.Bound(0), Default: 0, Doc: "No new ones when it has so many; 0 means any number."},
	}, more...)
	return plugins.Schema{{
		Name: "servers", Type: plugins.TypeList, Element: plugins.TypeTable, Fields: fields, Required: true,
		Min: plugins.Bound(1), Max: plugins.Bound(Most), Doc: "The servers; a new database goes to the one that has the fewest, or the one that its manifest names.",
	}}
}

// Named is the key of a manifest with which it names a server.
func Named() plugins.Field {
	return plugins.Field{Name: "server", Doc: "The server to make it at, by its name in the agent's settings; without it, the one that has the fewest. Where it was made, it stays.", Example: "db1"}
}

// Check refuses servers whose names or addresses are wrong, and fills in ports
// and Server.TLS.
func Check(list []Server, port int) ([]Server, error) {
	if len(list) == 0 || len(list) > Most {
		return nil, plugins.Invalidf("settings.servers", "%d are given, from 1 to %d may be", len(list), Most)
	}
	checked, names := make([]Server, 0, len(list)), map[string]bool{}
	for i, s := range list {
		field := fmt.Sprintf("settings.servers[%d].", i+1)
		if err := plugins.CheckToken(field+"name", s.Name); err != nil {
			return nil, err
		}
		if names[s.Name] {
			return nil, plugins.Invalidf(field+"name", "there is another server %q", s.Name)
		}
		names[s.Name] = true
		s, err := s.filled(field, port)
		if err != nil {
			return nil, err
		}
		checked = append(checked, s)
	}
	return checked, nil
}

func (s Server) filled(field string, port int) (Server, error) {
	var err error
	if s.Address, err = WithPort(field+"address", s.Address, port); err != nil {
		return s, err
	}
	s.ClientAddress = cmp.Or(s.ClientAddress, s.Address)
	if s.ClientAddress, err = WithPort(field+"client-address", s.ClientAddress, port); err != nil {
		return s, err
	}
	if err := plugins.CheckToken(field+"user", s.User); err != nil {
		return s, err
	}
	host, _ := s.At()
	if s.TLS == "" && isLocal(host) {
		s.TLS = TLSOff
	}
	s.TLS = cmp.Or(s.TLS, TLSVerify)
	return s, nil
}

func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// WithPort completes an address of HOST or HOST:PORT.
func WithPort(field, address string, port int) (string, error) {
	host, given, err := net.SplitHostPort(address)
	if err != nil {
		host, given = address, strconv.Itoa(port)
		if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
			host = host[1 : n-1]
		}
	}
	if n, err := strconv.ParseUint(given, 10, 16); err != nil || n == 0 {
		return "", plugins.Invalidf(field, "%.80q has no port that can be", address)
	}
	if err := plugins.CheckHost(field, host); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, given), nil
}

// At is where its administrator reaches the server.
func (s Server) At() (host, port string) { return split(s.Address) }

// ClientsAt is where programs reach the server.
func (s Server) ClientsAt() (host, port string) { return split(s.ClientAddress) }

// split reads an address that Check has checked.
func split(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

// Secret reads the administrator's password.
func (s Server) Secret() (string, error) {
	return credential.Read("settings.servers.password", s.Password)
}
