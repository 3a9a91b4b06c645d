package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"testing"
	"time"
)

// As the suite's probe the test binary logs in at $URL instead.
func TestMain(m *testing.M) {
	if os.Getenv("WRIGHT_TEST_PROBE") == "" {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv("URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work logs in at a URL as a program does, and makes and deletes a queue.
func work(at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	password, _ := u.User.Password()
	return queue(u.Host, u.User.Username(), password, u.Path[1:])
}

// queue speaks as much AMQP 0-9-1 as it takes to make and delete a queue.
func queue(address, user, password, vhost string) error {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "AMQP\x00\x00\x09\x01"); err != nil {
		return err
	}
	if _, err := expect(conn, 10, 10); err != nil { // connection.start
		return err
	}
	steps := []struct {
		channel       uint16
		class, method uint16
		arguments     []byte
		answers       [2]uint16
		unanswered    bool
	}{
		{0, 10, 11, join(long(properties()), short("PLAIN"), long("\x00"+user+"\x00"+password), short("en_US")), [2]uint16{10, 30}, false}, // start-ok, tune
		{0, 10, 31, []byte{0, 10, 0, 2, 0, 0, 0, 0}, [2]uint16{}, true},                                                                    // tune-ok
		{0, 10, 40, join(short(vhost), short(""), []byte{0}), [2]uint16{10, 41}, false},                                                    // open
		{1, 20, 10, short(""), [2]uint16{20, 11}, false},                                                                                   // channel.open
		{1, 50, 10, join([]byte{0, 0}, short("of-the-test"), []byte{0}, long("")), [2]uint16{50, 11}, false},                               // queue.declare
		{1, 50, 40, join([]byte{0, 0}, short("of-the-test"), []byte{0}), [2]uint16{50, 41}, false},                                         // queue.delete
	}
	for _, s := range steps {
		if err := send(conn, s.channel, s.class, s.method, s.arguments); err != nil {
			return err
		}
		if s.unanswered {
			continue
		}
		if _, err := expect(conn, s.answers[0], s.answers[1]); err != nil {
			return fmt.Errorf("%d.%d: %w", s.class, s.method, err)
		}
	}
	return nil
}

// properties has the server say at once that a login failed, not after 3 s.
func properties() string {
	capabilities := join(short("authentication_failure_close"), []byte("t\x01"))
	return string(join(short("capabilities"), []byte("F"), long(string(capabilities))))
}

func short(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func long(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func send(w io.Writer, channel, class, method uint16, arguments []byte) error {
	f := binary.BigEndian.AppendUint16([]byte{1}, channel)
	f = binary.BigEndian.AppendUint32(f, uint32(4+len(arguments)))
	f = binary.BigEndian.AppendUint16(f, class)
	f = binary.BigEndian.AppendUint16(f, method)
	_, err := w.Write(append(append(f, arguments...), 0xCE))
	return err
}

func expect(r io.Reader, class, method uint16) ([]byte, error) {
	head := make([]byte, 7)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if c, m := binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:]); c != class || m != method {
		return nil, fmt.Errorf("the server says %d.%d: %.200q", c, m, body[4:])
	}
	return body[4:], nil
}
