package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// haproxy is an HAProxy in master-worker mode whose configuration is one main
// file and every DIR/conf.d/*.cfg, with the master's socket. Requests for a name
// go to the backend "wright:NAME", or for all names one label below ".NAME" to
// "wright:.NAME".
func haproxy() Lab {
	return Lab{Name: "haproxy", Packages: []string{"haproxy"}, Programs: []string{"haproxy"}, start: startHAProxy}
}

func startHAProxy(ctx context.Context, r *Running) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	master, fragments := filepath.Join(r.Dir, "master.sock"), filepath.Join(r.Dir, "conf.d")
	if err := os.MkdirAll(fragments, 0o755); err != nil {
		return err
	}
	conf, err := r.file("haproxy.cfg", fmt.Sprintf(haproxyConf, port))
	if err != nil {
		return err
	}
	p, err := r.spawn("haproxy", options{}, program("haproxy"), "-W", "-S", master+",mode,600", "-f", conf, "-f", fragments)
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	r.Env = map[string]string{
		"HAPROXY_ADDRESS": address, "HAPROXY_CONFIG": conf, "HAPROXY_FRAGMENTS": fragments,
		"HAPROXY_MASTER": master, "HAPROXY_PROGRAM": program("haproxy"), "HAPROXY_LOG": p.log,
	}
	return p.until(ctx, 10*time.Second, accepts(address))
}

// haproxyConf wants the port.
const haproxyConf = `global
  hard-stop-after 30s
  nbthread 2
  maxconn 4000
resolvers nobody
  nameserver none 127.0.0.1:9
defaults
  mode http
  option idle-close-on-response
  option redispatch
  retries 3
  retry-on conn-failure empty-response response-timeout
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:%[1]s
  bind abns@wright-lab-%[1]s accept-proxy
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower,rtrim(.)
  http-request set-var(txn.wright) str(wright:),concat(,txn.host)
  use_backend onward if { stopping }
  use_backend %%[var(txn.wright)] if { var(txn.wright),nbsrv -m found }
  use_backend wright:%%[var(txn.host),regsub(^[^.]*,)]
  default_backend none
backend onward
  server new abns@wright-lab-%[1]s send-proxy-v2
backend none
  http-request return status 503 content-type text/plain string "no such name\n"
`
