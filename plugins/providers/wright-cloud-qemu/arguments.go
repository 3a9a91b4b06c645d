package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// arguments are QEMU's for a server, in its directory: no name of a person's is
// in them, so there is nothing to escape. The console is standard output.
func arguments(r record, accel string) []string {
	cpu := "max"
	if accel == "kvm" {
		cpu = "host"
	}
	args := []string{
		"-name", "wright-" + r.ID, "-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none",
		"-machine", "q35", "-accel", accel, "-cpu", cpu, "-smp", fmt.Sprint(r.CPUs), "-m", fmt.Sprint(r.Memory),
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-drive", "file=" + diskFile + ",format=qcow2,if=none,id=disk,discard=unmap", "-device", "virtio-blk-pci,drive=disk",
		"-drive", "file=" + seedFile + ",format=raw,if=none,id=seed,readonly=on", "-device", "virtio-blk-pci,drive=seed",
		"-device", "virtio-rng-pci", "-netdev", network(r), "-device", "virtio-net-pci,netdev=net,mac=" + mac(r.ID),
	}
	if r.Image.Kernel != "" {
		args = append(args, "-kernel", r.Image.Kernel, "-append", r.Image.Cmdline)
		if r.Image.Initrd != "" {
			args = append(args, "-initrd", r.Image.Initrd)
		}
	}
	return args
}

// network is QEMU's own, which needs no rights on the host.
func network(r record) string {
	text := "user,id=net"
	if !r.Outbound {
		text += ",restrict=on"
	}
	var b strings.Builder
	for _, f := range r.Ports {
		fmt.Fprintf(&b, ",hostfwd=tcp:%s:%d-:%d", r.Address, f.Host, f.Guest)
	}
	return text + b.String()
}

// mac is one of QEMU's range that follows from the server's ID.
func mac(id string) string {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) < 3 {
		return "52:54:00:12:34:56"
	}
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
}

// choose says how QEMU runs here.
func choose(accel string) string {
	if accel != "auto" {
		return accel
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "tcg"
	}
	_ = f.Close()
	return "kvm"
}
