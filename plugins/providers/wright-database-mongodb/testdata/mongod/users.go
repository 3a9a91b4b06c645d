package mongod

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
)

const mechanism = "SCRAM-SHA-256"

type user struct {
	name, db string
	stored   scram.StoredCredentials
	roles    []role
	data     bson.Raw // customData; nil: none
}

type role struct {
	Role string `bson:"role"`
	DB   string `bson:"db"`
}

func roleOf(text string) role {
	name, db, _ := strings.Cut(text, "@")
	return role{name, db}
}

// setPassword keeps what a login is checked against, not the password [A].
func (u *user) setPassword(password string) error {
	c, err := scram.SHA256.NewClient(u.name, password, "")
	if err != nil {
		return badValue("the password: %v", err)
	}
	u.stored, err = c.GetStoredCredentialsWithError(scram.KeyFactors{Salt: rand.Text()[:24], Iters: 15000}) // 15000 is the default
	return err
}

// can says whether a user has a role in a database, or one that includes it [R].
func (u *user) can(what, db string) bool {
	return slices.ContainsFunc(u.roles, func(r role) bool {
		if r.Role == what {
			return r.DB == db || strings.HasSuffix(what, "AnyDatabase") && r.DB == "admin"
		}
		return r.Role == what+"AnyDatabase" && r.DB == "admin" && db != "local" && db != "config"
	})
}

func may(what string) func(*Server, request) bool {
	return func(s *Server, r request) bool { return s.users[r.session.who].can(what, r.db) }
}

// mayView: everybody sees himself [C].
func mayView(s *Server, r request) bool {
	u := s.users[r.session.who]
	if which, ok := r.args.Lookup("usersInfo").DocumentOK(); ok {
		if all, _ := which.Lookup("forAllDBs").BooleanOK(); all {
			return u.can("userAdminAnyDatabase", "admin")
		}
		name, _ := which.Lookup("user").StringValueOK()
		db, _ := which.Lookup("db").StringValueOK()
		return u.can("userAdmin", db) || u.name == name && u.db == db
	}
	return u.can("userAdmin", r.db)
}

func (s *Server) createUser(r request) (bson.D, error) {
	name, _ := r.args.Lookup(r.name).StringValueOK()
	if name == "" {
		return nil, badValue("User document needs 'user' field to be non-empty")
	}
	if _, there := s.users[r.db+"."+name]; there {
		return nil, &failure{51003, "Location51003", fmt.Sprintf("User %q already exists", name+"@"+r.db)}
	}
	for _, field := range []string{"pwd", "roles"} {
		if r.args.Lookup(field).IsZero() {
			return nil, &failure{40414, "Location40414", fmt.Sprintf("BSON field 'createUser.%s' is missing but a required field", field)}
		}
	}
	u := &user{name: name, db: r.db}
	if err := s.set(u, r.args); err != nil {
		return nil, err
	}
	s.users[r.db+"."+name] = u
	return bson.D{}, nil
}

// updateUser replaces each field that is given as a whole [C].
func (s *Server) updateUser(r request) (bson.D, error) {
	name, _ := r.args.Lookup(r.name).StringValueOK()
	u, there := s.users[r.db+"."+name]
	if r.args.Lookup("pwd").IsZero() && r.args.Lookup("roles").IsZero() && r.args.Lookup("customData").IsZero() {
		return nil, badValue("Must specify at least one field to update in updateUser")
	}
	if !there {
		return nil, userNotFound(name, r.db)
	}
	changed := *u // all or nothing
	if err := s.set(&changed, r.args); err != nil {
		return nil, err
	}
	*u = changed
	return bson.D{}, nil
}

func (s *Server) set(u *user, args bson.Raw) error {
	if v := args.Lookup("pwd"); !v.IsZero() {
		password, ok := v.StringValueOK()
		if !ok || password == "" {
			return badValue("Password cannot be empty")
		}
		if err := u.setPassword(password); err != nil {
			return err
		}
	}
	if v := args.Lookup("roles"); !v.IsZero() {
		u.roles = nil
		if err := v.Unmarshal(&u.roles); err != nil {
			return badValue("roles: %v", err)
		}
		for _, r := range u.roles {
			if !slices.Contains([]string{"read", "readWrite", "dbAdmin", "userAdmin", "dbOwner"}, r.Role) || !validDatabase(r.DB) {
				return &failure{31, "RoleNotFound", fmt.Sprintf("Could not find role: %s@%s", r.Role, r.DB)}
			}
		}
	}
	if v := args.Lookup("customData"); !v.IsZero() {
		data, ok := v.DocumentOK()
		if !ok {
			return &failure{14, "TypeMismatch", "customData must be an object"}
		}
		u.data = slices.Clone(data)
	}
	return nil
}

func (s *Server) dropUser(r request) (bson.D, error) {
	name, _ := r.args.Lookup(r.name).StringValueOK()
	if _, there := s.users[r.db+"."+name]; !there {
		return nil, userNotFound(name, r.db)
	}
	delete(s.users, r.db+"."+name)
	return bson.D{}, nil
}

// usersInfo knows one user, or all of all databases.
func (s *Server) usersInfo(r request) (bson.D, error) {
	which, ok := r.args.Lookup(r.name).DocumentOK()
	if !ok {
		return nil, badValue("this server wants a document")
	}
	all, _ := which.Lookup("forAllDBs").BooleanOK()
	name, _ := which.Lookup("user").StringValueOK()
	db, _ := which.Lookup("db").StringValueOK()
	withData, _ := r.args.Lookup("showCustomData").BooleanOK()
	list := bson.A{}
	for id, u := range s.users {
		if !all && (u.name != name || u.db != db) {
			continue
		}
		d := bson.D{{Key: "_id", Value: id}, {Key: "user", Value: u.name}, {Key: "db", Value: u.db}, {Key: "roles", Value: u.roles}, {Key: "mechanisms", Value: bson.A{mechanism}}}
		if u.data != nil && withData {
			d = append(d, bson.E{Key: "customData", Value: u.data})
		}
		list = append(list, d)
	}
	return bson.D{{Key: "users", Value: list}}, nil
}

// login is one that is going on.
type login struct {
	who  string
	talk *scram.ServerConversation
}

func authenticationFailed() *failure {
	return &failure{18, "AuthenticationFailed", "Authentication failed."}
}

func (s *Server) saslStart(r request) (bson.D, error) {
	if m, _ := r.args.Lookup("mechanism").StringValueOK(); m != mechanism { // who asks for another has no user here, see hello
		return nil, authenticationFailed()
	}
	l := &login{}
	server, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		u, there := s.users[r.db+"."+name]
		if !there {
			return scram.StoredCredentials{}, authenticationFailed()
		}
		l.who = r.db + "." + name
		return u.stored, nil
	})
	if err != nil {
		return nil, err
	}
	l.talk = server.NewConversation()
	r.session.login, r.session.who = l, ""
	return s.step(r)
}

func (s *Server) saslContinue(r request) (bson.D, error) {
	if r.session.login == nil {
		return nil, &failure{17, "ProtocolError", "No SASL session state found"}
	}
	return s.step(r)
}

func (s *Server) step(r request) (bson.D, error) {
	_, payload, ok := r.args.Lookup("payload").BinaryOK()
	if !ok {
		return nil, badValue("no payload")
	}
	l := r.session.login
	said, err := l.talk.Step(string(payload))
	if err != nil || l.talk.Done() && !l.talk.Valid() {
		r.session.login = nil
		return nil, authenticationFailed()
	}
	if l.talk.Valid() {
		r.session.who, r.session.login = l.who, nil
	}
	return bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: l.talk.Valid()}, {Key: "payload", Value: []byte(said)}}, nil
}
