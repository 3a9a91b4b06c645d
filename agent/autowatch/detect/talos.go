package detect

import "regexp"

// talos knows the manifests that a machine of Talos loads as its cluster starts:
// those of the network, and others.
func talos() Detector {
	return sheetDetector("Talos", isYAML, func(s *sheet) {
		if !hintOfTalos.MatchString(s.text) {
			return
		}
		for _, doc := range s.quietTrees() {
			cluster := doc.at("cluster")
			for _, list := range []*node{cluster.at("extraManifests"), cluster.at("network", "cni", "urls")} {
				for _, address := range list.list() {
					s.readFile(address.str(), address.line)
				}
			}
		}
	})
}

var hintOfTalos = regexp.MustCompile(`(?m)^cluster:(?s:.*)\b(extraManifests|urls):`)
