package ask

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dial connects to a host. One that is not trusted must be at an address that
// the policy allows, which is looked at when the address is known: what the
// name led to before, or leads to afterwards, does not matter.
func (a *Asker) dial(ctx context.Context, trusted bool, host, port string) (net.Conn, error) {
	d := net.Dialer{Timeout: 20 * time.Second}
	if !trusted {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("read the address of %s: %w", host, err)
			}
			return a.hosts.CheckAddr(host, at.Addr())
		}
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return hasten(conn), nil
}

// lookUp checks the addresses of a host that something else is going to
// connect to, and returns one of them. A name that is not known here is left
// to that, if it may be: ssh's configuration, or a proxy, may know it.
func (a *Asker) lookUp(ctx context.Context, host string, others bool) (netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	var unknown *net.DNSError
	if others && errors.As(err, &unknown) && unknown.IsNotFound {
		return netip.Addr{}, nil
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up the host: %w", err)
	}
	for _, addr := range addrs {
		if err := a.hosts.CheckAddr(host, addr); err != nil {
			return netip.Addr{}, err
		}
	}
	return addrs[0], nil
}

// until closes what is waited for when ctx ends; stop ends the watch.
func until(ctx context.Context, conn interface{ Close() error }) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}
