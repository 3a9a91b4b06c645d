package suite

import "testing"

func databaseBugs() []bug {
	return []bug{
		{"token ignored", "^the same again$", `first .*, then`},
		{"twice at once", "^the same at the same time$", `first .*, then.*one lock`},
		{"persistent by token", "^the persistent are kept$", `instance and name`},
		{"persistent deleted", "^the persistent have several users$|^the persistent are kept$", `never`},
		{"emptied with the last token", "^the persistent are kept$", `what was in it is gone.*never touch the data`},
		{"all tokens let go", "^the persistent have several users$", `drop just this one`},
		{"instance ignored", "^the persistent of a name$", `both are at`},
		{"names cut", "^the persistent of a name$", `long-name.*both are at`},
		{"case ignored", "^the persistent of a name$", `Shop.*both are at`},
		{"run together", "^the persistent of a name$", `"ab".*both are at`},
		{"joined by a dash", "^the persistent of a name$", `a-b.*both are at`},
		{"ephemeral by name", "^the ephemeral are apart$", `both are at`},
		{"password changes", "^the password is kept$", `never make another`},
		{"secret in log", "^the password is kept$", `log no URLs`},
		{"password ignored", "^the password that was given$", `another password than the one that was given`},
		{"password lost", "^the password that was given$", `password`},
		{"password lost with the last token", "^the password that was given$", `Delete its tokens, then.*another password than the one that was given`},
		{"password as an argument", "^the password that was given$", `the arguments of processes.*password=\[secret\].*never as arguments`},
		{"password cut", "^the password that was given$", `a password of 1.. bytes.*another password than the one that was given`},
		{"tokens trimmed", "^tokens that look alike$", `which differ.*byte for byte`},
		{"delete by the beginning", "^tokens that look alike$", `Delete the first.*byte for byte`},
		{"name decides", "^the token alone decides$", `by its token first`},
		{"url without a scheme", "^a URL for programs$", `no scheme`},
		{"variable of another", "^a URL for programs$", `one and the same`},
		{"never persistent", "^create gives what was asked for$", `Persistent is false`},
		{"unused not listed", "^the persistent are kept$", `with an empty Token`},
		{"file first", "^nothing is left of what was killed$", `a leak.*before you make it`},
		{"delete keeps the data", "^the ephemeral are gone$", `still at`},
		{"delete later", "^the ephemeral are gone$", `still at`},
		{"delete takes all", "^delete$", `not listed`},
		{"missing is an error", "^delete the missing$", `no error when there is nothing`},
		{"panics on unicode", "^hostile names of databases$", `process died`},
		{"list ignores tags", "^list by tag$", `select by the tags`},
		{"list only of the installation", "^list by tag$", `select by the tags`},
		{"nothing without tags", "^list by tag$", `without tags.*is not among the 0.*select nothing`},
		{"tags dropped", "^list by tag$", `keep the tags`},
		{"tags cut", "^tags are kept$", `never change them`},
		{"first page only", "^a long list$", `page after page`},
		{"page twice", "^a long list$", `in the list twice`},
		{"forgets", "^a restart forgets nothing$", `memory`},
		{"SIGTERM ends everything", "^a restart forgets nothing$", `by SIGTERM, start it again, then List.*not listed`},
		{"wright- tags dropped", "^tags are kept$", `"wright-token".*never change them`},
		{"installation without case", "^list by tag$", `select by the tags`},
		{"lost update", "^others at the same time$|^two processes at once$", `lock`},
		{"quota is transient", "^quota$", `plugins.Quota`},
		{"room before the token", "^quota$", `the same call again with a full quota.*"quota".*before you ask whether there is room`},
		{"delete of the half-made fails", "^killed in the middle of create$|^nothing is left of what was killed$", `Delete .*no such file.*finished or not`},
		{"quota leaves half", "^quota$", `is listed`},
	}
}

// probeBugs are those that only who looks at the databases sees.
func probeBugs() []bug {
	return []bug{
		{"delete keeps the data", "^the ephemeral are gone$", `still at`},
		{"file first", "^nothing is left of what was killed$", `a leak`},
		{"emptied with the last token", "^the persistent are kept$", `what was in it is gone.*never touch the data`},
		{"data of the deleted", "^the ephemeral are gone$", `what was in the deleted one is in the new one`},
	}
}

// probed has the suite look at databases with a command, which it cannot do itself:
// their URLs are not those of files.
func probed(_ *testing.T, s Subject) Subject {
	s.Settings = over(s.Settings, map[string]any{"scheme": "elsewhere"})
	s.Probe = `f=${URL#*@}; test -e "$f" || exit 1; case $ACTION in write) printf %s "$TEXT" >"$f";; read) cat "$f";; esac`
	return s
}
