package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// rabbitmq is a RabbitMQ server with its management API. It has a port mapper
// (epmd) of its own: the usual one would stay when the lab is gone.
func rabbitmq() Lab {
	return Lab{Name: "rabbitmq", Packages: []string{"rabbitmq-server"}, Programs: []string{"rabbitmq-server", "epmd"}, start: startRabbitMQ}
}

func startRabbitMQ(ctx context.Context, r *Running) error {
	var ports [4]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return err
		}
	}
	amqp, web, dist, mapper := ports[0], ports[1], ports[2], ports[3]
	conf, err := r.file("etc/rabbitmq.conf", fmt.Sprintf(rabbitConf, amqp, web))
	if err != nil {
		return err
	}
	enabled, err := r.file("etc/enabled_plugins", "[rabbitmq_management,rabbitmq_management_agent].\n")
	if err != nil {
		return err
	}
	names := []string{"ERL_EPMD_PORT=" + mapper, "ERL_EPMD_ADDRESS=127.0.0.1"}
	epmd, err := r.spawn("epmd", options{env: names}, program("epmd"), "-port", mapper, "-address", "127.0.0.1")
	if err != nil {
		return err
	}
	if err := epmd.until(ctx, 10*time.Second, accepts(net.JoinHostPort("127.0.0.1", mapper))); err != nil {
		return err
	}
	p, err := r.spawn("rabbitmq", options{env: append(names, r.rabbitEnv(conf, enabled, dist)...)}, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	if err != nil {
		return err
	}
	api := "http://" + net.JoinHostPort("127.0.0.1", web)
	r.Env = map[string]string{
		"RABBITMQ_ADDRESS": net.JoinHostPort("127.0.0.1", amqp), "RABBITMQ_API": api, "RABBITMQ_USER": "admin", "RABBITMQ_PASSWORD": "lab",
	}
	return p.until(ctx, 3*time.Minute, func(ctx context.Context) error { return rabbitOverview(ctx, api) })
}

func (r *Running) rabbitEnv(conf, enabled, dist string) []string {
	data := filepath.Join(r.Dir, "data")
	return []string{
		"HOME=" + data, "RABBITMQ_NODENAME=lab@localhost", "RABBITMQ_DIST_PORT=" + dist, "RABBITMQ_MNESIA_BASE=" + data,
		"RABBITMQ_LOG_BASE=" + filepath.Join(r.Dir, "log"), "RABBITMQ_CONFIG_FILE=" + conf, "RABBITMQ_ENABLED_PLUGINS_FILE=" + enabled,
		"RABBITMQ_PID_FILE=" + filepath.Join(r.Dir, "own.pid"), "RABBITMQ_GENERATED_CONFIG_DIR=" + filepath.Join(r.Dir, "etc", "generated"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_ADVANCED_CONFIG_FILE=" + filepath.Join(r.Dir, "etc", "none.config"),
		// Two schedulers that do not spin while they wait.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-setcookie lab +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
	}
}

func rabbitOverview(ctx context.Context, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/api/overview", nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("admin", "lab")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s/api/overview: %s", api, resp.Status)
	}
	return nil
}

// rabbitConf wants the port of AMQP and that of the management API.
const rabbitConf = `listeners.tcp.1 = 127.0.0.1:%s
management.tcp.ip = 127.0.0.1
management.tcp.port = %s
management_agent.disable_metrics_collector = true
default_user = admin
default_pass = lab
default_user_tags.administrator = true
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
`
