package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// readFAT reads the root directory of a file system of the kind FAT12, as the
// standard has it.
func readFAT(t *testing.T, image []byte) (label string, files map[string]string) {
	t.Helper()
	le := binary.LittleEndian
	size, per := int(le.Uint16(image[11:])), int(image[13])
	table := image[int(le.Uint16(image[14:]))*size:]
	root := (int(le.Uint16(image[14:])) + int(image[16])*int(le.Uint16(image[22:]))) * size
	entries := int(le.Uint16(image[17:]))
	data := root + entries*32
	files = map[string]string{}
	var long []uint16
	for e := image[root : root+entries*32]; len(e) > 0 && e[0] != 0; e = e[32:] {
		switch e[11] {
		case 0x08:
			label = strings.TrimRight(string(e[:11]), " ")
		case 0x0f:
			var part []uint16
			for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
				for at := span[0]; at < span[1]; at += 2 {
					part = append(part, le.Uint16(e[at:]))
				}
			}
			long = append(part, long...)
		default:
			name := string(utf16.Decode(long[:slices.Index(long, 0)]))
			var content []byte
			for c := int(le.Uint16(e[26:])); c >= 2 && c < 0xff8; {
				at := data + (c-2)*per*size
				content = append(content, image[at:at+per*size]...)
				v := le.Uint16(table[c*3/2:])
				if c%2 == 0 {
					c = int(v & 0xfff)
				} else {
					c = int(v >> 4)
				}
			}
			files[name], long = string(content[:le.Uint32(e[28:])]), nil
		}
	}
	return label, files
}

func TestSeed(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("#!/bin/sh\n"), bytes.Repeat([]byte("0123456789"), 400_000)} {
		image, err := seedOf(strings.Repeat("ab", 16), "Shop 12 ä", data)
		if err != nil {
			t.Fatal(err)
		}
		want := string(data)
		if want == "" {
			want = "#cloud-config\n{}\n"
		}
		label, files := readFAT(t, image)
		if label != "CIDATA" || len(files) != 2 || files["user-data"] != want || !strings.Contains(files["meta-data"], `"local-hostname":"shop-12-ababababab"`) {
			t.Errorf("%d bytes: read %q with %d files, user data of %d bytes, meta data %q", len(data), label, len(files), len(files["user-data"]), files["meta-data"])
		}
		path := filepath.Join(t.TempDir(), "seed.img")
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, fsck := range []string{"/usr/sbin/fsck.fat", "/sbin/fsck.fat"} {
			if _, err := os.Stat(fsck); err != nil {
				continue
			}
			if out, err := exec.Command(fsck, "-n", path).CombinedOutput(); err != nil {
				t.Errorf("fsck: %v: %s", err, out)
			}
			break
		}
	}
	if _, err := seedOf("0123456789", "x", make([]byte, maxClusters*cluster)); err == nil {
		t.Error("a seed that is too large was made")
	}
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"debian.qcow2", "lab.img", "lab.vmlinuz", "lab.initrd", "lab.cmdline", "old.raw"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(" root=/dev/vda\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, want := range map[string]image{
		"debian": {Disk: at("debian.qcow2"), Format: "qcow2"},
		"lab":    {Disk: at("lab.img"), Format: "raw", Kernel: at("lab.vmlinuz"), Initrd: at("lab.initrd"), Cmdline: "root=/dev/vda"},
		"old":    {Disk: at("old.raw"), Format: "raw"},
	} {
		if got, err := findImage(dir, name); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"missing", "../" + filepath.Base(dir) + "/lab", "/etc/shadow", "lab.vmlinuz", ".", "a,readonly=off", "a b"} {
		if _, err := findImage(dir, name); plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArguments(t *testing.T) {
	yes := true
	r := newRecord(cloud.Spec{Token: "t,x", Name: "a,b"}, options{CPUs: 2, Memory: 512, Ports: []int{22, 80, 8080}, Port: 80, WaitSSH: &yes},
		settings{}, image{Kernel: "/i/k", Cmdline: "root=/dev/vda"}, 1024, time.Now())
	r.Address = "127.64.0.1"
	all := strings.Join(arguments(r, "kvm"), " ")
	for _, want := range []string{
		"-smp 2 -m 512", "-cpu host", "-netdev user,id=net,restrict=on,hostfwd=tcp:127.64.0.1:10022-:22,hostfwd=tcp:127.64.0.1:10080-:80,hostfwd=tcp:127.64.0.1:8080-:8080",
		"-kernel /i/k -append root=/dev/vda", "mac=52:54:00:", "spawn=deny",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
	if strings.Contains(all, "a,b") || strings.Contains(all, "t,x") || strings.Contains(all, "-initrd") {
		t.Errorf("%q has more in it than it should", all)
	}
	if r.Port != 10080 || r.SSHPort != 10022 || r.server(cloud.Running).Variables["WRIGHT_APPSERVER_SSH_PORT"] != "10022" {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	for field, s := range map[string]cloud.Spec{
		"":                 {Image: "debian", Flavor: "2x2048"},
		"image":            {},
		"flavor":           {Image: "debian", Flavor: "huge"},
		"config.ports[3]":  {Image: "debian", Config: map[string]any{"ports": []any{99999}}},
		"config.user-data": {Image: "debian", Config: map[string]any{"user-data": "hello"}},
	} {
		config, errs := optionsSchema().Check("config", s.Config)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		s.Config = config
		o, err := readOptions(s, settings{})
		e, ok := errors.AsType[*plugins.Error](err)
		if field == "" && (err != nil || o.CPUs != 2 || o.Memory != 2048 || !slices.Equal(o.Ports, []int{22, 80, 443})) || field != "" && (!ok || e.Field != field) {
			t.Errorf("%s: %+v %v", field, o, err)
		}
	}
}

func TestHostname(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	for _, name := range []string{"", "shop", "Ünï", "-", strings.Repeat("x.", 500), "a\nb"} {
		if got := hostname(name, "0123456789abcdef"); !valid.MatchString(got) {
			t.Errorf("%q: %q", name, got)
		}
	}
}
