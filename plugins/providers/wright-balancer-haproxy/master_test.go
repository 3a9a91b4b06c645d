package main

import (
	"reflect"
	"slices"
	"testing"
)

const someProcesses = `#<PID>          <type>          <reloads>       <uptime>        <version>      
14624           master          7 [failed: 0]   0d00h00m03s     2.6.12-1+deb12u4
# workers
14846           worker          0               0d00h00m00s     2.6.12-1+deb12u4
# old workers
14626           worker          1               0d00h00m03s     2.6.12-1+deb12u4
14600           worker          2               0d00h00m09s     2.6.12-1+deb12u4
# programs
99              metrics         0               0d00h00m09s     -

`

func TestProcesses(t *testing.T) {
	tests := []struct {
		answer string
		want   processes
		wrong  bool
	}{
		{someProcesses, processes{reloads: 7, current: 14846, old: []int{14626, 14600}}, false},
		{"#<PID>\n1 master 3 [failed: 2] 0d 2.6\n# workers\n5 worker 1 0d 2.6\n", processes{reloads: 3, failed: true, current: 5}, false},
		{"#<PID>\n1 master 3 0d 2.4\n", processes{reloads: 3}, false},
		{"#<PID>\n1 master many 0d 2.4\n", processes{}, true},
		{"Unknown command.\n", processes{}, true},
		{"", processes{}, true},
	}
	for _, tt := range tests {
		got, err := parseProcesses(tt.answer)
		if (err != nil) != tt.wrong || !tt.wrong && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q is read as %+v, %v", tt.answer, got, err)
		}
	}
}

func TestServers(t *testing.T) {
	const head = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state\n"
	const line = "5 wright:a.test 1 w12-1 127.0.0.1 2 0 1 1 2 1 0 2 0 0 0 0 - 18099 - 0 0 - - 0\n"
	tests := []struct {
		answer string
		want   []string
		there  bool
	}{
		{head + line, []string{"w12-1"}, true},
		{head, nil, true},
		{"Can't find backend.\n", nil, false},
		{"", nil, false},
		{line, nil, false},
	}
	for _, tt := range tests {
		if got, there := parseServers(tt.answer, "wright:a.test"); there != tt.there || !slices.Equal(got, tt.want) {
			t.Errorf("%q is read as %v, %v", tt.answer, got, there)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(someProcesses)
	f.Add("# be_id\n5 wright:a.test 1 w12-1 127.0.0.1\n")
	f.Fuzz(func(t *testing.T, answer string) {
		if p, err := parseProcesses(answer); err == nil && (p.current < 0 || slices.ContainsFunc(p.old, func(pid int) bool { return pid <= 0 })) {
			t.Errorf("%q is read as %+v", answer, p)
		}
		if list, there := parseServers(answer, "wright:a.test"); !there && len(list) > 0 {
			t.Errorf("%q gives servers of a backend that there is not", answer)
		}
	})
}
