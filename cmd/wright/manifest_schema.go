package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/plugins/schemadoc"
)

func (a *app) manifestSchema() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use: "schema", Short: "write the JSON Schema of manifests, for editors",
		Long: "Write the JSON Schema of manifests (draft 2020-12), with the tables of the providers that\n" +
			"are found here, so that an editor completes and checks them:\n\n" +
			"    wright manifest schema > wright.schema.json\n\n" +
			"and in the first line of a manifest, for editors with Taplo (Even Better TOML):\n\n" +
			"    #:schema ./wright.schema.json",
		Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h := a.pluginHost(dirs)
			defer func() { _ = h.Close() }()
			var known []manifests.ProviderSchema
			for _, p := range describeAll(cmd.Context(), h, h.Plugins()) {
				s := manifests.ProviderSchema{Kind: string(p.Kind), Name: p.Name}
				if p.err != nil {
					fmt.Fprintln(a.stderr, "wright: the schema takes anything for it: "+visible(p.err.Error()))
				} else {
					s.Doc, s.Table = p.about.Doc, schemadoc.JSON(p.about.Config)
				}
				known = append(known, s)
			}
			return a.printJSON(manifests.JSONSchema(known))
		},
	}
	lookInto(cmd, &dirs)
	return cmd
}
