package ask

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// advert is what a git server says of its refs, as it is read.
type advert struct {
	Answer
	wanted map[string]bool
	read   int    // refs, peeled ones not counted
	format string // of revisions; "" is sha1
	filter bool   // of objects
}

// many is with how many refs a server had better send only what is wanted.
const many = 1000

// maxFilter is how many refs are named when asking for nothing else.
const maxFilter = 100

func newAdvert(wanted map[string]bool) *advert {
	return &advert{Answer: Answer{Refs: make(map[string]string, len(wanted))}, wanted: wanted}
}

// readAdvert reads what a server of protocol 0 or 1 says first of all. With
// version2 it turned out to speak protocol 2, and waits to be asked.
func readAdvert(p *packets, wanted map[string]bool) (a *advert, version2 bool, err error) {
	a = newAdvert(wanted)
	line, flush, err := p.next()
	if err == nil && bytes.HasPrefix(line, []byte("# service=")) { // over http
		if line, flush, err = p.next(); err == nil && flush {
			line, flush, err = p.next()
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, false, errors.New("the remote says nothing")
	case err != nil:
		return nil, false, err
	case flush:
		return a, false, nil // no refs
	case string(line) == "version 2":
		return a, true, a.capabilities2(p)
	case string(line) == "version 1":
		if line, _, err = p.next(); err != nil {
			return nil, false, broken(err)
		}
	}
	return a, false, a.protocol0(p, line)
}

func (a *advert) protocol0(p *packets, first []byte) error {
	line, capabilities, ok := bytes.Cut(first, []byte{0})
	if !ok {
		return errNotGit
	}
	for word := range strings.FieldsSeq(string(capabilities)) {
		if head, ok := strings.CutPrefix(word, "symref=HEAD:"); ok {
			a.Head = head
		} else if format, ok := strings.CutPrefix(word, "object-format="); ok {
			a.format = format
		}
		a.filter = a.filter || word == "filter"
	}
	for {
		if err := a.line0(line); err != nil {
			return err
		}
		next, flush, err := p.next()
		if err != nil {
			return broken(err)
		}
		if flush {
			return nil
		}
		line = next
	}
}

// line0 takes in "REVISION REF"; a tag's line may be followed by one with
// "REF^{}", where it leads to.
func (a *advert) line0(line []byte) error {
	revision, name, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(name) == 0 {
		return errNotGit
	}
	if string(revision) == "shallow" || string(name) == "capabilities^{}" {
		return nil
	}
	peeled := bytes.HasSuffix(name, []byte("^{}"))
	if name = bytes.TrimSuffix(name, []byte("^{}")); !peeled {
		if err := a.count(); err != nil {
			return err
		}
	}
	return a.take(revision, name)
}

func (a *advert) count() error {
	if a.read++; a.read > maxRefs {
		return fmt.Errorf("the remote has more than %d refs", maxRefs)
	}
	return nil
}

// take keeps a revision if its ref is wanted.
func (a *advert) take(revision, name []byte) error {
	if !a.wanted[string(name)] {
		return nil
	}
	if !isRevision(string(revision)) {
		return fmt.Errorf("the remote's answer for %s is no revision", name)
	}
	a.Refs[string(name)] = string(revision)
	return nil
}

// capabilities2 reads what a server of protocol 2 can do.
func (a *advert) capabilities2(p *packets) error {
	for {
		line, flush, err := p.next()
		if err != nil {
			return broken(err)
		}
		if flush {
			return nil
		}
		if format, ok := strings.CutPrefix(string(line), "object-format="); ok {
			a.format = format
		} else if features, ok := strings.CutPrefix(string(line), "fetch="); ok {
			a.filter = slices.Contains(strings.Fields(features), "filter")
		}
	}
}

// lsRefs is the request of protocol 2 for some refs, and for HEAD, which tells
// where it leads.
func lsRefs(refs []string, format string) []byte {
	b := packet(nil, "command=ls-refs\n")
	if format != "" {
		b = packet(b, "object-format=%s\n", format)
	}
	b = append(b, "0001"...)
	b = packet(b, "peel\n")
	b = packet(b, "symrefs\n")
	b = packet(b, "ref-prefix HEAD\n")
	for _, ref := range refs {
		if ref != "HEAD" {
			b = packet(b, "ref-prefix %s\n", ref)
		}
	}
	return append(b, "0000"...)
}

// readRefs2 reads the answer to lsRefs.
func (a *advert) readRefs2(p *packets) error {
	for {
		line, flush, err := p.next()
		if err != nil {
			return broken(err)
		}
		if flush {
			return nil
		}
		if err := a.line2(line); err != nil {
			return err
		}
	}
}

// line2 takes in "REVISION REF" with "symref-target:REF" and "peeled:REVISION"
// behind it where that applies.
func (a *advert) line2(line []byte) error {
	fields := bytes.Split(line, []byte{' '})
	if len(fields) < 2 || len(fields[1]) == 0 {
		return errNotGit
	}
	if err := a.count(); err != nil {
		return err
	}
	revision, name := fields[0], fields[1]
	for _, more := range fields[2:] {
		if peeled, ok := bytes.CutPrefix(more, []byte("peeled:")); ok {
			revision = peeled
		} else if target, ok := bytes.CutPrefix(more, []byte("symref-target:")); ok && string(name) == "HEAD" {
			a.Head = string(target)
		}
	}
	if string(revision) == "unborn" {
		return nil
	}
	return a.take(revision, name)
}

// converse asks a server that is connected already, and says goodbye.
func (a *Asker) converse(rw io.ReadWriter, q question) (Answer, error) {
	p := newPackets(rw)
	found, version2, err := readAdvert(p, q.wanted)
	if err == nil && version2 {
		if _, err = rw.Write(lsRefs(q.Refs, found.format)); err == nil {
			err = found.readRefs2(p)
		}
	}
	if err != nil {
		return Answer{}, err
	}
	if found.read > many && len(q.Refs) <= maxFilter {
		a.styles.set(q.URL, style{filtered: true})
	}
	_, _ = rw.Write([]byte("0000")) // goodbye; what was said stands
	return found.Answer, nil
}
