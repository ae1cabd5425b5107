package deliver

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSizeIsFoundWithinOneFlush has a domain behind a proxy that takes a tenth of what a chunk
// makes: the halving needs no time, since each half tells something new.
func TestSizeIsFoundWithinOneFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			return len(body) > 30<<10 && refusal(w, tooLarge)
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none")
		if !out.Flush("t", chunkOf(100, false, strings.Repeat("y", 4096))) ||
			d.in("eks-log") != 100 {
			t.Fatalf("%d documents after one flush\n%s", d.in("eks-log"), log)
		}
	})
}

// TestOneBadLineIsFoundWithinOneFlush has it in the second of a chunk's requests, where it is known
// that the domain takes others: all but that line are stored, however many halvings it takes.
func TestOneBadLineIsFoundWithinOneFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			time.Sleep(time.Millisecond)
			return strings.Contains(string(body), `LINE=700"`) &&
				!strings.Contains(string(body), `"record"`) && refusal(w, unreadable)
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none", "Max_Request_Size 64K")
		chunk := chunkOf(1000, false, "x")
		if out.Flush("t", chunk) || d.in("eks-log") != 999 || d.in("eks-log-dead-letter") != 0 {
			t.Fatalf("%d documents and %d dead letters after one flush\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
		if !out.Flush("t", chunk) || d.in("eks-log-dead-letter") != 1 { // refused alone twice
			t.Fatalf("%d dead letters after two flushes\n%s", d.in("eks-log-dead-letter"), log)
		}
	})
}

// TestWhatWasRefusedInCompanyGoesAloneNext has a chunk of three requests, the first of which is
// refused together with another chunk's line: nothing else of the chunk goes before it is known who
// is to blame.
func TestWhatWasRefusedInCompanyGoesAloneNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		var mu sync.Mutex
		var sent []string // the lines of each request
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			time.Sleep(time.Millisecond) // so that both flushes are under way at once
			text := string(body)
			what := ""
			for _, line := range []string{"small", "large LINE=0", "large LINE=1", "large LINE=2"} {
				if strings.Contains(text, line) {
					what += line[max(0, len(line)-1):]
				}
			}
			mu.Lock()
			sent = append(sent, what)
			mu.Unlock()
			return strings.Contains(text, "small") && !strings.Contains(text, `"record"`) &&
				refusal(w, unreadable)
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Linger 300ms", "Compress none",
			"Max_Request_Size 64K")
		flushAll(out, 2, 1) // shows that two come at once
		sent = nil
		var wait sync.WaitGroup
		wait.Go(func() { out.Flush("small", chunkOf(1, false, "small")) })
		wait.Go(func() {
			if !out.Flush("large", chunkOf(3, false, strings.Repeat("y", 40<<10)+"large")) {
				t.Errorf("not settled\n%s", log)
			}
		})
		wait.Wait()
		mine := slices.DeleteFunc(slices.Clone(sent), func(what string) bool { return what == "l" })
		if want := []string{"l0", "0", "1", "2"}; !slices.Equal(mine, want) {
			t.Fatalf("requests of the lines %q, want %q\n%s", sent, want, log)
		}
	})
}
