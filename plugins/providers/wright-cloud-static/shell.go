package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The shell at the host reads one command a line, so that a line that is cut off
// by a lost connection is not carried out in part.
const shellLoop = `exec sh -c 'while IFS= read -r line; do eval "$line"; done'`

const maxReply = 4 << 20 // bytes

// quote makes one word of a text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// framed is a command as a line for the loop; a line with the mark and the exit
// status follows its output.
func framed(command, mark string) string {
	return "{ " + command + "; } </dev/null 2>&1; printf '\\n%s %s\\n' " + mark + " $?\n"
}

// reply reads the output of one framed command.
func reply(r *bufio.Reader, mark string) (output string, status int, err error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return strings.TrimSpace(b.String()), 0, errors.Join(errEnded, err)
		}
		if rest, ok := strings.CutPrefix(line, mark+" "); ok {
			status, err := strconv.Atoi(strings.TrimSpace(rest))
			if err != nil {
				return "", 0, fmt.Errorf("read an exit status: %w", err)
			}
			whole := strings.TrimSuffix(b.String(), line)
			return strings.TrimSuffix(whole, "\n"), status, nil
		}
		if b.Len() > maxReply {
			return "", 0, io.ErrShortBuffer
		}
	}
}

var errEnded = errors.New("the shell at the host ended")

// enter makes the directory of the leases the shell's own, and opens the file of its lock.
func enter(dir string) string {
	d := quote(dir)
	return "umask 077; command -v flock >/dev/null || { echo 'there is no program flock'; false; } && mkdir -p " + d + " && cd " + d + " && [ -w . ] && exec 9>>lock"
}

// show prints the lease.
const show = `l=; [ ! -e lease ] || IFS= read -r l <lease; printf '%s' "$l"`

// swap replaces the lease if it is old, and prints what is there then. Empty
// stands for none. With a new lease comes the environment, if it is not nil.
func swap(old, fresh string, environment *string) string {
	put := "rm -f environment environment.new lease.new && rm -f lease"
	if fresh != "" {
		put = "printf '%s\\n' " + quote(fresh) + " >lease.new && { sync lease.new 2>/dev/null || sync; } && mv lease.new lease"
	}
	if environment != nil {
		put = "printf '%b' " + quote(escape(*environment)) + " >environment.new && mv environment.new environment && " + put
	}
	return "flock -w 10 9 && { l=; [ ! -e lease ] || IFS= read -r l <lease; " +
		"if [ \"$l\" = " + quote(old) + " ]; then " + put + " && l=" + quote(fresh) + "; fi && printf '%s' \"$l\"; s=$?; flock -u 9; [ $s = 0 ]; }"
}

// escape writes a text on one line, as printf %b reads it.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s)
}

// cleaning is a command that no other cleaning runs beside.
func cleaning(dir, command string) string {
	return "cd " + quote(dir) + " && exec flock clean sh -c " + quote(command)
}
