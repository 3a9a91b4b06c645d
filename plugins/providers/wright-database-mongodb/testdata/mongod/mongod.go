// Package mongod is a server that keeps to what MongoDB's manual says of the wire
// and of those commands that the provider and its tests use, and refuses whatever
// that does not allow. Documents are found by equality only. Each rule names where
// it is written:
//
//	[W] https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
//	[C] https://www.mongodb.com/docs/manual/reference/command/ and the name of the command
//	[R] https://www.mongodb.com/docs/manual/reference/built-in-roles/
//	[L] https://www.mongodb.com/docs/manual/reference/limits/
//	[E] https://www.mongodb.com/docs/manual/reference/error-codes/
//	[A] https://github.com/mongodb/specifications/blob/master/source/auth/auth.md
package mongod

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// Server is one, without replicas.
type Server struct {
	Address string

	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex // guards all below
	open    map[net.Conn]bool
	closed  bool
	users   map[string]*user // by "db.name"
	data    map[string]map[string][]bson.Raw
	cursors map[int64][]bson.Raw
	last    int64 // cursor
	cut     int   // each so many changes of the administrator's one is carried out and not answered; 0 means never
	changes int
}

// Start starts a server with an administrator, who has the roles that are named
// as the manual does, "role@database".
func Start(name, password string, roles ...string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Address: l.Addr().String(), listener: l, open: map[net.Conn]bool{},
		users: map[string]*user{}, data: map[string]map[string][]bson.Raw{}, cursors: map[int64][]bson.Raw{},
	}
	admin := &user{name: name, db: "admin"}
	if err := admin.setPassword(password); err != nil {
		return nil, err
	}
	for _, text := range roles {
		admin.roles = append(admin.roles, roleOf(text))
	}
	s.users["admin."+name] = admin
	s.serving.Go(s.accept)
	return s, nil
}

// Cut makes the server hang up on the administrator after each so many changes,
// without an answer.
func (s *Server) Cut(each int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = each
}

// Close ends the server.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		if s.closed {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.serving.Go(func() {
			_ = (&session{server: s, conn: c}).serve()
			_ = c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.open, c)
		})
	}
}

// session is a connection. Who logged in there is looked up for each command.
type session struct {
	server *Server
	conn   net.Conn
	who    string // "db.name"
	login  *login
}

var errCut = errors.New("no answer")

func (c *session) serve() error {
	for {
		id, opcode, body, err := c.read()
		if err != nil {
			return err
		}
		var db string
		var command bson.Raw
		switch opcode {
		case wiremessage.OpMsg:
			command, err = message(body)
		case wiremessage.OpQuery: // only a connection's first hello [W]
			command, err = query(body)
			db = "admin"
		default:
			err = fmt.Errorf("opcode %d", opcode)
		}
		if err != nil {
			return err
		}
		if db == "" {
			db, _ = command.Lookup("$db").StringValueOK()
		}
		answer, err := c.carryOut(db, command, opcode == wiremessage.OpQuery)
		if err != nil {
			return err
		}
		if err := c.write(id, opcode, answer); err != nil {
			return err
		}
	}
}

func (c *session) read() (id int32, opcode wiremessage.OpCode, body []byte, err error) {
	const headerSize, most = 16, 48000000 // [L]
	header := make([]byte, headerSize)
	if _, err = io.ReadFull(c.conn, header); err != nil {
		return
	}
	length, id, _, opcode, _, _ := wiremessage.ReadHeader(header)
	if length < headerSize || length > most {
		return id, opcode, nil, fmt.Errorf("a message of %d bytes", length)
	}
	body = make([]byte, length-headerSize)
	_, err = io.ReadFull(c.conn, body)
	return id, opcode, body, err
}

// message reads an OP_MSG into one document: a sequence of documents is a field
// that is an array [W].
func message(body []byte) (bson.Raw, error) {
	flags, rest, ok := wiremessage.ReadMsgFlags(body)
	if !ok || flags != 0 {
		return nil, fmt.Errorf("flags %v", flags)
	}
	var command bson.Raw
	var more bson.D
	for len(rest) > 0 {
		var kind wiremessage.SectionType
		if kind, rest, ok = wiremessage.ReadMsgSectionType(rest); !ok {
			return nil, io.ErrUnexpectedEOF
		}
		if kind == wiremessage.SingleDocument {
			var doc bsoncore.Document
			doc, rest, ok = wiremessage.ReadMsgSectionSingleDocument(rest)
			command = bson.Raw(doc)
		} else {
			var docs []bsoncore.Document
			var name string
			name, docs, rest, ok = wiremessage.ReadMsgSectionDocumentSequence(rest)
			list := bson.A{}
			for _, d := range docs {
				list = append(list, bson.Raw(d))
			}
			more = append(more, bson.E{Key: name, Value: list})
		}
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
	}
	if err := command.Validate(); err != nil || len(more) == 0 {
		return command, err
	}
	var all bson.D
	if err := bson.Unmarshal(command, &all); err != nil {
		return nil, err
	}
	return bson.Marshal(append(all, more...))
}

func query(body []byte) (bson.Raw, error) {
	_, rest, ok1 := wiremessage.ReadQueryFlags(body)
	_, rest, ok2 := wiremessage.ReadQueryFullCollectionName(rest)
	_, rest, ok3 := wiremessage.ReadQueryNumberToSkip(rest)
	_, rest, ok4 := wiremessage.ReadQueryNumberToReturn(rest)
	doc, _, ok5 := wiremessage.ReadQueryQuery(rest)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, io.ErrUnexpectedEOF
	}
	return bson.Raw(doc), bson.Raw(doc).Validate()
}

func (c *session) write(to int32, asked wiremessage.OpCode, answer bson.D) error {
	doc, err := bson.Marshal(answer)
	if err != nil {
		return err
	}
	opcode := wiremessage.OpMsg
	if asked == wiremessage.OpQuery {
		opcode = wiremessage.OpReply
	}
	index, b := wiremessage.AppendHeaderStart(nil, 1, to, opcode)
	if opcode == wiremessage.OpReply {
		b = wiremessage.AppendReplyFlags(b, 0)
		b = wiremessage.AppendReplyCursorID(b, 0)
		b = wiremessage.AppendReplyStartingFrom(b, 0)
		b = wiremessage.AppendReplyNumberReturned(b, 1)
	} else {
		b = wiremessage.AppendMsgFlags(b, 0)
		b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	}
	b = bsoncore.UpdateLength(append(b, doc...), index, int32(len(b)+len(doc)))
	_, err = c.conn.Write(b)
	return err
}
