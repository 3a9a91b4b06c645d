package suite

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The elements of JUnit's XML, as CI systems read it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

const maxJUnitLog = 64 << 10 // bytes of a failed check's log

// JUnit writes the report as JUnit XML. Only failed checks show the log.
func (r Report) JUnit(w io.Writer) error {
	s := junitSuite{
		Name: r.Plugin, Tests: len(r.Results), Failures: r.Count(Failed), Skipped: r.Count(Skipped), Time: seconds(r.Took),
	}
	for _, result := range r.Results {
		s.Cases = append(s.Cases, result.junit(r.Plugin))
	}
	all := junitSuites{Tests: s.Tests, Failures: s.Failures, Skipped: s.Skipped, Time: s.Time, Suites: []junitSuite{s}}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("make the JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)+"\n"); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func (r Result) junit(class string) junitCase {
	c := junitCase{Class: class, Name: clean(r.Check.Name), Time: seconds(r.Took)}
	switch r.Status {
	case Failed:
		all := clean(strings.Join(r.Failures, "\n\n"))
		first, _, _ := strings.Cut(all, "\n")
		c.Failure = &junitMessage{Message: first, Text: all}
		c.Output = clean(r.Log[max(0, len(r.Log)-maxJUnitLog):])
	case Skipped:
		c.Skipped = &junitMessage{Message: clean(r.Reason)}
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
