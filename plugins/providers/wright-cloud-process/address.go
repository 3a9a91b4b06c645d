package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"

	"github.com/wright-build/wright/plugins"
)

const addressTries = 200

// pickAddress finds a loopback address that no server of this provider has,
// that no machine of another provider on this host has reserved, and where
// nothing listens at the port. Its caller holds the lock of the state directory.
// Starting at a random place keeps providers on one host apart.
func pickAddress(taken map[string]bool, port int) (string, error) {
	var last error
	for range addressTries {
		address := randomAddress()
		if taken[address] {
			continue
		}
		if last = probe(address, port); last == nil {
			return address, nil
		}
	}
	if last == nil {
		return "", plugins.Errorf(plugins.Quota, "no loopback address is free: %d servers exist", len(taken))
	}
	return "", plugins.Errorf(plugins.Quota, "no loopback address has port %d free; does a program listen there on all addresses? %w", port, last)
}

// randomAddress gives 127.x.y.z with x in 64..127 and z in 1..254.
func randomAddress() string {
	return netip.AddrFrom4([4]byte{127, byte(64 + rand.N(64)), byte(rand.N(256)), byte(1 + rand.N(254))}).String()
}

func probe(address string, port int) error {
	reserved, err := reserve(address)
	if err != nil {
		return err
	}
	defer func() { _ = reserved.Close() }()
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// reserve takes an address for as long as the result is open: a name in the
// abstract socket namespace, which ends with the process that holds it.
func reserve(address string) (net.Listener, error) {
	l, err := net.Listen("unix", "@wright-appserver-"+address)
	if err != nil {
		return nil, fmt.Errorf("reserve %s: %w", address, err)
	}
	return l, nil
}
