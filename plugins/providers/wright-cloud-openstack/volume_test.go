package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

func TestServersBootFromVolumesThatEndWithThem(t *testing.T) {
	w := wish{
		id: identify("i", "t"), record: record{Token: "t", Name: "shop"}, options: options{KeyName: "ops", Volume: &volumeWant{Size: 40, Type: "ssd"}},
		choice: choice{flavor: flavors.Flavor{ID: "f"}, image: images.Image{ID: "img"}}, data: []byte("#!/bin/sh\n"),
	}
	opts, err := w.server([]ports.Port{{ID: "p1"}, {ID: "p2"}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := opts.ToServerCreateMap()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"delete_on_termination":true`, `"uuid":"img"`, `"source_type":"image"`, `"destination_type":"volume"`, `"volume_size":40`, `"volume_type":"ssd"`,
		`"boot_index":0`, `"imageRef":""`, `"key_name":"ops"`, `"networks":[{"port":"p1"},{"port":"p2"}]`, `"tags":["wright-i-`, `"user_data":"IyEvYmluL3NoCg=="`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

func TestOnlyVolumesOfTheServerEnd(t *testing.T) {
	var d disks
	if err := json.Unmarshal([]byte(`{"os-extended-volumes:volumes_attached": [{"id": "root", "delete_on_termination": true}, {"id": "data", "delete_on_termination": false}]}`), &d); err != nil {
		t.Fatal(err)
	}
	if got := d.ending(); len(got) != 1 || got[0] != "root" {
		t.Errorf("got %v", got)
	}
}

// A volume that nova forgot is deleted, and waited for.
func TestVolumeGone(t *testing.T) {
	var asked []string
	states := []string{"in-use", "available", "deleting"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusAccepted)
		case len(states) == 0:
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"itemNotFound": {"message": "Volume v could not be found."}}`)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"volume": {"id": "v", "status": %q}}`, states[0])
			states = states[1:]
		}
	}))
	defer server.Close()
	s := &session{volume: &gophercloud.ServiceClient{ProviderClient: &gophercloud.ProviderClient{}, Endpoint: server.URL + "/"}}
	if err := s.volumeGone(t.Context(), "v"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(asked, ", "); got != "GET /volumes/v, GET /volumes/v, DELETE /volumes/v, GET /volumes/v, GET /volumes/v" {
		t.Errorf("it asked %s", got)
	}
	server.Close()
	if err := s.volumeGone(t.Context(), "v"); err == nil {
		t.Error("a cloud that does not answer is taken for a volume that is gone")
	}
}
