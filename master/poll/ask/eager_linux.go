package ask

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// eager is a connection on which what came is acknowledged at once. Git's
// daemon and sshd write their answers in small pieces, and hold each back until
// the one before is acknowledged, for which Linux takes 40 ms.
type eager struct {
	*net.TCPConn
	raw syscall.RawConn
}

func hasten(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return eager{tcp, raw}
}

// Read is io.Reader's. The kernel forgets the wish, so it is told each time.
func (e eager) Read(p []byte) (int, error) {
	_ = e.raw.Control(quickAck) // without it the answer is the same, and later
	return e.TCPConn.Read(p)
}

func quickAck(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }
