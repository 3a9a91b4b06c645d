package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// powerdns is PowerDNS on SQLite with its HTTP API and one zone.
func powerdns() Lab {
	return Lab{
		Name: "powerdns", Packages: []string{"pdns-server", "pdns-backend-sqlite3", "sqlite3"},
		Programs: []string{"pdns_server", "sqlite3"}, start: startPowerDNS,
	}
}

// powerDNSKey opens the API of a lab, which only this machine reaches.
const powerDNSKey = "lab"

func startPowerDNS(ctx context.Context, r *Running) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	web, err := freePort()
	if err != nil {
		return err
	}
	fresh, err := r.powerDNSDatabase(ctx)
	if err != nil {
		return err
	}
	if _, err := r.file("pdns.conf", fmt.Sprintf(powerDNSConf, r.Dir, port, web, powerDNSKey)); err != nil {
		return err
	}
	p, err := r.spawn("pdns", options{}, program("pdns_server"), "--config-dir="+r.Dir)
	if err != nil {
		return err
	}
	api := "http://" + net.JoinHostPort("127.0.0.1", web)
	r.Env = map[string]string{
		"DNS_SERVER": net.JoinHostPort("127.0.0.1", port), "DNS_ZONE": zone + ".", "PDNS_API": api, "PDNS_KEY": powerDNSKey,
	}
	servers := api + "/api/v1/servers/localhost"
	err = p.until(ctx, 10*time.Second, func(ctx context.Context) error { return powerDNSAsk(ctx, http.MethodGet, servers, "") })
	if err != nil || !fresh {
		return err
	}
	body := fmt.Sprintf(`{"name":"%s.","kind":"Native","nameservers":["ns1.%[1]s."],"soa_edit_api":"INCREASE"}`, zone)
	return powerDNSAsk(ctx, http.MethodPost, servers+"/zones", body)
}

// powerDNSDatabase makes the database of a new lab.
func (r *Running) powerDNSDatabase(ctx context.Context) (fresh bool, err error) {
	path := filepath.Join(r.Dir, "data", "pdns.db")
	if _, err := os.Stat(path); err == nil {
		return false, nil
	}
	for _, schema := range []string{
		"/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql", "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
	} {
		if _, err := os.Stat(schema); err != nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return false, err
		}
		_, err := r.run(ctx, program("sqlite3"), path, ".read "+schema)
		return true, err
	}
	return false, errors.New("the package pdns-backend-sqlite3 lacks its schema")
}

func powerDNSAsk(ctx context.Context, method, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", powerDNSKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, text)
	}
	return err
}

// powerDNSConf wants the directory, the port of DNS, that of the API, and its key.
const powerDNSConf = `launch=gsqlite3
gsqlite3-database=%[1]s/data/pdns.db
gsqlite3-pragma-synchronous=0
local-address=127.0.0.1
local-port=%[2]s
socket-dir=%[1]s/data
api=yes
api-key=%[4]s
webserver=yes
webserver-address=127.0.0.1
webserver-port=%[3]s
webserver-allow-from=127.0.0.1
daemon=no
guardian=no
cache-ttl=0
negquery-cache-ttl=0
query-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=2
default-soa-content=ns1.@ hostmaster.@ 0 60 30 600 5
`
