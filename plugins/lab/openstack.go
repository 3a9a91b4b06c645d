package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// openstack is a whole control plane: keystone, glance, placement, nova with the
// hypervisor that only pretends, neutron without agents, and designate with
// BIND. All APIs are behind one address, as paths.
func openstack() Lab {
	return Lab{
		Heavy: true,
		Name:  "openstack",
		Packages: []string{
			"keystone", "glance-api", "placement-api", "nova-api", "nova-conductor", "nova-scheduler", "nova-compute", "neutron-server",
			"designate-api", "designate-central", "designate-worker", "designate-mdns", "designate-producer",
			"python3-pymysql", "python3-memcache", "uwsgi-plugin-python3", "mariadb-server", "rabbitmq-server", "bind9", "haproxy",
		},
		Programs: []string{
			"keystone-manage", "keystone-wsgi-public", "glance-api", "placement-api", "nova-api-wsgi", "nova-conductor", "nova-scheduler",
			"nova-compute", "neutron-server", "designate-api", "designate-central", "designate-worker", "designate-mdns",
			"uwsgi_python3", "mariadbd", "rabbitmq-server", "named", "haproxy",
		},
		start: startOpenStack,
	}
}

// stack is a lab of OpenStack that is being started.
type stack struct {
	*Running
	stackFiles
	socket string // of MariaDB
	fresh  bool
}

func startOpenStack(ctx context.Context, r *Running) error {
	s := &stack{Running: r}
	_, err := os.Stat(filepath.Join(r.Dir, "seeded"))
	s.fresh = err != nil
	if err := s.backends(ctx); err != nil {
		return err
	}
	if err := s.writeAll(); err != nil {
		return err
	}
	if err := s.schemas(ctx); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	r.Env = s.env()
	_, err = s.file("seeded", "")
	return err
}

// backends starts MariaDB and RabbitMQ, and chooses all other ports.
func (s *stack) backends(ctx context.Context) error {
	sub := func(name string) (*Running, error) {
		dir := filepath.Join(s.Running.Dir, name)
		return &Running{Dir: dir}, os.MkdirAll(filepath.Join(dir, "log"), 0o755)
	}
	sql, err1 := sub("mariadb")
	mq, err2 := sub("rabbitmq")
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	err := together(
		func() error { return startMariaDB(ctx, sql) },
		func() error { return startRabbitMQ(ctx, mq) },
	)
	s.processes = append(append(s.processes, sql.processes...), mq.processes...)
	if err != nil {
		return err
	}
	s.socket = filepath.Join(sql.Dir, "mysql.sock")
	s.stackFiles, err = newStackFiles(s.Running, sql.Env["MYSQL_ADDRESS"], mq.Env["RABBITMQ_ADDRESS"])
	return err
}

// schemas makes the databases of a new lab. One that was kept only learns where
// its services are now.
func (s *stack) schemas(ctx context.Context) error {
	if !s.fresh {
		return s.sql(ctx, s.moveEndpoints())
	}
	var create strings.Builder
	for _, db := range []string{"keystone", "glance", "placement", "nova_api", "nova", "nova_cell0", "neutron", "designate"} {
		fmt.Fprintf(&create, "CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8;", db)
	}
	if err := s.sql(ctx, create.String()); err != nil {
		return err
	}
	const cell = "{scheme}://{username}:{password}@{hostname}:{port}" // filled from nova.conf, which moves
	nova := s.tool(ctx, "nova-manage", "nova.conf")
	return together(
		s.keystone(ctx),
		nova("api_db", "sync").
			then(nova("cell_v2", "map_cell0", "--database_connection", cell+"/nova_cell0?{query}")).
			then(nova("cell_v2", "create_cell", "--name", "cell1", "--database_connection", cell+"/nova?{query}", "--transport-url", cell+"/")).
			then(nova("db", "sync")),
		s.tool(ctx, "neutron-db-manage", "neutron.conf")("upgrade", "head").
			then(s.tool(ctx, "glance-manage", "glance-api.conf")("db_sync")).
			then(s.tool(ctx, "placement-manage", "placement.conf")("db", "sync")).
			then(s.tool(ctx, "designate-manage", "designate.conf")("database", "sync")),
	)
}

func (s *stack) keystone(ctx context.Context) step {
	manage := s.tool(ctx, "keystone-manage", "keystone.conf")
	me := []string{"--keystone-user", fmt.Sprint(os.Getuid()), "--keystone-group", fmt.Sprint(os.Getgid())}
	if u := os.Getuid(); u == 0 {
		me[1], me[3] = "root", "root"
	}
	internal := fmt.Sprintf("http://127.0.0.1:%s/v3", s.Keystone)
	return step(func() error { return makeDirs(filepath.Join(s.Etc, "fernet"), filepath.Join(s.Etc, "credential")) }).
		then(manage("db_sync")).
		then(manage(append([]string{"fernet_setup"}, me...)...)).
		then(manage(append([]string{"credential_setup"}, me...)...)).
		then(manage("bootstrap", "--bootstrap-password", "lab", "--bootstrap-region-id", "RegionOne",
			"--bootstrap-admin-url", internal, "--bootstrap-internal-url", internal, "--bootstrap-public-url", s.Front+"/identity/v3"))
}

func makeDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// step is a part of the work.
type step func() error

func (s step) then(next step) step {
	return func() error {
		if err := s(); err != nil {
			return err
		}
		return next()
	}
}

// together does several steps at once.
func together(steps ...step) error {
	errs := make([]error, len(steps))
	var wg sync.WaitGroup
	for i, s := range steps {
		wg.Go(func() { errs[i] = s() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// tool is a program with one of the lab's configurations.
func (s *stack) tool(ctx context.Context, name, conf string) func(args ...string) step {
	return func(args ...string) step {
		return func() error {
			all := append([]string{"PYTHONPATH=" + s.Python, program(name), "--config-file", filepath.Join(s.Etc, conf)}, args...)
			_, err := s.run(ctx, "/usr/bin/env", all...)
			if err != nil {
				return fmt.Errorf("%s %s: %w", name, args[0], err)
			}
			return nil
		}
	}
}

func (s *stack) sql(ctx context.Context, text string) error {
	_, err := s.run(ctx, program("mariadb"), "--no-defaults", "--socket="+s.socket, "-uroot", "-e", text)
	return err
}

// serve starts the services in an order in which none waits long for another.
func (s *stack) serve(ctx context.Context) error {
	front, err := s.spawn("front", options{end: syscall.SIGKILL}, program("haproxy"), "-db", "-f", filepath.Join(s.Etc, "front.cfg"))
	if err != nil {
		return err
	}
	keystone, err := s.wsgi("keystone", s.Keystone, program("keystone-wsgi-public"), "OS_KEYSTONE_CONFIG_FILES="+filepath.Join(s.Etc, "keystone.conf"))
	if err != nil {
		return err
	}
	const limit = 2 * time.Minute
	if err := cmp.Or(front.until(ctx, limit, accepts(s.at(s.FrontPort))), keystone.until(ctx, limit, s.answers("identity"))); err != nil {
		return err
	}
	if s.fresh {
		if err := s.seedServices(ctx); err != nil {
			return err
		}
	}
	apis, err := s.apis()
	if err != nil {
		return err
	}
	for path, p := range apis {
		if err := p.until(ctx, limit, s.answers(path)); err != nil {
			return err
		}
	}
	if s.fresh {
		if err := s.seedCloud(ctx); err != nil {
			return err
		}
	}
	return s.compute(ctx, limit)
}

// apis starts all but nova-compute, and gives those that serve a path.
func (s *stack) apis() (map[string]*process, error) {
	var failed error
	start := func(name, program, conf string) *process {
		p, err := s.daemon(name, program, conf)
		failed = cmp.Or(failed, err)
		return p
	}
	wsgi := func(name, port, program string, env ...string) *process {
		p, err := s.wsgi(name, port, program, env...)
		failed = cmp.Or(failed, err)
		return p
	}
	start("nova-conductor", "nova-conductor", "nova.conf")
	start("nova-scheduler", "nova-scheduler", "nova.conf")
	named, err := s.spawn("named", options{end: syscall.SIGKILL}, program("named"), "-f", "-c", filepath.Join(s.Etc, "named.conf"))
	if failed = cmp.Or(failed, err); failed != nil {
		return nil, failed
	}
	_ = named
	for _, part := range []string{"central", "worker", "mdns"} {
		start("designate-"+part, "designate-"+part, "designate.conf")
	}
	return map[string]*process{
		"placement":  wsgi("placement", s.Placement, program("placement-api"), "OS_PLACEMENT_CONFIG_DIR="+s.Etc),
		"compute":    wsgi("nova-api", s.Nova, program("nova-api-wsgi"), "OS_NOVA_CONFIG_DIR="+s.Etc, "OS_NOVA_CONFIG_FILES=api-paste.ini;nova.conf"),
		"networking": start("neutron", "neutron-server", "neutron.conf"),
		"image":      start("glance", "glance-api", "glance-api.conf"),
		"dns":        start("designate-api", "designate-api", "designate.conf"),
	}, failed
}

// daemon starts a service that reads one of the lab's configurations. It has
// nothing to save, so it is simply killed.
func (s *stack) daemon(name, prog, conf string) (*process, error) {
	o := options{end: syscall.SIGKILL, env: []string{"PYTHONPATH=" + s.Python, "PYTHONDONTWRITEBYTECODE=1"}}
	return s.spawn(name, o, program(prog), "--config-file", filepath.Join(s.Etc, conf))
}

// wsgi serves an API. keystone is one process, as its cache is memory; nova's
// threads are not safe, so it has several processes.
func (s *stack) wsgi(name, port, file string, env ...string) (*process, error) {
	workers := []string{"--processes", "1", "--threads", "8", "--enable-threads"}
	if name == "nova-api" {
		workers = []string{"--processes", "3"}
	}
	args := append([]string{
		"--http-socket", s.at(port), "--wsgi-file", file, "--master", "--die-on-term", "--need-app", "--lazy-apps", "--thunder-lock",
		"--buffer-size", "65535", "--listen", "100", "--add-header", "Connection: close", "--disable-logging", "--log-4xx", "--log-5xx",
	}, workers...)
	return s.spawn(name, options{end: syscall.SIGKILL, env: append(env, "PYTHONDONTWRITEBYTECODE=1")}, program("uwsgi_python3"), args...)
}

func (s *stack) at(port string) string { return net.JoinHostPort("127.0.0.1", port) }

// compute starts the hypervisor when the conductor, its only friend, answers,
// and waits until the scheduler knows it. Meanwhile designate learns its pool.
func (s *stack) compute(ctx context.Context, limit time.Duration) error {
	p, err := s.daemon("nova-compute", "nova-compute", "nova-compute.conf")
	if err != nil {
		return err
	}
	pool := s.tool(ctx, "designate-manage", "designate.conf")("pool", "update", "--file", filepath.Join(s.Etc, "pools.yaml"))
	return together(pool, func() error {
		return p.until(ctx, limit, func(ctx context.Context) error { return s.hostIsUp(ctx) })
	})
}

// hostIsUp fails until the host reported lately and is mapped to its cell.
func (s *stack) hostIsUp(ctx context.Context) error {
	out, err := s.run(ctx, program("mariadb"), "--no-defaults", "--socket="+s.socket, "-uroot", "-N", "-e",
		"SELECT 'up' FROM nova_api.host_mappings m JOIN nova.services s ON s.host = m.host "+
			"WHERE s.binary = 'nova-compute' AND s.updated_at > UTC_TIMESTAMP() - INTERVAL 15 SECOND")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "up") {
		return errors.New("the hypervisor has not reported yet")
	}
	return nil
}
