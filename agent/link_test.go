package agent

import (
	"testing"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// The newest word on each attempt is said, none on one that was dropped.
func TestNewestWords(t *testing.T) {
	l, err := newLink(Config{Address: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for version := range int64(3) {
		l.Say(&agentv1.Update{Build: "shop-000001", Attempt: 1, Version: version})
		l.Say(&agentv1.Update{Build: "shop-000001", Attempt: 2, Version: version})
	}
	l.drop(key{"shop-000001", 1})
	words, _ := l.take()
	if len(words) != 1 || words[0].GetAttempt() != 2 || words[0].GetVersion() != 2 {
		t.Errorf("said is %v", words)
	}
	if words, _ := l.take(); len(words) > 0 {
		t.Errorf("said again is %v", words)
	}
}
