package cloud

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
)

func TestValidate(t *testing.T) {
	long := strings.Repeat("x", plugins.MaxText+1)
	tests := []struct {
		spec  Spec
		field string // empty: valid
	}{
		{Spec{Token: "t"}, ""},
		{Spec{Token: "../t $(id)", Name: "Ü", Env: map[string]string{"A": "\n"}}, ""},
		{Spec{}, "token"},
		{Spec{Token: "a\nb"}, "token"},
		{Spec{Token: "t", Name: long}, "name"},
		{Spec{Token: "t", Flavor: "\x00"}, "flavor"},
		{Spec{Token: "t", Image: "\xff"}, "image"},
		{Spec{Token: "t", Tags: map[string]string{"": ""}}, "tags"},
		{Spec{Token: "t", Env: map[string]string{"a-b": ""}}, "env"},
	}
	for _, tt := range tests {
		e, failed := errors.AsType[*plugins.Error](tt.spec.Validate())
		if failed != (tt.field != "") || failed && (e.Field != tt.field || e.Code != plugins.Invalid) {
			t.Errorf("%+v: %v, want an error at %q", tt.spec, tt.spec.Validate(), tt.field)
		}
	}
}

// noConn fails every call: what is invalid must not even be sent.
type noConn struct{ grpc.ClientConnInterface }

func (noConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return errors.New("sent")
}

func (noConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("sent")
}

func TestInvalidIsNotSent(t *testing.T) {
	c := NewClient(noConn{})
	_, create := c.Create(t.Context(), Spec{})
	_, config := c.Create(t.Context(), Spec{Token: "t", Config: map[string]any{"f": func() {}}})
	_, get := c.Get(t.Context(), "")
	_, list := c.List(t.Context(), map[string]string{"": ""})
	for name, err := range map[string]error{"create": create, "config": config, "get": get, "list": list, "delete": c.Delete(t.Context(), "\n")} {
		if plugins.CodeOf(err) != plugins.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Delete(t.Context(), "t"); err == nil || !strings.Contains(err.Error(), "sent") {
		t.Errorf("what is valid: %v", err)
	}
}

func TestServersCrossTheWire(t *testing.T) {
	s := Server{
		Token: "t", Name: "n", Address: "127.64.0.1", Port: 8080, State: Running,
		Tags: map[string]string{"a": "b"}, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Variables: map[string]string{"WRIGHT_APPSERVER_DIR": "/x"},
	}
	got, err := fromProto(toProto(s), "t")
	if err != nil || got.Token != s.Token || got.Name != s.Name || got.Address != s.Address || got.Port != s.Port || got.State != s.State ||
		!got.CreatedAt.Equal(s.CreatedAt) || got.Tags["a"] != "b" || got.Variables["WRIGHT_APPSERVER_DIR"] != "/x" {
		t.Errorf("%+v came back as %+v", s, got)
	}
}
