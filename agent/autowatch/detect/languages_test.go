package detect

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func languageSamples() []sample {
	return slices.Concat(
		goModulesSamples(),
		npmSamples(),
		pipSamples(),
		condaRecipesSamples(),
		pyprojectSamples(),
		pythonLocksSamples(),
		bundlerSamples(),
		cargoSamples(),
		composerSamples(),
		beamSamples(),
		swiftSamples(),
		pubSamples(),
		juliaCrystalHaskellSamples(),
		cmakeSamples(),
		appleSamples(),
		fastlaneSamples(),
		rOCamlSamples(),
		rInstallerSamples(),
		bowerSamples(),
		boardsSamples(),
		smallLanguagesSamples(),
		toolFilesSamples(),
	)
}

// Every detector of a language has a sample, or it is not known to work.
func TestLanguagesHaveSamples(t *testing.T) {
	for _, d := range languages() {
		if !slices.ContainsFunc(languageSamples(), func(s sample) bool { return d.Wants(s.path) && len(s.want) > 0 }) {
			t.Errorf("%s has no sample", d.Name)
		}
	}
}

// Whatever a file holds, it is read in bounded time, and what is found has a line in it.
func FuzzLanguages(f *testing.F) {
	samples := languageSamples()
	for i, s := range samples {
		f.Add(uint8(i), s.text, s.beside["composer.lock"])
	}
	f.Fuzz(func(t *testing.T, kind uint8, text, beside string) {
		path := samples[int(kind)%len(samples)].path
		file := File{Path: path, Text: []byte(text), Read: func(string) ([]byte, error) { return []byte(beside), nil }}
		last := strings.Count(text, "\n") + 1
		for _, d := range languages() {
			if !d.Wants(path) {
				continue
			}
			var found []Mention
			bounded(t, func() { found, _ = d.Find(file) }, "%s for %d bytes", d.Name, len(text))
			for _, m := range found {
				if m.Line < 1 || m.Line > last || m.URL == "" || m.File != path || m.VCS != "git" && m.VCS != "hg" {
					t.Errorf("%s, of %d lines: %+v", d.Name, last, m)
				}
			}
		}
	})
}

// A long file does not take more time than its length should,
// whatever is said in it again and again.
func TestLanguagesTakeLinearTime(t *testing.T) {
	hostile(t)
	const size = 1 << 17
	random := rand.New(rand.NewPCG(1, 2))
	for _, s := range languageSamples() {
		cut := random.IntN(len(s.text))
		pieces := []string{s.text, s.text[:cut] + s.text, s.text[cut:], "[", "{", "(", "\"", "\"\"\"", "[[a.b]]\n", "a.", "a = {", "\\\n", "#{", "\n  "}
		for _, piece := range pieces {
			text := []byte(strings.Repeat(piece, size/len(piece)+1)[:size])
			for _, d := range languages() {
				if d.Wants(s.path) {
					var found []Mention
					bounded(t, func() { found, _ = d.Find(File{Path: s.path, Text: text}) }, "%s for %.60q again and again", d.Name, piece)
					if len(found) > maxMentions {
						t.Errorf("%s found %d for %.60q again and again", d.Name, len(found), piece)
					}
				}
			}
		}
	}
}
