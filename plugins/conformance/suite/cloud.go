package suite

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/host"
)

// The contract of a cloud, in the words of cloud.Provider.
const (
	cloudCreate = "Create makes a server, or gives the one that s.Token made before, also when both calls run at the same time."
	cloudReady  = "Create returns when the server can be provisioned."
	cloudHalf   = "A call that fails or dies half way leaves either nothing or something that List finds and Delete removes."
	cloudGet    = "Get gives the server of a token; plugins.NotFound when there is none."
	cloudList   = "List gives every server that carries all of tags, half-made ones too."
	cloudDelete = "Delete ends the server of a token and returns when nothing is left of it."
	cloudNone   = "Deleting the missing is fine."
)

func cloudKind() kindChecks {
	check := func(name, doc, mend string, run func(*cloudBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(&cloudBench{T: t}) }}
	}
	var all []Check
	all = append(all, cloudCreateChecks(check)...)
	all = append(all, cloudListChecks(check)...)
	all = append(all, cloudDeleteChecks(check)...)
	all = append(all, cloudInterruptChecks(check)...)
	all = append(all, cloudHostileChecks(check)...)
	all = append(all, cloudConfigChecks(check)...)
	all = append(all, cloudLifeChecks(check)...)
	all = append(all, cloudBackendChecks(check)...)
	return kindChecks{
		checks: all,
		sweep:  func(t *T) { (&cloudBench{T: t}).sweep() },
		touch: func(t *T) error {
			p, err := t.open().Cloud(t.call(), t.name)
			if err == nil {
				_, err = p.List(t.call(), t.ownTags())
			}
			return err
		},
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := cloud.NewClient(conn).List(ctx, map[string]string{plugins.InstallationTag: "conformance-nobody"})
			return err
		},
		exercise: func(t *T, r *raw) {
			b := &cloudBench{T: t}
			p := cloud.NewClient(r.conn)
			b.create(p, b.spec("exercise"))
			b.delete(p, b.token("exercise"))
		},
	}
}

// cloudCheck makes a check of a function.
type cloudCheck func(name, doc, mend string, run func(*cloudBench)) Check

// cloudBench is a check's view of a cloud provider.
type cloudBench struct {
	*T
	lane string // of several that run at the same time, each with servers of its own; usually empty
}

const laneTag = "conformance-lane"

// start launches the provider at a host of its own.
func (b *cloudBench) start() (*host.Host, cloud.Provider) { return b.startWith(b.settings()) }

// tags are on everything that is made in this lane.
func (b *cloudBench) tags() map[string]string {
	if b.lane == "" {
		return b.ownTags()
	}
	return b.withTag(laneTag, b.lane)
}

// lanes runs f for each of n, one after the other, or where that would take too
// long at the same time. It stops at a failure.
func (b *cloudBench) lanes(n int, took time.Duration, f func(b *cloudBench, i int)) {
	const patience, most = 300 * time.Millisecond, 8
	if took < patience {
		for i := 0; i < n && !b.Failed(); i++ {
			f(b, i)
		}
		return
	}
	var numbers []string
	for i := range n {
		numbers = append(numbers, strconv.Itoa(i))
	}
	atOnceMost(most, numbers, func(number string) {
		if i, _ := strconv.Atoi(number); !b.Failed() {
			f(&cloudBench{b.T, number}, i)
		}
	})
}

func (b *cloudBench) startWith(settings map[string]any) (*host.Host, cloud.Provider) {
	h := b.openIn(filepath.Join(b.state(), b.lane), settings)
	p, err := h.Cloud(b.call(), b.name)
	if b.seen(err) != nil {
		b.Report(Finding{
			Did: "launch the provider", Got: answer(nil, err),
			Want: "A provider starts, says who it is and takes its settings within seconds, also after it was killed.",
			Mend: "make it start whatever an earlier process left in its directory; the log says more. On a machine that is too busy, try again",
		})
		b.stopNow()
	}
	return h, patientCloud{p, b.T}
}

// spec asks for a server whose token no other run of the suite has.
func (b *cloudBench) spec(word string) cloud.Spec {
	return cloud.Spec{
		Token: b.token(word), Name: "conformance " + b.token(word), Tags: b.tags(),
		Env: map[string]string{"CONFORMANCE": b.envSecret()}, Config: b.subject.Config,
	}
}

// create makes a server and ends the check when that fails.
func (b *cloudBench) create(p cloud.Provider, s cloud.Spec) cloud.Server {
	made, err := p.Create(b.call(), s)
	if b.seen(err) != nil {
		b.Report(Finding{
			Did: fmt.Sprintf("Create with token %q", s.Token), Got: answer(nil, err), Want: cloudCreate,
			Mend: "this is an ordinary call and must work; see the log of the provider",
		})
		b.stopNow()
	}
	return *made
}

// delete ends a server and fails the check when that fails.
func (b *cloudBench) delete(p cloud.Provider, token string) {
	if err := b.seen(p.Delete(b.call(), token)); err != nil {
		b.Report(Finding{
			Did: fmt.Sprintf("Delete token %q", token), Got: answer(nil, err), Want: cloudDelete + " " + cloudNone,
			Mend: "delete what there is of the server, finished or not; what is gone already is no error",
		})
	}
}

// list gives the servers by token and ends the check when that fails.
func (b *cloudBench) list(p cloud.Provider, tags map[string]string) map[string]cloud.Server {
	all, err := p.List(b.call(), tags)
	if b.seen(err) != nil {
		f := Finding{Did: fmt.Sprintf("List with the tags %v", tags), Got: answer(nil, err), Want: cloudList}
		if strings.Contains(err.Error(), "without the tags") {
			f.Mend = "select by tag: a server is listed only when it carries every one of the tags, each with just this value"
		}
		b.Report(f)
		b.stopNow()
	}
	byToken := map[string]cloud.Server{}
	for _, s := range all {
		if _, twice := byToken[s.Token]; twice {
			b.Report(Finding{
				Did: fmt.Sprintf("List with the tags %v", tags), Got: fmt.Sprintf("the token %q is there twice, of %d servers in all", s.Token, len(all)),
				Want: cloudCreate + " " + cloudList,
				Mend: "make one server per token, also when calls run at the same time; where the backend answers in pages, begin each page where the last one ended",
			})
		}
		byToken[s.Token] = s
	}
	return byToken
}

// own lists what this run of the check made.
func (b *cloudBench) own(p cloud.Provider) map[string]cloud.Server { return b.list(p, b.tags()) }

// expect fails the check unless the own servers are just those of some tokens.
func (b *cloudBench) expect(p cloud.Provider, f Finding, tokens ...string) bool {
	got := b.own(p)
	for _, token := range tokens {
		if _, ok := got[token]; !ok {
			f.Got = fmt.Sprintf("the server of token %q is not listed; listed are %s", token, namesOf(got))
			b.Report(f)
			return false
		}
	}
	if len(got) != len(tokens) {
		f.Got = fmt.Sprintf("listed are %s, expected was %d", namesOf(got), len(tokens))
		for _, token := range sortedKeys(got) {
			if s := got[token]; !slices.Contains(tokens, token) {
				f.Mend = cmp.Or(noteMend(&s), f.Mend)
			}
		}
		b.Report(f)
		return false
	}
	return true
}

func namesOf(all map[string]cloud.Server) string {
	keys := sortedKeys(all)
	if len(keys) > 4 {
		return fmt.Sprintf("%d servers, the first with the tokens %.200q", len(keys), keys[:4])
	}
	return fmt.Sprintf("%d servers with the tokens %.200q", len(keys), keys)
}

// same says whether two answers are about one server.
func same(a, b cloud.Server) bool {
	return a.Token == b.Token && a.Address == b.Address && a.Port == b.Port && a.CreatedAt.Equal(b.CreatedAt)
}

// became says whether what was listed is the server that was made of it: while it
// starts it may have no port yet.
func became(listed, made cloud.Server) bool {
	if listed.State == cloud.Starting && listed.Port == 0 {
		listed.Port = made.Port
	}
	return same(listed, made)
}

func about(s cloud.Server) string {
	return fmt.Sprintf("token %q, address %s port %d, made at %s, %s", s.Token, s.Address, s.Port, s.CreatedAt.Format(time.RFC3339Nano), s.State)
}

// atOnce calls f n times at the same time and waits for all.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// sweep takes away everything of this run of the check and says what it cannot.
func (b *cloudBench) sweep() {
	if b.hosts() == 0 {
		return
	}
	for _, lane := range append(b.laneDirs(), "") {
		(&cloudBench{b.T, lane}).sweepLane()
	}
}

// laneDirs are the lanes in whose directories a provider ran.
func (b *cloudBench) laneDirs() []string {
	var lanes []string
	entries, _ := os.ReadDir(b.state())
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			lanes = append(lanes, e.Name())
		}
	}
	return lanes
}

func (b *cloudBench) sweepLane() {
	follows := "" // what comes of a list that is not whole is no news
	if b.Failed() {
		follows = "first what failed before this: it may come of it. If it does not: "
	}
	_, p := b.start()
	for range 2 { // once more for what appears late
		all := b.list(p, b.ownTags())
		atOnceMost(8, sortedKeys(all), func(token string) { b.delete(p, token) })
		if len(all) == 0 {
			break
		}
	}
	if left := b.list(p, b.ownTags()); len(left) > 0 {
		one := left[sortedKeys(left)[0]]
		b.Report(Finding{
			Did: "Delete everything that the check made", Got: "still there, remove it by hand: " + namesOf(left), Want: cloudDelete,
			Mend: follows + cmp.Or(noteMend(&one), "end the server for good before Delete returns"),
		})
	}
	b.strays(p, follows)
}

// strays finds servers that lost their tags, among all that the provider has.
func (b *cloudBench) strays(p cloud.Provider, follows string) {
	all, err := p.List(b.call(), nil)
	if err != nil {
		if strings.Contains(err.Error(), "answer is not valid") {
			b.Report(Finding{Did: "List without tags", Got: answer(nil, err), Want: cloudList, Mend: "write token and tags with the very request that makes the server, not afterwards"})
		}
		return // it may have good reasons not to show the whole account
	}
	for _, s := range all {
		if !strings.Contains(s.Token+s.Name, b.id) {
			continue
		}
		b.Report(Finding{
			Did: "delete all that List finds by tag, then List without tags", Got: "there is still a server: " + about(s) + fmt.Sprintf(", tags %v", s.Tags),
			Want: cloudHalf, Mend: follows + "write the tags with the very request that makes the server, not afterwards: whoever dies in between leaves a server that nobody finds",
		})
		_ = p.Delete(b.call(), s.Token)
	}
}

// atOnceMost calls f with each of list, at most n at the same time.
func atOnceMost(n int, list []string, f func(string)) {
	slots := make(chan struct{}, n)
	var wg sync.WaitGroup
	for _, e := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(e)
		})
	}
	wg.Wait()
}
