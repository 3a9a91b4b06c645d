package state

import (
	"fmt"
	"reflect"
	"testing"
)

func TestCodec(t *testing.T) {
	for _, n := range []int{0, 1, 10_000} {
		want := Report{Instance: "shop", Number: 3}
		for i := range n {
			r := Reported{VCS: "git", URL: fmt.Sprintf("https://git.example.test/project-%d.git", i), Ref: "refs/heads/main", Revision: fmt.Sprintf("%040x", i*i)}
			want.Watches = append(want.Watches, r)
		}
		want.Final = want.Watches
		data, err := Encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 1<<20 {
			t.Errorf("%d watches take %d bytes, more than etcd takes in one write", n, len(data))
		}
		var got Report
		if err := Decode(data, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d watches came back as %d, %v", n, len(got.Watches), err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := Encode(&Report{Watches: make([]Reported, 1000)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"watches":[]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var r Report
		_ = Decode(data, &r)
	})
}
