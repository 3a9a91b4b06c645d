package ask

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/wright-build/wright/master/poll/ask/trees"
)

// order is which objects a remote is to send.
type order struct {
	wants  []string // the newest first
	filter string   // where the remote knows filters
	has    string   // where it knows none: it need not send what this commit has; "": all that belongs to the wanted ones
}

// history is how many commits are asked for where only heads may be: an older
// one that is wanted is among them, unless more was pushed at once.
const history = 50

func (o order) request(found *advert, version2 bool) []byte {
	if version2 {
		return o.request2(found)
	}
	return o.request0(found)
}

// request2 is the request of protocol 2.
func (o order) request2(found *advert) []byte {
	b := packet(nil, "command=fetch\n")
	if found.format != "" {
		b = packet(b, "object-format=%s\n", found.format)
	}
	b = append(b, "0001"...)
	b = packet(b, "no-progress\n")
	b = packet(b, "ofs-delta\n")
	for _, id := range o.wants {
		b = packet(b, "want %s\n", id)
	}
	if found.filter || o.has == "" {
		b = packet(b, "deepen 1\n")
	} else {
		b = packet(b, "have %s\n", o.has)
	}
	if found.filter {
		b = packet(b, "filter %s\n", o.filter)
	}
	b = packet(b, "done\n")
	return append(b, "0000"...)
}

// request0 is the request of protocols 0 and 1, which an sshd speaks unless it
// was told to accept a variable.
func (o order) request0(found *advert) []byte {
	able := "side-band-64k ofs-delta no-progress"
	if found.filter {
		able += " filter"
	}
	if found.format != "" {
		able += " object-format=" + found.format
	}
	b := packet(nil, "want %s %s\n", o.wants[0], able)
	switch {
	case len(o.wants) > 1:
		b = packet(b, "deepen %d\n", history)
	case found.filter || o.has == "":
		b = packet(b, "deepen 1\n")
	}
	if found.filter {
		b = packet(b, "filter %s\n", o.filter)
	}
	b = append(b, "0000"...)
	if !found.filter && o.has != "" {
		b = packet(b, "have %s\n", o.has)
	}
	return packet(b, "done\n")
}

// read reads what any protocol answers.
func (o order) read(p *packets) (trees.Objects, error) {
	for {
		line, flush, err := p.next()
		if err != nil {
			return nil, broken(err)
		}
		if !flush && (string(line) == "packfile" || string(line) == "NAK" || bytes.HasPrefix(line, []byte("ACK "))) {
			break
		}
	}
	var pack []byte
	for {
		line, flush, err := p.raw()
		switch {
		case err != nil:
			return nil, broken(err)
		case flush:
			return trees.Read(pack, len(o.wants[0]))
		case len(line) == 0:
			return nil, errNotGit
		case line[0] == 1:
			pack = append(pack, line[1:]...)
		case line[0] == 3:
			return nil, fmt.Errorf("the remote says: %s", strings.TrimSpace(string(line[1:])))
		}
	}
}
