package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/dns/v2/recordsets"
	zonesv2 "github.com/gophercloud/gophercloud/v2/openstack/dns/v2/zones"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/webapi"
	"github.com/wright-build/wright/plugins/dns/zones"
)

// backend is Designate, seen by one project.
type backend struct {
	session *session
	only    []string // zones that may be changed; none means all
	servers []authority.Server

	mu  sync.Mutex // guards all below
	ids map[string]string
}

var _ zones.Backend = (*backend)(nil)

// pageSize is below what Designate gives at most, 1,000.
const pageSize = 500

// pages asks for all pages of a list. Each begins behind the last ID of the one
// before; the links in the answers, which may lead anywhere, are not followed.
func (b *backend) pages(ctx context.Context, path []string, query url.Values, page func() (out any, taken func() (n int, last string))) error {
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		out, taken := page()
		if _, err := b.session.do(ctx, webapi.Request{Method: http.MethodGet, Path: path, Query: query, Out: out, Want: []int{http.StatusOK}}); err != nil {
			return err
		}
		n, last := taken()
		if n < pageSize {
			return nil
		}
		query.Set("marker", last)
	}
}

// Zones implements zones.Backend.
func (b *backend) Zones(ctx context.Context) ([]string, error) {
	ids := map[string]string{}
	var names []string
	err := b.pages(ctx, []string{"v2", "zones"}, url.Values{}, func() (any, func() (int, string)) {
		var part struct {
			Zones *[]zonesv2.Zone `json:"zones"`
		}
		return &required{&part, func() bool { return part.Zones != nil }}, func() (int, string) {
			last := ""
			for _, z := range *part.Zones {
				name := rrset.Fold(z.Name)
				if last = z.ID; z.Action != "DELETE" && (len(b.only) == 0 || slices.Contains(b.only, name)) {
					ids[name] = z.ID
					names = append(names, name)
				}
			}
			return len(*part.Zones), last
		}
	})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = ids
	return names, nil
}

// path is that of a zone and what is below it.
func (b *backend) path(zone string, below ...string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{"v2", "zones", b.ids[zone]}, below...)
}

// sets asks for the record sets of a zone; of one name, where name is not empty.
func (b *backend) sets(ctx context.Context, zone, name string) ([]recordsets.RecordSet, error) {
	query := url.Values{}
	if name != "" {
		query.Set("name", name+".") // an asterisk in it stands for anything
	}
	var list []recordsets.RecordSet
	err := b.pages(ctx, b.path(zone, "recordsets"), query, func() (any, func() (int, string)) {
		var part struct {
			Sets *[]recordsets.RecordSet `json:"recordsets"`
		}
		return &required{&part, func() bool { return part.Sets != nil }}, func() (int, string) {
			last := ""
			for _, s := range *part.Sets {
				if last = s.ID; name == "" || rrset.Fold(s.Name) == name {
					list = append(list, s)
				}
			}
			return len(*part.Sets), last
		}
	})
	return list, err
}

// place gives the record sets of a domain and of its marker.
func (b *backend) place(ctx context.Context, at zones.Place) ([]recordsets.RecordSet, error) {
	list, err := b.sets(ctx, at.Zone, at.Domain)
	if err != nil {
		return nil, err
	}
	markers, err := b.sets(ctx, at.Zone, at.Marker)
	return append(list, markers...), err
}

// Look implements zones.Backend. What is being deleted counts as gone.
func (b *backend) Look(ctx context.Context, at zones.Place) (rrset.Found, error) {
	var found rrset.Found
	list, err := b.place(ctx, at)
	if err != nil {
		return found, err
	}
	for _, j := range list {
		s := set(j)
		switch {
		case j.Action == "DELETE":
		case rrset.Fold(j.Name) == at.Domain:
			found.Sets = append(found.Sets, s)
		case s.Type == "TXT":
			found.Marker = s.Values
		}
	}
	return found, nil
}

func set(j recordsets.RecordSet) rrset.Set {
	return rrset.FromContent(j.Type, uint32(min(max(0, j.TTL), 1<<31-1)), j.Records)
}

// Apply implements zones.Backend, one record set after the other. Who makes one
// that is there already is told so, and looks again.
func (b *backend) Apply(ctx context.Context, at zones.Place, _ rrset.Found, plan rrset.Plan) error {
	list, err := b.place(ctx, at)
	if err != nil {
		return err
	}
	removed := false
	for _, c := range plan.InTurn() {
		i := slices.IndexFunc(list, func(j recordsets.RecordSet) bool {
			return rrset.Fold(j.Name) == c.Name && j.Type == c.Set.Type && j.Action != "DELETE"
		})
		id := ""
		if i >= 0 {
			id = list[i].ID
		}
		if removed && id == "" && len(c.Set.Values) > 0 {
			// Before it is gone nothing can be made in its place.
			if err := b.settled(ctx, at); err != nil {
				return err
			}
		}
		removed = removed || len(c.Set.Values) == 0
		made, err := b.change(ctx, at.Zone, id, c)
		if err != nil {
			return err
		}
		if made.ID != "" && i < 0 {
			list = append(list, made)
		}
	}
	return b.settled(ctx, at)
}

// change makes, replaces or deletes one record set; id is empty where there is none.
func (b *backend) change(ctx context.Context, zone, id string, c rrset.Change) (recordsets.RecordSet, error) {
	var made recordsets.RecordSet
	content, ttl := c.Set.Content(), int(c.Set.TTL)
	switch {
	case len(content) == 0 && id == "":
		return made, nil
	case len(content) == 0:
		return made, b.remove(ctx, zone, id)
	case id == "":
		body, err := recordsets.CreateOpts{Name: c.Name + ".", Type: c.Set.Type, TTL: ttl, Records: content}.ToRecordSetCreateMap()
		if err != nil {
			return made, err
		}
		_, err = b.session.do(ctx, webapi.Request{
			Method: http.MethodPost, Path: b.path(zone, "recordsets"), In: body, Out: &made, Want: []int{http.StatusCreated, http.StatusAccepted},
		})
		return made, moved(err)
	}
	body, err := recordsets.UpdateOpts{TTL: &ttl, Records: content}.ToRecordSetUpdateMap()
	if err != nil {
		return made, err
	}
	_, err = b.session.do(ctx, webapi.Request{
		Method: http.MethodPut, Path: b.path(zone, "recordsets", id), In: body, Out: &made, Want: []int{http.StatusOK, http.StatusAccepted},
	})
	return made, moved(err)
}

// moved makes ErrChanged of the errors that mean that somebody was faster: it is
// there already, or there no more.
func moved(err error) error {
	if code := plugins.CodeOf(err); code == plugins.Exists || code == plugins.NotFound {
		return fmt.Errorf("%w (%w)", zones.ErrChanged, err)
	}
	return err
}

// remove has a record set deleted; settled waits until it is.
func (b *backend) remove(ctx context.Context, zone, id string) error {
	_, err := b.session.do(ctx, webapi.Request{
		Method: http.MethodDelete, Path: b.path(zone, "recordsets", id), Want: []int{http.StatusAccepted, http.StatusNoContent},
	})
	if plugins.CodeOf(err) == plugins.NotFound {
		return nil
	}
	return err
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

func failed(j recordsets.RecordSet) error {
	return plugins.Errorf(plugins.Transient, "Designate could not bring %s %s to its name servers (action %s): the record set is in the state ERROR", j.Type, j.Name, j.Action)
}

// settled waits until Designate says that its name servers have everything.
func (b *backend) settled(ctx context.Context, at zones.Place) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		list, err := b.place(ctx, at)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(list, func(j recordsets.RecordSet) bool { return j.Status == "ERROR" }); i >= 0 {
			return failed(list[i])
		}
		if !slices.ContainsFunc(list, func(j recordsets.RecordSet) bool { return j.Status == "PENDING" }) {
			return nil
		}
		wait(ctx, pause)
	}
}

// Each implements zones.Backend.
func (b *backend) Each(ctx context.Context, zone string, take func(string, rrset.Set) error) error {
	list, err := b.sets(ctx, zone, "")
	if err != nil {
		return err
	}
	for _, j := range list {
		if j.Action == "DELETE" {
			continue
		}
		if err := take(rrset.Fold(j.Name), set(j)); err != nil {
			return err
		}
	}
	return nil
}

// Servers implements zones.Backend.
func (b *backend) Servers(ctx context.Context, zone string) ([]authority.Server, error) {
	if len(b.servers) > 0 {
		return b.servers, nil
	}
	var out struct {
		Nameservers *[]struct {
			Hostname string `json:"hostname"`
		} `json:"nameservers"`
	}
	_, err := b.session.do(ctx, webapi.Request{
		Method: http.MethodGet, Path: b.path(zone, "nameservers"), Want: []int{http.StatusOK},
		Out: &required{&out, func() bool { return out.Nameservers != nil }},
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range *out.Nameservers {
		names = append(names, rrset.Fold(n.Hostname))
	}
	return zones.Nameservers(names)
}

var errForeign = errors.New("the answer lacks what it is about")
