// Command rack serves the rack, alone or while a command runs:
//
//	rack [-listen HOST:PORT] [COMMAND ARGS…]
//
// The command finds RACK_URL and RACK_TOKEN in its environment.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"example.com/wright-cloud-rack/rack"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to serve")
	flag.Parse()
	if err := run(*listen, flag.Args()); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "rack:", err)
		os.Exit(1)
	}
}

func run(listen string, command []string) error {
	const token = "test-token"
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	server := &http.Server{Handler: rack.New(token), ReadHeaderTimeout: 10 * time.Second}
	if len(command) == 0 {
		fmt.Printf("RACK_URL=http://%s RACK_TOKEN=%s\n", l.Addr(), token)
		return server.Serve(l)
	}
	go func() { _ = server.Serve(l) }()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "RACK_URL=http://"+l.Addr().String(), "RACK_TOKEN="+token)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return errors.Join(cmd.Run(), server.Close())
}
