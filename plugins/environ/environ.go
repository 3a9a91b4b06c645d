//go:build linux

// Package environ tells with which environment a process was started: by a
// variable in it the processes of somebody who has died are known for his.
package environ

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"time"
)

const (
	maxSize  = 4 << 20 // bytes that are read
	patience = time.Second
	maxPause = 10 * time.Millisecond
)

// Has says whether pid was started with variable, "NAME=VALUE".
func Has(pid int, variable string) bool { return has(Of(pid), variable) }

func has(text []byte, variable string) bool {
	for v := range bytes.SplitSeq(text, []byte{0}) {
		if string(v) == variable {
			return true
		}
	}
	return false
}

// Of gives the environment that pid was started with, as the kernel shows it: each
// variable ends with a zero byte. It is empty for a process that is gone, of
// another user, or was started without one. One that becomes another program has
// none for a moment, and who looks for it then must not overlook it: it is waited
// for, a second at the most.
func Of(pid int) []byte {
	pause := 100 * time.Microsecond
	for late := time.Now().Add(patience); ; pause = min(2*pause, maxPause) {
		text := read(pid)
		if len(text) > 0 || bare(pid) || time.Now().After(late) {
			return text
		}
		<-time.After(pause)
	}
}

func read(pid int) []byte {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, maxSize)) // what it has is what could be read
	return text
}

// Fields of /proc/PID/stat behind the name: three less than the numbers of
// proc(5). And bits of its flags.
const (
	stateField = 0
	flagsField = 6
	codeField  = 23 // where the program begins; 0 until its environment is there
	fromField  = 47 // where the environment begins
	toField    = 48 // where it ends

	exiting      = 0x4
	kernelThread = 0x200000
)

// bare says whether pid has no environment, and will have none.
func bare(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) <= toField {
		return true
	}
	flags, err := strconv.ParseUint(string(f[flagsField]), 10, 64)
	if err != nil || flags&(exiting|kernelThread) != 0 || bytes.ContainsAny(f[stateField], "ZX") {
		return true
	}
	there := string(f[codeField]) != "0"
	return there && bytes.Equal(f[fromField], f[toField]) || !there && !mayRead(pid)
}

// mayRead says whether a process is ours to look at: of others the kernel shows
// zeros.
func mayRead(pid int) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	return f.Close() == nil
}
