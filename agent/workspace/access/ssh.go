package access

import (
	"net"
	"net/url"
	"strings"
)

// sshArgs makes the arguments that git or hg gives to ssh those that log in with
// the key for that remote. Where none fits they only forbid to ask.
func sshArgs(logins []Login, args []string) (with []string, fits bool, err error) {
	c := parseSSH(args)
	options := []string{"-o", "BatchMode=yes", "-o", "ConnectTimeout=30"}
	l, err := fitting(logins, c.remote())
	if err != nil {
		return nil, false, err
	}
	if l == nil || c.host == "" {
		return append(options, args...), false, nil
	}
	options = append(options, "-i", escaped(l.key),
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "PreferredAuthentications=publickey",
		"-o", "ControlPath=none", // a shared connection would be another login's
		"-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no")
	if l.hosts != "" {
		options = append(options, "-o", `UserKnownHostsFile="`+escaped(l.hosts)+`"`, "-o", "GlobalKnownHostsFile=/dev/null")
	}
	options = append(options, c.options...)
	return append(append(options, l.userFor(c.remote())+"@"+c.host), c.command...), true, nil
}

// escaped keeps ssh from reading what stands for something else into a path.
func escaped(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// sshCall is one call of ssh: [options] [user@]host [command…].
type sshCall struct {
	options []string
	user    string
	host    string // "" when there is none
	port    string
	command []string
}

// takesValue are the options of ssh with an argument.
const takesValue = "BbcDEeFIiJLlmOopQRSWw"

func parseSSH(args []string) sshCall {
	var c sshCall
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		n := 1
		if args[0] == "--" {
			args = args[1:]
			break
		}
		if option := args[0][1:]; strings.Contains(takesValue, option[:1]) {
			value := option[1:]
			if value == "" && len(args) > 1 {
				value, n = args[1], 2
			}
			switch option[0] {
			case 'p':
				c.port = value
			case 'l':
				c.user = value
			}
		}
		c.options = append(c.options, args[:n]...)
		args = args[n:]
	}
	if len(args) == 0 {
		return c
	}
	c.host, c.command = args[0], args[1:]
	if at := strings.LastIndexByte(c.host, '@'); at >= 0 {
		c.user, c.host = c.host[:at], c.host[at+1:]
	}
	return c
}

// remote is the URL of the repository that is to be reached.
func (c sshCall) remote() string {
	host := strings.Trim(c.host, "[]")
	switch {
	case c.port != "":
		host = net.JoinHostPort(host, c.port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	u := url.URL{Scheme: "ssh", Host: host, Path: repository(strings.Join(c.command, " "))}
	if c.user != "" {
		u.User = url.User(c.user)
	}
	return u.String()
}

// repository is the path, as of a URL, in the command that git or hg runs on the
// far side: "git-upload-pack 'PATH'", "git-lfs-authenticate PATH upload",
// "hg -R PATH serve --stdio". In URLs of hg, absolute paths begin with //.
func repository(command string) string {
	words := words(command)
	for i, w := range words {
		switch {
		case w == "-R" && i+1 < len(words):
			return "/" + words[i+1]
		case i > 0 && strings.HasPrefix(words[i-1], "git"), i > 1 && words[i-2] == "git":
			if w != "upload-pack" && w != "receive-pack" && w != "upload-archive" {
				return "/" + strings.TrimLeft(w, "/")
			}
		}
	}
	return "/"
}

// words splits a command as a shell does that knows ' and \ only.
func words(command string) []string {
	var all []string
	var word strings.Builder
	in, quote := false, false
	for i := 0; i < len(command); i++ {
		switch b := command[i]; {
		case b == '\'':
			in, quote = true, !quote
		case b == '\\' && !quote && i+1 < len(command):
			i++
			in = true
			word.WriteByte(command[i])
		case b == ' ' && !quote:
			if in {
				all = append(all, word.String())
			}
			in = false
			word.Reset()
		default:
			in = true
			word.WriteByte(b)
		}
	}
	if in {
		all = append(all, word.String())
	}
	return all
}
