package onhost

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"

	"github.com/wright-build/wright/plugins"
)

const addressTries = 200

// PickAddress finds a loopback address that no server of this provider has, that
// no machine of another provider on this host has reserved, and where nothing
// listens at the ports. Its caller lets nobody else of this provider pick at the
// same time. Starting at a random place keeps providers on one host apart.
func PickAddress(taken map[string]bool, ports ...int) (string, error) {
	var last error
	for range addressTries {
		address := randomAddress()
		if taken[address] {
			continue
		}
		if last = probe(address, ports); last == nil {
			return address, nil
		}
	}
	if last == nil {
		return "", plugins.Errorf(plugins.Quota, "no loopback address is free: %d servers exist", len(taken))
	}
	return "", plugins.Errorf(plugins.Quota, "no loopback address is free, of %d tried; does a program listen at one of the ports %v on all addresses? %w", addressTries, ports, last)
}

// randomAddress gives 127.x.y.z with x in 64..127 and z in 1..254.
func randomAddress() string {
	return netip.AddrFrom4([4]byte{127, byte(64 + rand.N(64)), byte(rand.N(256)), byte(1 + rand.N(254))}).String()
}

func probe(address string, ports []int) error {
	reserved, err := Reserve(address)
	if err != nil {
		return err
	}
	defer func() { _ = reserved.Close() }()
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			return err
		}
		_ = l.Close()
	}
	return nil
}

// Reserve takes an address for as long as the result is open: a name in the
// abstract socket namespace, which ends with the process that holds it.
func Reserve(address string) (net.Listener, error) {
	l, err := net.Listen("unix", "@wright-appserver-"+address)
	if err != nil {
		return nil, fmt.Errorf("reserve %s: %w", address, err)
	}
	return l, nil
}
