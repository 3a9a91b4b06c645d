package artifacts

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxReport bounds one test report, in bytes.
	maxReport = 64 << 20
	// maxCases bounds the tests that are named, those that failed first of all.
	maxCases = 500
	// maxText bounds a name and a message, in bytes.
	maxText = 1000
	// maxDepth bounds how deep suites are nested.
	maxDepth = 100
)

// The outcomes of a test that did not pass.
const (
	Failed  = "failed"
	Errored = "errored"
	Skipped = "skipped"
)

// Tests is what test reports come to.
type Tests struct {
	Passed, Failed, Errored, Skipped int64
	Took                             time.Duration
	Cases                            []Case // that did not pass; failures have room before what was skipped
	Warnings                         []string
}

// Case is one test that did not pass.
type Case struct {
	Suite, Name, Outcome, Message string
	Took                          time.Duration
}

// Any says whether there was a test at all.
func (t *Tests) Any() bool { return t.Passed+t.Failed+t.Errored+t.Skipped > 0 }

// ReadTests reads reports in JUnit's XML. What is none is a warning.
func ReadTests(root *os.Root, files []File) Tests {
	var t Tests
	for _, f := range files {
		if err := t.readFile(root, f); err != nil {
			t.Warnings = append(t.Warnings, fmt.Sprintf("the test report %s is not understood: %v", f.Path, err))
		}
	}
	return t
}

func (t *Tests) readFile(root *os.Root, f File) error {
	if f.Size > maxReport {
		return fmt.Errorf("it has more than %d MiB", maxReport>>20)
	}
	file, err := root.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	return t.read(io.LimitReader(file, maxReport))
}

// read takes in one report: a <testsuites> or <testsuite> with any nesting.
func (t *Tests) read(r io.Reader) error {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // what is not UTF-8 is replaced later
	var suites []string
	found := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && found {
			return nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("it has no <testsuite>")
			}
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "testsuite", "testsuites":
				if found = true; len(suites) == maxDepth {
					return fmt.Errorf("suites are nested more than %d deep", maxDepth)
				}
				suites = append(suites, attribute(e, "name"))
			case "testcase":
				if err := t.readCase(d, e, suites); err != nil {
					return err
				}
			default:
				if err := d.Skip(); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if len(suites) > 0 {
				suites = suites[:len(suites)-1]
			}
		}
	}
}

// element is what a test case may hold that tells its outcome.
type element struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (t *Tests) readCase(d *xml.Decoder, start xml.StartElement, suites []string) error {
	var c struct {
		Failure []element `xml:"failure"`
		Error   []element `xml:"error"`
		Skipped []element `xml:"skipped"`
	}
	if err := d.DecodeElement(&c, &start); err != nil {
		return err
	}
	one := Case{Name: bounded(attribute(start, "name")), Took: seconds(attribute(start, "time"))}
	one.Suite = bounded(attribute(start, "classname"))
	if one.Suite == "" && len(suites) > 0 {
		one.Suite = bounded(suites[len(suites)-1])
	}
	t.Took += one.Took
	switch {
	case len(c.Error) > 0:
		t.Errored++
		one.Outcome, one.Message = Errored, said(c.Error[0])
	case len(c.Failure) > 0:
		t.Failed++
		one.Outcome, one.Message = Failed, said(c.Failure[0])
	case len(c.Skipped) > 0:
		t.Skipped++
		one.Outcome, one.Message = Skipped, said(c.Skipped[0])
	default:
		t.Passed++
		return nil
	}
	t.add(one)
	return nil
}

// add keeps a case, if need be in the place of one that was only skipped.
func (t *Tests) add(c Case) {
	if len(t.Cases) < maxCases {
		t.Cases = append(t.Cases, c)
		return
	}
	if c.Outcome == Skipped {
		return
	}
	for i := range t.Cases {
		if t.Cases[i].Outcome == Skipped {
			t.Cases[i] = c
			return
		}
	}
}

func said(e element) string {
	text := strings.TrimSpace(e.Text)
	switch {
	case e.Message == "":
		return bounded(text)
	case text == "" || strings.HasPrefix(text, e.Message):
		return bounded(max(text, e.Message))
	}
	return bounded(e.Message + "\n" + text)
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// seconds reads "1,234.5" too.
func seconds(s string) time.Duration {
	var f float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(s, ",", ""), "%g", &f); err != nil || !(f >= 0 && f < 1e8) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// bounded makes a text valid and not too long.
func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
