package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins/conformance/suite"
)

// verifyFlags are how a plugin is verified.
type verifyFlags struct {
	config string
	only   string
	junit  string
	list   bool
	log    bool
}

func (a *app) pluginVerify() *cobra.Command {
	var o verifyFlags
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "hold a plugin to the conformance suite",
		Long: "Hold a plugin, in any language, to the conformance suite of its kind: it is launched,\n" +
			"called, killed and cut off from its backend again and again. Everything that is made is\n" +
			"taken away, also after Ctrl-C. Settings, limits and credentials to test with come from\n" +
			"--config, or from verify.toml beside the plugin. Exit status 1 if a check failed.",
		Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "TOML `FILE` with what to verify with (default: verify.toml beside the plugin, if there)")
	f.StringVar(&o.only, "only", "", "run only the checks whose name matches this `PATTERN`, a regular expression")
	f.StringVar(&o.junit, "junit", "", "also write the report as JUnit XML into this `FILE`")
	f.BoolVar(&o.list, "list", false, "run nothing, list the checks")
	f.BoolVar(&o.log, "log", false, "show what the plugin says, on stderr")
	_ = cmd.MarkFlagFilename("config", "toml")
	_ = cmd.MarkFlagFilename("junit", "xml")
	return cmd
}

func (a *app) verify(ctx context.Context, file string, o verifyFlags) error {
	subject, err := a.subject(file, o.config)
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return usage("--only %q: %v", o.only, err)
	}
	kind, _, err := subject.Identity()
	if err != nil {
		return usage("%v", err)
	}
	var checks []suite.Check
	for _, c := range suite.Checks(kind) {
		if only.MatchString(c.Name) {
			checks = append(checks, c)
		}
	}
	switch {
	case len(suite.Checks(kind)) == 0:
		return fmt.Errorf("there are no checks of the kind %s yet", kind)
	case len(checks) == 0:
		return usage("--only %q matches no check: --list names them", o.only)
	case o.list:
		return a.printChecks(checks)
	}
	progress := &verifyProgress{app: a, all: len(checks)}
	options := suite.Options{Only: o.only, Progress: progress.over}
	if o.log {
		options.Log = a.stderr
	}
	progress.show()
	report, err := suite.Run(ctx, subject, options)
	progress.clear()
	if err != nil && len(report.Results) == 0 {
		return err
	}
	if junitErr := writeJUnit(report, o.junit); junitErr != nil {
		_ = a.printReport(report)
		return junitErr
	}
	printErr := a.printReport(report)
	return cmp.Or(err, printErr) // that it was interrupted says more than that a check failed by that
}

// subject reads what to verify with.
func (a *app) subject(file, config string) (suite.Subject, error) {
	if info, err := os.Stat(file); err != nil {
		return suite.Subject{}, usage("%v", err)
	} else if info.IsDir() {
		return suite.Subject{}, usage("%s is a directory: name the plugin's file in it", file)
	}
	if config == "" {
		config = filepath.Join(filepath.Dir(file), "verify.toml")
		if _, err := os.Stat(config); errors.Is(err, fs.ErrNotExist) {
			return suite.Subject{Binary: file}, nil
		}
		fmt.Fprintln(a.stderr, "with "+visible(config))
	}
	s, err := suite.Read(config)
	if err != nil {
		return s, usage("%v", err)
	}
	s.Binary = file
	return s, nil
}

// checkRow is one check as --list has it.
type checkRow struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	Mend string `json:"mend"`
}

func (a *app) printChecks(checks []suite.Check) error {
	rows := []checkRow{}
	t := table{head: []string{"CHECK", "WANTS"}}
	for _, c := range checks {
		rows = append(rows, checkRow{c.Name, c.Doc, c.Mend})
		t.row(c.Name, c.Doc)
	}
	return a.print(rows, t)
}

// verifyProgress is one line on a terminal that tells how far it is.
type verifyProgress struct {
	*app
	all, done, failed int
	last              string
}

func (p *verifyProgress) over(r suite.Result) {
	p.done++
	if r.Status == suite.Failed {
		p.failed++
	}
	p.last = r.Check.Name
	if !p.errTerminal {
		fmt.Fprintf(p.stderr, "%d of %d: %s: %s, %v\n", p.done, p.all, visible(r.Check.Name), r.Status, r.Took.Round(10*time.Millisecond))
	}
	p.show()
}

func (p *verifyProgress) show() {
	if !p.errTerminal {
		return
	}
	line := fmt.Sprintf("%d of %d checks, %d failed", p.done, p.all, p.failed)
	if p.last != "" {
		line += ", the last was: " + p.last
	}
	if runes := []rune(visible(line)); len(runes) > p.errWidth()-1 {
		line = string(runes[:p.errWidth()-1])
	}
	fmt.Fprint(p.stderr, "\r\x1b[K"+line)
}

func (p *verifyProgress) clear() {
	if p.errTerminal {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
}

// reportRow is what a check found.
type reportRow struct {
	Check    string   `json:"check"`
	Status   string   `json:"status"` // passed, failed, skipped
	Wants    string   `json:"wants"`
	Mend     string   `json:"mend"`
	Failures []string `json:"failures"`
	Reason   string   `json:"reason"` // why it was skipped, or how much it looked at
	Seconds  float64  `json:"seconds"`
}

// reportView is what a run found.
type reportView struct {
	Plugin   string      `json:"plugin"`
	Version  string      `json:"version"`
	Protocol int         `json:"protocol"`
	Passed   int         `json:"passed"`
	Failed   int         `json:"failed"`
	Skipped  int         `json:"skipped"`
	Seconds  float64     `json:"seconds"`
	Checks   []reportRow `json:"checks"`
}

// printReport fails when a check did.
func (a *app) printReport(r suite.Report) error {
	var err error
	if a.format == "json" {
		err = a.printJSON(viewReport(r))
	} else {
		err = r.Table(a.stdout)
	}
	if err == nil && !r.Passed() {
		return errFailed
	}
	return err
}

func viewReport(r suite.Report) reportView {
	v := reportView{
		Plugin: r.Plugin, Passed: r.Count(suite.Passed), Failed: r.Count(suite.Failed), Skipped: r.Count(suite.Skipped),
		Seconds: seconds(r.Took), Checks: []reportRow{},
	}
	if r.About != nil {
		v.Version, v.Protocol = r.About.Version, r.About.Protocol
	}
	for _, result := range r.Results {
		v.Checks = append(v.Checks, reportRow{
			Check: result.Check.Name, Status: result.Status, Wants: result.Check.Doc, Mend: result.Check.Mend,
			Failures: append([]string{}, result.Failures...), Reason: result.Reason, Seconds: seconds(result.Took),
		})
	}
	return v
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func writeJUnit(r suite.Report, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return errors.Join(r.JUnit(f), f.Close())
}
