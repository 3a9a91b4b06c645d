package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

// settings is the provider's table of the agent's configuration.
type settings struct {
	Images  string `json:"images"`
	Image   string `json:"image"`
	Program string `json:"program"`
	Accel   string `json:"accel"`
}

func (s *settings) check() error {
	if !filepath.IsAbs(s.Images) {
		return plugins.Invalidf("settings.images", "%.200q is not an absolute path", s.Images)
	}
	s.Program = cmp.Or(s.Program, "qemu-system-x86_64")
	if strings.Contains(s.Program, "/") && !filepath.IsAbs(s.Program) {
		return plugins.Invalidf("settings.program", "%.200q is neither an absolute path nor a name", s.Program)
	}
	s.Accel = cmp.Or(s.Accel, "auto")
	return nil
}

// tool is qemu-img, which comes with QEMU.
func (s settings) tool() string {
	if dir := filepath.Dir(s.Program); filepath.IsAbs(s.Program) {
		return filepath.Join(dir, "qemu-img")
	}
	return "qemu-img"
}

// options is the provider's table of a manifest, with the defaults filled in.
type options struct {
	SSHKeys     []string         `json:"ssh-keys"`
	UserData    string           `json:"user-data"`
	EnvFile     string           `json:"env-file"`
	CPUs        int              `json:"cpus"`
	Memory      int              `json:"memory"`
	Disk        int              `json:"disk"`
	Ports       []int            `json:"ports"`
	Port        int              `json:"port"`
	Outbound    bool             `json:"outbound"`
	WaitSSH     *bool            `json:"wait-ssh"` // default true
	BootTimeout plugins.Duration `json:"boot-timeout"`
	SSHUser     string           `json:"ssh-user"`

	image string
}

const (
	maxPorts    = 100
	sshPort     = 22
	maxUserData = 8 << 20
)

func readOptions(s cloud.Spec, defaults settings) (options, error) {
	o := options{image: cmp.Or(s.Image, defaults.Image)}
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return o, err
	}
	if err := o.readFlavor(s.Flavor); err != nil {
		return o, err
	}
	if o.image == "" {
		return o, plugins.Invalidf("image", "is missing: name one of the agent's images")
	}
	if o.BootTimeout <= 0 {
		o.BootTimeout = plugins.Duration(5 * time.Minute)
	}
	if o.WaitSSH == nil {
		yes := true
		o.WaitSSH = &yes
	}
	needed := []int{o.Port}
	if *o.WaitSSH {
		needed = append(needed, sshPort)
	}
	o.Ports = append(o.Ports, needed...)
	slices.Sort(o.Ports)
	o.Ports = slices.Compact(o.Ports)
	if len(o.Ports) > maxPorts {
		return o, plugins.Invalidf("config.ports", "has more than %d ports", maxPorts)
	}
	for i, p := range o.Ports {
		if p < 1 || p > 65535 {
			return o, plugins.Invalidf(fmt.Sprintf("config.ports[%d]", i+1), "%d is no port: 1 to 65535", p)
		}
	}
	return o, o.data().Check()
}

func (o options) data() cloudinit.Data {
	return cloudinit.Data{UserData: o.UserData, SSHKeys: o.SSHKeys, EnvFile: o.EnvFile}
}

var flavorForm = regexp.MustCompile(`^[1-9][0-9]{0,2}x[1-9][0-9]{1,7}$`)

// readFlavor reads processors x MiB.
func (o *options) readFlavor(text string) error {
	if text == "" {
		return nil
	}
	if !flavorForm.MatchString(text) {
		return plugins.Invalidf("flavor", "%.60q is not processors x MiB of memory, such as \"2x2048\"", text)
	}
	_, err := fmt.Sscanf(text, "%dx%d", &o.CPUs, &o.Memory)
	return err
}

// image is what a server boots.
type image struct {
	Disk    string `json:"disk"`
	Format  string `json:"format"`
	Kernel  string `json:"kernel,omitempty"` // booted instead of the disk's own
	Initrd  string `json:"initrd,omitempty"`
	Cmdline string `json:"cmdline,omitempty"`
}

var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$`)

// findImage looks for an image of the directory. A manifest can name nothing
// else: any other file would be shown to the server as its disk.
func findImage(dir, name string) (image, error) {
	if !imageName.MatchString(name) {
		return image{}, plugins.Invalidf("image", "%.60q is no name of an image: letters, digits, '.', '_' and '-'", name)
	}
	base := filepath.Join(dir, name)
	for _, kind := range [][2]string{{".qcow2", "qcow2"}, {".img", "raw"}, {".raw", "raw"}} {
		if !isFile(base + kind[0]) {
			continue
		}
		img := image{Disk: base + kind[0], Format: kind[1]}
		if isFile(base + ".vmlinuz") {
			img.Kernel = base + ".vmlinuz"
			if isFile(base + ".initrd") {
				img.Initrd = base + ".initrd"
			}
			text, err := os.ReadFile(base + ".cmdline")
			if err != nil && !os.IsNotExist(err) {
				return img, fmt.Errorf("read the kernel's command line of image %s: %w", name, err)
			}
			img.Cmdline = strings.TrimSpace(string(text))
		}
		return img, nil
	}
	return image{}, plugins.Invalidf("image", "there is no %s.qcow2, .img or .raw in the agent's directory of images", name)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
