package appserver

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Secrets are what "secret:NAME" stands for, by name. A nil value refuses every
// name.
type Secrets map[string]string

// secretPrefix begins a value that names a secret.
const secretPrefix = "secret:"

// NewSecrets takes in what the master sent. The error names those that it could
// not send, and what to do about them.
func NewSecrets(all []*agentv1.Secret) (Secrets, error) {
	known := Secrets{}
	var problems error
	for _, s := range all {
		if s.GetProblem() != "" {
			problems = errors.Join(problems, errors.New(s.GetProblem()))
			continue
		}
		known[s.GetName()] = s.GetValue()
	}
	return known, problems
}

// Text is the value that s stands for: s itself unless it names a secret.
func (k Secrets) Text(s string) (string, error) {
	name, named := strings.CutPrefix(s, secretPrefix)
	if !named {
		return s, nil
	}
	value, ok := k[name]
	if !ok {
		return "", fmt.Errorf("the master sent no secret %.80q", name)
	}
	return value, nil
}

// Tables puts secrets in the place of their names.
func (k Secrets) Tables(tables ...*structpb.Struct) error {
	for _, t := range tables {
		for _, v := range t.GetFields() {
			if err := k.value(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Databases does it in the tables and passwords of databases.
func (k Secrets) Databases(all []*agentv1.Database) error {
	for _, d := range all {
		password, err := k.Text(d.GetPassword())
		if err != nil {
			return err
		}
		d.Password = password
		if err := k.Tables(d.GetConfig()); err != nil {
			return err
		}
	}
	return nil
}

func (k Secrets) value(v *structpb.Value) error {
	if kind, ok := v.GetKind().(*structpb.Value_StringValue); ok {
		text, err := k.Text(kind.StringValue)
		kind.StringValue = text
		return err
	}
	for _, e := range v.GetListValue().GetValues() {
		if err := k.value(e); err != nil {
			return err
		}
	}
	return k.Tables(v.GetStructValue())
}

// reveal gives the operation with the secrets in the place of their names.
func reveal(op *agentv1.Operation) (*agentv1.Operation, error) {
	known, err := NewSecrets(op.GetSecrets())
	if err != nil {
		return nil, err
	}
	op = proto.CloneOf(op)
	return op, known.Tables(op.GetDns().GetConfig(), op.GetBalancer().GetConfig())
}
