package lab

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed openstack
var stackTemplates embed.FS

// stackFiles is what the configurations of OpenStack's services are made of.
type stackFiles struct {
	Dir, Etc, Python string
	MySQL, Rabbit    string
	Front, FrontPort string // where clients find all APIs

	Keystone, Glance, Placement, Nova, Neutron, Designate string // ports
	MDNS, Bind, RNDC                                      string // ports
	RNDCSecret                                            string

	Service string // whose credentials a section is about
	Compute bool   // nova-compute may not know the databases
}

// stackService is one API: its name and type in the catalog, and where it is.
type stackService struct{ Name, Type, Path, Port, Suffix string }

// Services lists the APIs.
func (f stackFiles) Services() []stackService {
	return []stackService{
		{"keystone", "identity", "identity", f.Keystone, "/v3"},
		{"glance", "image", "image", f.Glance, ""},
		{"placement", "placement", "placement", f.Placement, ""},
		{"nova", "compute", "compute", f.Nova, "/v2.1"},
		{"neutron", "network", "networking", f.Neutron, ""},
		{"designate", "dns", "dns", f.Designate, ""},
	}
}

func (f stackFiles) public(s stackService) string { return f.Front + "/" + s.Path + s.Suffix }

func (f stackFiles) internal(s stackService) string {
	return "http://127.0.0.1:" + s.Port + s.Suffix
}

// Database is the address of a database.
func (f stackFiles) Database(name string) string {
	return "mysql+pymysql://admin:lab@" + f.MySQL + "/" + name + "?charset=utf8"
}

// For is f about one service's own user.
func (f stackFiles) For(service string) stackFiles {
	f.Service = service
	return f
}

// newStackFiles chooses the ports.
func newStackFiles(r *Running, mysql, rabbit string) (stackFiles, error) {
	f := stackFiles{
		Dir: r.Dir, Etc: filepath.Join(r.Dir, "etc"), Python: filepath.Join(r.Dir, "ml2"),
		MySQL: mysql, Rabbit: "rabbit://admin:lab@" + rabbit + "/",
	}
	taken := map[string]bool{}
	for _, port := range []*string{&f.FrontPort, &f.Keystone, &f.Glance, &f.Placement, &f.Nova, &f.Neutron, &f.Designate, &f.MDNS, &f.Bind, &f.RNDC} {
		for *port == "" || taken[*port] {
			var err error
			if *port, err = freePort(); err != nil {
				return f, err
			}
		}
		taken[*port] = true
	}
	f.Front = "http://127.0.0.1:" + f.FrontPort
	var err error
	_, f.RNDCSecret, err = r.fileOnce("rndc.secret", secret)
	return f, err
}

// writeAll writes the configurations, and what they name.
func (s *stack) writeAll() error {
	state := filepath.Join(s.Running.Dir, "state")
	err := makeDirs(filepath.Join(s.Running.Dir, "images"), filepath.Join(s.Running.Dir, "bind"),
		filepath.Join(state, "nova", "instances"), filepath.Join(state, "neutron"), filepath.Join(state, "designate"))
	if err != nil {
		return err
	}
	for from, to := range map[string]string{"/etc/nova/api-paste.ini": "api-paste.ini", "/etc/designate/api-paste.ini": "designate-paste.ini"} {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if _, err := s.file("etc/"+to, string(text)); err != nil {
			return err
		}
	}
	if err := s.writePython(); err != nil {
		return err
	}
	for _, name := range []string{"keystone.conf", "glance-api.conf", "placement.conf", "nova.conf", "neutron.conf", "designate.conf", "named.conf", "rndc.key", "pools.yaml", "front.cfg"} {
		if err := s.render(name, name, s.stackFiles); err != nil {
			return err
		}
	}
	compute := s.stackFiles
	compute.Compute = true
	return s.render("nova.conf", "nova-compute.conf", compute)
}

func (s *stack) render(from, to string, f stackFiles) error {
	t, err := template.New(from).ParseFS(stackTemplates, "openstack/shared.tmpl", "openstack/"+from)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, f); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	_, err = s.file("etc/"+to, b.String())
	return err
}

// writePython puts neutron's driver where PYTHONPATH leads to.
func (s *stack) writePython() error {
	return fs.WalkDir(stackTemplates, "openstack/ml2", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := stackTemplates.ReadFile(name)
		if err != nil {
			return err
		}
		_, err = s.file(strings.TrimPrefix(name, path.Dir("openstack/ml2")+"/"), string(text))
		return err
	})
}

// moveEndpoints is the SQL that tells a kept catalog the ports of this start.
func (f stackFiles) moveEndpoints() string {
	var b strings.Builder
	for _, s := range f.Services() {
		for face, url := range map[string]string{"public": f.public(s), "internal": f.internal(s), "admin": f.internal(s)} {
			fmt.Fprintf(&b, "UPDATE keystone.endpoint e JOIN keystone.service s ON s.id = e.service_id SET e.url = '%s' WHERE s.type = '%s' AND e.interface = '%s';", url, s.Type, face)
		}
	}
	return b.String()
}

// env is how clients reach the lab, as the user demo of the project demo.
func (f stackFiles) env() map[string]string {
	return map[string]string{
		"OS_AUTH_URL": f.Front + "/identity/v3", "OS_USERNAME": "demo", "OS_PASSWORD": "lab", "OS_PROJECT_NAME": "demo",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne", "OS_IDENTITY_API_VERSION": "3",
		"DNS_SERVER": "127.0.0.1:" + f.Bind,
	}
}
