package database

import (
	"errors"
	"reflect"
	"testing"

	"github.com/wright-build/wright/plugins"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		spec  Spec
		field string // empty: valid
	}{
		{Spec{Token: "t", Name: "n"}, ""},
		{Spec{Name: "n"}, "token"},
		{Spec{Token: "t"}, "name"},
		{Spec{Token: "t", Name: "a\nb"}, "name"},
		{Spec{Token: "t", Name: "n", Instance: "\x00"}, "instance"},
		{Spec{Token: "t", Name: "n", Tags: map[string]string{"a": "\xff"}}, "tags.a"},
	}
	for _, tt := range tests {
		e, failed := errors.AsType[*plugins.Error](tt.spec.Validate())
		if failed != (tt.field != "") || failed && (e.Field != tt.field || e.Code != plugins.Invalid) {
			t.Errorf("%+v: %v, want an error at %q", tt.spec, tt.spec.Validate(), tt.field)
		}
	}
}

func TestDatabasesCrossTheWire(t *testing.T) {
	d := Database{
		Token: "t", Name: "n", URL: "sqlite:///x", Variables: map[string]string{"PATH": "/x"},
		Persistent: true, Tags: map[string]string{"a": "b"},
	}
	if got, err := fromProto(toProto(d), "t"); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v came back as %+v", d, got)
	}
}
