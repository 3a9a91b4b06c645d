package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Description is what a plugin says of itself.
type Description struct {
	Kind         Kind
	Name         string
	Version      string
	Protocol     int      // that it agreed on with the host
	Capabilities []string // optional powers; each kind says which there are
	Doc          string   // Markdown
	Settings     Schema   // of its table in the agent's configuration; nil means anything goes
	Config       Schema   // of its table in manifests; nil means anything goes
}

const maxCapabilities = 100

// Describe reads what a plugin says of itself. Hosts use it.
func Describe(d *pluginv1.DescribeResponse, protocol int) (*Description, error) {
	about := &Description{
		Kind: Kind(d.GetKind()), Name: d.GetName(), Version: cut(d.GetVersion()), Protocol: protocol,
		Capabilities: d.GetCapabilities(), Doc: d.GetDoc(),
	}
	var err1, err2 error
	about.Settings, err1 = schemaFromProto(d.GetSettings())
	about.Config, err2 = schemaFromProto(d.GetConfig())
	if err := errors.Join(err1, err2); err != nil {
		return nil, BadAnswer(err)
	}
	return about, BadAnswer(about.check())
}

func (d *Description) check() error {
	if !slices.Contains(Kinds(), d.Kind) {
		return fmt.Errorf("%.60q is no kind", d.Kind)
	}
	if err := CheckToken("name", d.Name); err != nil {
		return err
	}
	if len(d.Capabilities) > maxCapabilities {
		return fmt.Errorf("%d capabilities are too many", len(d.Capabilities))
	}
	for _, c := range d.Capabilities {
		if err := CheckToken("capabilities", c); err != nil {
			return err
		}
	}
	if len(d.Doc) > maxDoc || strings.ToValidUTF8(d.Doc, "") != d.Doc {
		return fmt.Errorf("its documentation has more than %d bytes or is not valid UTF-8", maxDoc)
	}
	return nil
}

// Has says whether the plugin declares a capability.
func (d *Description) Has(capability string) bool { return slices.Contains(d.Capabilities, capability) }
