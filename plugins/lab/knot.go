package lab

import (
	"context"
	"fmt"
	"net"
	"time"
)

// knot is Knot DNS with one zone that takes updates signed with a TSIG key.
func knot() Lab {
	return Lab{Name: "knot", Packages: []string{"knot"}, Programs: []string{"knotd"}, start: startKnot}
}

func startKnot(ctx context.Context, r *Running) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	_, key, err := r.fileOnce("secret", secret)
	if err != nil {
		return err
	}
	if _, _, err := r.fileOnce("data/"+zone+".zone", func() string { return firstZone }); err != nil {
		return err
	}
	conf, err := r.file("knot.conf", fmt.Sprintf(knotConf, r.Dir, port, zone, key))
	if err != nil {
		return err
	}
	p, err := r.spawn("knotd", options{}, program("knotd"), "-c", conf)
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	r.Env = map[string]string{
		"DNS_SERVER": address, "DNS_ZONE": zone + ".", "TSIG_NAME": "wright.", "TSIG_ALGORITHM": "hmac-sha256.", "TSIG_SECRET": key,
	}
	return p.until(ctx, 10*time.Second, serves(address))
}

// knotConf wants the directory, the port, the zone and the key.
const knotConf = `server:
    rundir: %[1]s/data
    pidfile: %[1]s/data/own.pid
    listen: 127.0.0.1@%[2]s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %[1]s/data
key:
  - id: wright
    algorithm: hmac-sha256
    secret: %[4]s
acl:
  - id: wright
    key: wright
    action: [update, transfer]
zone:
  - domain: %[3]s
    storage: %[1]s/data
    file: %[3]s.zone
    acl: wright
    zonefile-sync: -1
    journal-content: all
    zonefile-load: difference-no-serial
log:
  - target: stdout
    any: info
`
