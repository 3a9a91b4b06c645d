package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// lowestPort is the first at which this user may listen.
func lowestPort() int {
	if os.Geteuid() == 0 {
		return 1
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if n, err2 := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && err2 == nil {
		return n
	}
	return 1024
}

// freeMemory is how many MiB the host has left; false where nobody knows.
func freeMemory() (int, bool) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); err == nil {
			return kib / 1024, true
		}
	}
	return 0, false
}
