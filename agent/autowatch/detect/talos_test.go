package detect

import "testing"

func TestTalos(t *testing.T) {
	runSamples(t, []Detector{talos()}, []sample{
		{about: "manifests of a cluster", path: "talos/controlplane.yaml", text: `machine: {type: controlplane}
cluster:
  network:
    cni:
      name: custom
      urls:
        - https://raw.githubusercontent.com/o/net/main/cni.yaml
  extraManifests:
    - https://raw.githubusercontent.com/o/approver/v1.0/all.yaml
    - https://github.com/o/crds/raw/refs/tags/v2/crds.yaml
    - https://manifests.example.test/a.yaml
`, want: []string{
			"7 https://github.com/o/net main any",
			"9 https://github.com/o/approver v1.0 any",
			"10 https://github.com/o/crds v2 tag",
		}},
		{about: "something else", path: "a.yaml", text: "urls:\n  - https://raw.githubusercontent.com/o/net/main/cni.yaml\n"},
	})
}
