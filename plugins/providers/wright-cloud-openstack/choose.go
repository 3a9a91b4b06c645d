package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/external"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/wright-build/wright/plugins"
)

// network is one of neutron's.
type network struct {
	networks.Network
	external.NetworkExternalExt
}

// choice is what a server is made of.
type choice struct {
	flavor   flavors.Flavor
	image    images.Image
	networks []network // the first is the one that the server is reached in
	external string    // ID of the network of floating IPs; empty means none
}

// choose finds what the manifest names.
func (s *session) choose(ctx context.Context, o options) (choice, error) {
	var c choice
	pages, err := flavors.ListDetail(s.compute, nil).AllPages(ctx)
	if err != nil {
		return c, wrong(ctx, "list the flavors", err)
	}
	all, err := flavors.ExtractFlavors(pages)
	if err != nil {
		return c, wrong(ctx, "list the flavors", err)
	}
	if c.flavor, err = pickFlavor(all, o.flavor, o.Flavor); err != nil {
		return c, wrong(ctx, "choose a flavor", err)
	}
	if c.image, err = s.chooseImage(ctx, o); err != nil {
		return c, err
	}
	nets, err := s.networks(ctx)
	if err != nil {
		return c, wrong(ctx, "list the networks", err)
	}
	if c.networks, err = pickNetworks(nets, o.Networks); err != nil {
		return c, wrong(ctx, "choose the networks", err)
	}
	if o.FloatingIP != "" {
		found, err := pickNetworks(nets, []string{o.FloatingIP})
		if err != nil || !found[0].External {
			return c, wrong(ctx, "choose the network of the floating IP", plugins.Invalidf("config.floating-ip", "there is no external network %q", o.FloatingIP))
		}
		c.external = found[0].ID
	}
	return c, nil
}

// pickFlavor finds a flavor by name or ID, or the smallest that has enough.
func pickFlavor(all []flavors.Flavor, name string, want *flavorWant) (flavors.Flavor, error) {
	slices.SortFunc(all, func(a, b flavors.Flavor) int {
		return cmp.Or(cmp.Compare(a.RAM, b.RAM), cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.Disk, b.Disk), cmp.Compare(a.Name, b.Name))
	})
	names := make([]string, 0, len(all))
	for _, f := range all {
		if want == nil && (f.Name == name || f.ID == name) {
			return f, nil
		}
		if want != nil && f.RAM >= want.RAM && f.Disk >= want.Disk && f.VCPUs >= want.VCPUs {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if want == nil {
		return flavors.Flavor{}, plugins.Invalidf("flavor", "there is no flavor %q; there are %s", name, listed(names))
	}
	return flavors.Flavor{}, plugins.Invalidf("config.flavor", "no flavor has %d MiB of memory, %d GiB of disk and %d processors; there are %s", want.RAM, want.Disk, want.VCPUs, listed(names))
}

// listed is for people: long lists are cut.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > 20 {
		return strings.Join(names[:20], ", ") + fmt.Sprintf(" and %d more", len(names)-20)
	}
	return strings.Join(names, ", ")
}

func (s *session) chooseImage(ctx context.Context, o options) (images.Image, error) {
	if o.image != "" {
		if looksLikeID(o.image) {
			if found, err := images.Get(ctx, s.image, o.image).Extract(); err == nil {
				return *found, nil
			} else if statusOf(err) != http.StatusNotFound { // glance says it in HTML
				return images.Image{}, wrong(ctx, "look for image "+o.image, err)
			}
		}
		o.Image = map[string]string{"name": o.image}
	}
	query := url.Values{"status": {"active"}}
	for k, v := range o.Image {
		query.Set(k, v)
	}
	pages, err := images.List(s.image, imageQuery("?"+query.Encode())).AllPages(ctx)
	if err != nil {
		return images.Image{}, wrong(ctx, "list the images", err)
	}
	all, err := images.ExtractImages(pages)
	if err != nil {
		return images.Image{}, wrong(ctx, "list the images", err)
	}
	found, err := pickImage(all, o.Image)
	return found, wrong(ctx, "choose an image", err)
}

// imageQuery selects images by any of their properties.
type imageQuery string

// ToImageListQuery implements images.ListOptsBuilder.
func (q imageQuery) ToImageListQuery() (string, error) { return string(q), nil }

// pickImage takes the newest that can be booted.
func pickImage(all []images.Image, want map[string]string) (images.Image, error) {
	all = slices.DeleteFunc(all, func(i images.Image) bool { return i.Status != images.ImageStatusActive })
	if len(all) == 0 {
		var words []string
		for _, k := range slices.Sorted(maps.Keys(want)) {
			words = append(words, fmt.Sprintf("%s = %q", k, want[k]))
		}
		return images.Image{}, plugins.Invalidf("image", "there is no active image with %s", strings.Join(words, ", "))
	}
	return slices.MaxFunc(all, func(a, b images.Image) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	}), nil
}

func looksLikeID(s string) bool { return len(s) == 36 && strings.Count(s, "-") == 4 }

func (s *session) networks(ctx context.Context) ([]network, error) {
	pages, err := networks.List(s.network, networks.ListOpts{}).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	var all []network
	return all, networks.ExtractNetworksInto(pages, &all)
}

// pickNetworks finds networks by name or ID. Without any it takes the only one
// that is not external, or the only one there is.
func pickNetworks(all []network, wanted []string) ([]network, error) {
	var names []string
	var inner, found []network
	for _, n := range all {
		names = append(names, n.Name)
		if !n.External {
			inner = append(inner, n)
		}
	}
	if len(wanted) == 0 {
		if len(all) == 1 {
			inner = all
		}
		if len(inner) != 1 {
			return nil, plugins.Invalidf("config.networks", "is missing, and there is not just one network but %s", listed(names))
		}
		return inner, nil
	}
	for i, name := range wanted {
		var same []network
		for _, n := range all {
			if n.ID == name {
				same = []network{n}
				break
			}
			if n.Name == name {
				same = append(same, n)
			}
		}
		if len(same) != 1 {
			return nil, plugins.Invalidf(fmt.Sprintf("config.networks[%d]", i+1), "there are %d networks %q; there are %s", len(same), name, listed(names))
		}
		found = append(found, same[0])
	}
	return found, nil
}
