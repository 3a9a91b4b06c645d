package mongod

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// failure is an error that the manual has a code for.
type failure struct {
	code int32
	name string
	text string
}

func (f *failure) Error() string { return f.text }

// [E]
func badValue(format string, a ...any) *failure {
	return &failure{2, "BadValue", fmt.Sprintf(format, a...)}
}
func userNotFound(name, db string) *failure {
	return &failure{11, "UserNotFound", fmt.Sprintf("Could not find user %q for db %q", name, db)}
}
func unauthorized(command string) *failure {
	return &failure{13, "Unauthorized", "not authorized to execute command " + command}
}

// request is a command with its arguments.
type request struct {
	name    string
	db      string
	args    bson.Raw
	session *session
}

// command is what carries one out, with the server locked.
type command struct {
	may     func(s *Server, r request) bool // nil: anybody who logged in
	anybody bool                            // also who did not log in
	changes bool
	fields  string // arguments that are known; "*" leaves that to the command
	do      func(s *Server, r request) (bson.D, error)
}

// commands are those of the server. Arguments that any command may have are those
// of sessions and concerns [C].
func commands() map[string]command {
	hello := command{anybody: true, fields: "*", do: (*Server).hello}
	fine := command{anybody: true, fields: "*", do: func(*Server, request) (bson.D, error) { return bson.D{}, nil }}
	return map[string]command{
		"hello": hello, "isMaster": hello, "ismaster": hello, "ping": fine, "endSessions": fine,
		"saslStart":     {anybody: true, fields: "mechanism payload options autoAuthorize", do: (*Server).saslStart},
		"saslContinue":  {anybody: true, fields: "payload conversationId", do: (*Server).saslContinue},
		"createUser":    {may: may("userAdmin"), changes: true, fields: "pwd customData roles digestPassword authenticationRestrictions mechanisms", do: (*Server).createUser},
		"updateUser":    {may: may("userAdmin"), changes: true, fields: "pwd customData roles digestPassword authenticationRestrictions mechanisms", do: (*Server).updateUser},
		"dropUser":      {may: may("userAdmin"), changes: true, do: (*Server).dropUser},
		"usersInfo":     {may: mayView, fields: "showCredentials showCustomData showPrivileges showAuthenticationRestrictions filter", do: (*Server).usersInfo},
		"dropDatabase":  {may: may("dbAdmin"), changes: true, do: (*Server).dropDatabase},
		"listDatabases": {may: may("dbAdminAnyDatabase"), fields: "filter nameOnly authorizedDatabases", do: (*Server).listDatabases},
		"insert":        {may: may("readWrite"), changes: true, fields: "documents ordered bypassDocumentValidation", do: (*Server).insert},
		"update":        {may: may("readWrite"), changes: true, fields: "updates ordered bypassDocumentValidation", do: (*Server).update},
		"delete":        {may: may("readWrite"), changes: true, fields: "deletes ordered", do: (*Server).delete},
		"find":          {may: may("readWrite"), fields: "filter limit singleBatch batchSize projection", do: (*Server).find},
		"getMore":       {may: may("readWrite"), fields: "collection batchSize", do: (*Server).getMore},
	}
}

const always = "lsid txnNumber writeConcern readConcern maxTimeMS comment $db $clusterTime $readPreference"

func (c *session) carryOut(db string, args bson.Raw, first bool) (bson.D, error) {
	elements, err := args.Elements()
	if err != nil || len(elements) == 0 {
		return nil, fmt.Errorf("no command: %w", err)
	}
	r := request{name: elements[0].Key(), db: db, args: args, session: c}
	known, there := commands()[r.name]
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, err := bson.D(nil), error(nil)
	switch {
	case first && known.fields != "*":
		return nil, fmt.Errorf("%s in an OP_QUERY", r.name)
	case !there:
		err = &failure{59, "CommandNotFound", fmt.Sprintf("no such command: '%s'", r.name)}
	case !validDatabase(db):
		err = &failure{73, "InvalidNamespace", fmt.Sprintf("Invalid database name: '%s'", db)}
	case !known.anybody && s.users[c.who] == nil:
		err = unauthorized(r.name)
	case known.may != nil && !known.may(s, r):
		err = unauthorized(r.name)
	default:
		if err = knownFields(elements[1:], known.fields); err == nil {
			answer, err = known.do(s, r)
		}
	}
	if known.changes && err == nil && s.users[c.who].db == "admin" {
		if s.changes++; s.cut > 0 && s.changes%s.cut == 0 {
			return nil, errCut
		}
	}
	if f, ok := err.(*failure); ok {
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: f.text}, {Key: "code", Value: f.code}, {Key: "codeName", Value: f.name}}, nil
	}
	return append(answer, bson.E{Key: "ok", Value: 1.0}), err
}

func knownFields(elements []bson.RawElement, fields string) error {
	for _, e := range elements {
		if fields != "*" && !slices.Contains(strings.Fields(fields+" "+always), e.Key()) {
			return &failure{40415, "Location40415", fmt.Sprintf("BSON field '%s' is an unknown field.", e.Key())}
		}
	}
	return nil
}

// validDatabase knows the names of databases [L].
func validDatabase(db string) bool {
	return db != "" && len(db) < 64 && !strings.ContainsAny(db, "/\\. \"$*<>:|?\x00")
}

// hello says what the server is [C].
func (s *Server) hello(r request) (bson.D, error) {
	answer := bson.D{
		{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true}, {Key: "readOnly", Value: false},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(48000000)}, {Key: "maxWriteBatchSize", Value: int32(100000)},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)}, {Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(17)},
	}
	if who, ok := r.args.Lookup("saslSupportedMechs").StringValueOK(); ok && s.users[who] != nil {
		answer = append(answer, bson.E{Key: "saslSupportedMechs", Value: bson.A{mechanism}})
	}
	return answer, nil
}

// listDatabases gives those that hold something. Users are in admin.
func (s *Server) listDatabases(r request) (bson.D, error) {
	except := ""
	if filter, ok := r.args.Lookup("filter").DocumentOK(); ok {
		if except, ok = filter.Lookup("name", "$ne").StringValueOK(); !ok {
			return nil, badValue("this server knows no such filter")
		}
	}
	list := bson.A{}
	names := []string{"admin"}
	for name := range s.data {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != except {
			list = append(list, bson.D{{Key: "name", Value: name}, {Key: "sizeOnDisk", Value: int64(4096)}, {Key: "empty", Value: false}})
		}
	}
	return bson.D{{Key: "databases", Value: list}}, nil
}

func (s *Server) dropDatabase(r request) (bson.D, error) {
	if r.db == "admin" {
		return nil, &failure{20, "IllegalOperation", "Dropping the 'admin' database is prohibited."}
	}
	delete(s.data, r.db)
	return bson.D{{Key: "dropped", Value: r.db}}, nil
}
