package ask

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/wright-build/wright/master/poll/ask/trees"
)

// fetchByProgram fetches from git's own far side: on this machine, or at the end
// of the user's ssh.
func (a *Asker) fetchByProgram(ctx context.Context, q question, o order) (trees.Objects, error) {
	if _, err := a.guard(ctx, q); err != nil {
		return nil, err
	}
	free, err := a.running(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := uploadPack(ctx, q)
	stderr := prepare(cmd)
	cmd.Env = append(cmd.Env, "GIT_PROTOCOL=version=2")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("the program %s is not installed", cmd.Args[0])
		}
		return nil, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	limit(cmd)
	all, err := fetchOver(talk{out, in}, o)
	_ = in.Close() // it ends then
	if err != nil {
		cancel()
	}
	_ = cmd.Wait() // what it sent is whole, or err says what is not
	if err != nil {
		return nil, saidWith(err, stderr.String())
	}
	return all, nil
}

// uploadPack is the command that serves a repository.
func uploadPack(ctx context.Context, q question) *exec.Cmd {
	if q.host == "" {
		return exec.CommandContext(ctx, "git", "upload-pack", "--", q.path)
	}
	options := strings.Fields("-oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=15 -oSendEnv=GIT_PROTOCOL")
	if q.port != "22" {
		options = append(options, "-p", q.port)
	}
	if q.user != "" {
		options = append(options, "-l", q.user)
	}
	return exec.CommandContext(ctx, "ssh", append(options, "--", q.host, "git-upload-pack "+quote(q.path))...)
}
