package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// seedServices fills the catalog of a new lab, and makes its users: one for each
// service, and "demo" and "other" with a project each. All passwords are "lab".
func (s *stack) seedServices(ctx context.Context) error {
	c, err := s.login(ctx)
	if err != nil {
		return err
	}
	admin, member, project := c.id("roles", "admin"), c.id("roles", "member"), c.ensure("projects", "service", nil)
	for _, service := range s.Services() {
		if service.Name == "keystone" {
			continue // bootstrapped
		}
		c.grant(project, c.ensure("users", service.Name, fields{"password": "lab"}), admin)
		id := c.ensure("services", service.Name, fields{"type": service.Type})
		for face, at := range map[string]string{"public": s.public(service), "internal": s.internal(service)} {
			c.post("/identity/v3/endpoints", "endpoint", fields{"service_id": id, "interface": face, "url": at, "region_id": "RegionOne"})
		}
	}
	for _, name := range []string{"demo", "other"} {
		c.grant(c.ensure("projects", name, nil), c.ensure("users", name, fields{"password": "lab"}), member)
	}
	return c.err
}

// seedCloud makes images, flavors, and the networks "lab" and "public", which a
// router joins.
func (s *stack) seedCloud(ctx context.Context) error {
	c, err := s.login(ctx)
	if err != nil {
		return err
	}
	for i, name := range []string{"debian-11", "debian-12"} {
		image := c.post("/image/v2/images", "", fields{
			"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public", "os_distro": "debian", "os_version": fmt.Sprint(11 + i),
		})
		c.call(http.MethodPut, "/image/v2/images/"+image+"/file", make([]byte, 64<<10), nil)
	}
	for i, f := range []struct {
		name            string
		cpus, ram, disk int
	}{{"m1.tiny", 1, 512, 1}, {"m1.small", 1, 2048, 10}, {"m1.medium", 2, 4096, 40}, {"m1.large", 4, 8192, 80}, {"m1.quota", 900, 8192, 80}, {"m1.nohost", 4, 900_000, 80}} {
		c.post("/compute/v2.1/flavors", "flavor", fields{"name": f.name, "id": fmt.Sprint(i + 1), "vcpus": f.cpus, "ram": f.ram, "disk": f.disk})
	}
	subnet := c.network("lab", "127.99.0.0/20", fields{"shared": true})
	c.network("public", "127.98.0.0/20", fields{"router:external": true})
	router := c.post("/networking/v2.0/routers", "router", fields{
		"name": "lab", "external_gateway_info": fields{"network_id": c.id("networks", "public")},
	})
	c.call(http.MethodPut, "/networking/v2.0/routers/"+router+"/add_router_interface", fields{"subnet_id": subnet}, nil)
	return c.err
}

type fields map[string]any

// seeder talks to the APIs as the administrator. After the first error it does
// nothing any more.
type seeder struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one call
	front string
	token string
	err   error
}

func (s *stack) login(ctx context.Context) (*seeder, error) {
	c := &seeder{ctx: ctx, front: s.Front}
	domain := fields{"name": "Default"}
	head := c.call(http.MethodPost, "/identity/v3/auth/tokens", fields{"auth": fields{
		"identity": fields{"methods": []string{"password"}, "password": fields{"user": fields{"name": "admin", "password": "lab", "domain": domain}}},
		"scope":    fields{"project": fields{"name": "admin", "domain": domain}},
	}}, nil)
	c.token = head.Get("X-Subject-Token")
	return c, c.err
}

// call sends JSON, or bytes as they are, and reads the answer into into.
func (c *seeder) call(method, path string, body, into any) http.Header {
	if c.err != nil {
		return nil
	}
	text, raw := body.([]byte)
	kind := "application/octet-stream"
	if !raw && body != nil {
		text, c.err = json.Marshal(body)
		kind = "application/json"
	}
	req, err := http.NewRequestWithContext(c.ctx, method, c.front+path, bytes.NewReader(text))
	if err != nil {
		c.err = err
		return nil
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("X-Auth-Token", c.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.err = fmt.Errorf("fill the cloud: %w", err)
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		c.err = fmt.Errorf("fill the cloud: %s %s: %w", method, path, err)
	case resp.StatusCode >= 300:
		c.err = fmt.Errorf("fill the cloud: %s %s: %s: %.500s", method, path, resp.Status, answer)
	case into != nil:
		c.err = json.Unmarshal(answer, into)
	}
	return resp.Header
}

// post makes a thing and gives its ID.
func (c *seeder) post(path, kind string, what fields) string {
	var body any = what
	if kind != "" {
		body = fields{kind: what}
	}
	var answer map[string]json.RawMessage
	c.call(http.MethodPost, path, body, &answer)
	thing := answer
	if kind != "" && c.err == nil {
		c.err = json.Unmarshal(answer[kind], &thing)
	}
	var id string
	if c.err == nil {
		c.err = json.Unmarshal(thing["id"], &id)
	}
	return id
}

// id finds a thing by its name; "" when there is none.
func (c *seeder) id(kind, name string) string {
	path := "/identity/v3/"
	if kind == "networks" {
		path = "/networking/v2.0/"
	}
	var answer map[string]json.RawMessage
	c.call(http.MethodGet, path+kind+"?name="+url.QueryEscape(name), nil, &answer)
	var list []struct{ ID string }
	if c.err == nil {
		c.err = json.Unmarshal(answer[kind], &list)
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].ID
}

func (c *seeder) ensure(kind, name string, more fields) string {
	if id := c.id(kind, name); id != "" || c.err != nil {
		return id
	}
	what := fields{"name": name}
	if kind != "services" {
		what["domain_id"] = "default"
	}
	for k, v := range more {
		what[k] = v
	}
	return c.post("/identity/v3/"+kind, kind[:len(kind)-1], what)
}

func (c *seeder) grant(project, user, role string) {
	c.call(http.MethodPut, "/identity/v3/projects/"+project+"/users/"+user+"/roles/"+role, nil, nil)
}

// network makes a network with a subnet, and gives the ID of that.
func (c *seeder) network(name, cidr string, more fields) string {
	more["name"] = name
	id := c.post("/networking/v2.0/networks", "network", more)
	return c.post("/networking/v2.0/subnets", "subnet", fields{"name": name, "network_id": id, "ip_version": 4, "cidr": cidr, "enable_dhcp": false})
}

// answers says whether the API at a path of the front serves.
func (s *stack) answers(path string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Front+"/"+path+"/", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode >= 500 {
			return fmt.Errorf("GET %s: %s", req.URL, resp.Status)
		}
		return nil
	}
}
