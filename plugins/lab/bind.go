package lab

import (
	"context"
	"fmt"
	"net"
	"time"
)

// zone is what DNS servers of labs serve.
const zone = "lab.test"

// bind is BIND 9 with one zone that takes updates signed with a TSIG key.
func bind() Lab {
	return Lab{Name: "bind", Packages: []string{"bind9", "bind9-utils"}, Programs: []string{"named"}, start: startBind}
}

func startBind(ctx context.Context, r *Running) error {
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
	conf, err := r.file("named.conf", fmt.Sprintf(bindConf, r.Dir, port, zone, key))
	if err != nil {
		return err
	}
	p, err := r.spawn("named", options{}, program("named"), "-f", "-c", conf)
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	r.Env = map[string]string{
		"DNS_SERVER": address, "DNS_ZONE": zone + ".", "TSIG_NAME": "wright.", "TSIG_ALGORITHM": "hmac-sha256.", "TSIG_SECRET": key,
	}
	return p.until(ctx, 10*time.Second, serves(address))
}

// serves says whether the DNS server at the address has loaded the zone: it
// listens earlier.
func serves(address string) func(context.Context) error {
	there := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	r := net.Resolver{PreferGo: true, Dial: there}
	return func(ctx context.Context) error {
		_, err := r.LookupNetIP(ctx, "ip4", "ns1."+zone+".")
		return err
	}
}

const firstZone = "$TTL 60\n@ SOA ns1." + zone + ". hostmaster." + zone + ". 1 60 30 600 5\n@ NS ns1." + zone + ".\nns1 A 127.0.0.1\n"

// bindConf wants the directory, the port, the zone and the key.
const bindConf = `key wright { algorithm hmac-sha256; secret "%[4]s"; };
controls { };
options {
  directory "%[1]s/data"; pid-file "%[1]s/named.own"; session-keyfile "%[1]s/session.key"; managed-keys-directory "%[1]s/data";
  listen-on port %[2]s { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no; notify no;
};
zone "%[3]s" { type primary; file "%[3]s.zone"; update-policy { grant wright zonesub ANY; }; allow-transfer { key wright; }; };
`
