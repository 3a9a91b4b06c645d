package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// vm is no server but an image to start some from: a small Debian with
// cloud-init and an SSH server, and its kernel beside it, as it has no boot
// loader. It is made by mmdebstrap, and kept below the user's cache directory.
func vm() Lab {
	return Lab{
		Heavy: true, Name: "vm",
		Packages: []string{"qemu-system-x86", "qemu-utils", "mmdebstrap", "genext2fs", "e2fsprogs"},
		Programs: []string{"qemu-system-x86_64", "qemu-img", "mmdebstrap", "genext2fs", "resize2fs"},
		start:    startVM,
	}
}

// vmRecipe is in the name of the cached image: another recipe makes another one.
const vmRecipe = "bookworm-5"

// The image boots where instructions are translated one by one, beside other
// work: what nobody there needs does not run, and cloud-init has those modules only
// that carry out what providers give.
const (
	vmCmdline = "root=/dev/vda rw console=ttyS0 net.ifnames=0 audit=0 mitigations=off\n"
	vmNetwork = `[Match]\nType=ether\n[Network]\nDHCP=ipv4\n`
	vmInit    = `datasource_list: [NoCloud, None]\nnetwork: {config: disabled}\ndisable_root: false\nresize_rootfs: false\n` +
		`locale: false\nssh_deletekeys: false\nssh_genkeytypes: []\n` +
		`cloud_init_modules: [bootcmd, write-files, set_hostname, users-groups, ssh]\n` +
		`cloud_config_modules: [runcmd]\ncloud_final_modules: [scripts-vendor, scripts-per-once, scripts-per-boot, scripts-per-instance, scripts-user]\n`
	// One key, and not of cloud-init's making, for which it would wait.
	vmKeys   = `[Service]\nExecStartPre=\nExecStartPre=-/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key\n`
	vmMasked = "systemd-binfmt.service e2scrub_reap.service systemd-pstore.service cloud-init-hotplugd.socket getty@tty1.service " +
		"apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer"
)

func startVM(ctx context.Context, r *Running) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "wright", "lab", "vm-"+vmRecipe)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := r.buildVM(ctx, dir); err != nil {
			return err
		}
	}
	r.Env = map[string]string{"VM_IMAGES": dir, "VM_IMAGE": "lab"}
	return nil
}

// buildVM makes the directory of the image, whole or not at all.
func (r *Running) buildVM(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	image := filepath.Join(tmp, "lab.img")
	if _, err := r.run(ctx, program("mmdebstrap"), vmArguments(tmp, image)...); err != nil {
		return err
	}
	if _, err := r.run(ctx, program("resize2fs"), image, "1G"); err != nil {
		return err
	}
	err = cmp.Or(
		rename(filepath.Join(tmp, "boot", "vmlinuz-*"), filepath.Join(tmp, "lab.vmlinuz")),
		rename(filepath.Join(tmp, "boot", "initrd.img-*"), filepath.Join(tmp, "lab.initrd")),
		os.WriteFile(filepath.Join(tmp, "lab.cmdline"), []byte(vmCmdline), 0o644),
		os.RemoveAll(filepath.Join(tmp, "boot")),
		os.Chmod(tmp, 0o755),
	)
	if err != nil {
		return fmt.Errorf("keep the image: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) { // somebody else was faster
		return fmt.Errorf("keep the image: %w", err)
	}
	return nil
}

func vmArguments(tmp, image string) []string {
	packages := []string{"linux-image-cloud-amd64", "initramfs-tools", "systemd-sysv", "dbus", "openssh-server", "cloud-init", "python3"}
	return []string{
		"--variant=apt", "--format=ext2", "--quiet", `--aptopt=Apt::Install-Recommends "false"`, "--include=" + strings.Join(packages, ","),
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		`--customize-hook=printf '` + vmNetwork + `' >"$1/etc/systemd/network/10-ether.network"`,
		`--customize-hook=printf '` + vmInit + `' >"$1/etc/cloud/cloud.cfg.d/90-lab.cfg"`,
		`--customize-hook=mkdir "$1/etc/systemd/system/ssh.service.d" && printf '` + vmKeys + `' >"$1/etc/systemd/system/ssh.service.d/keys.conf"`,
		`--customize-hook=chroot "$1" systemctl enable systemd-networkd ssh`,
		`--customize-hook=chroot "$1" systemctl mask ` + vmMasked,
		`--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*`, // each server makes its own
		"--customize-hook=copy-out /boot " + tmp,
		"bookworm", image,
	}
}

// rename moves the only file that a pattern matches.
func rename(pattern, to string) error {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return fmt.Errorf("look for %s: found %v: %w", pattern, found, err)
	}
	return os.Rename(found[0], to)
}
