package deliver

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const tooLarge, unreadable = "too large", "unreadable"

func refusal(w http.ResponseWriter, how string) bool {
	if how == tooLarge {
		w.WriteHeader(413)
		_, _ = io.WriteString(w, `{"Message":"Request size exceeded 10 bytes"}`)
		return true
	}
	return refuseWith(w, 400, "parse_exception")
}

// TestDomainThatRefusesEverythingRejectsNothing has it find each request too large, or unreadable:
// no document is to blame, however long it lasts.
func TestDomainThatRefusesEverythingRejectsNothing(t *testing.T) {
	for how, lines := range map[string]int{tooLarge: 12, unreadable: 1000} {
		for _, lines := range []int{1, lines} {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t)
				refused := true
				d.answer = func(w http.ResponseWriter, _ *http.Request,
					_ []byte) bool {
					return refused && refusal(w, how)
				}
				out, log := start(t, d.domain, "Retry_Budget 0s")
				chunk := chunkOf(lines, false, "x")
				for n := range 10 {
					if out.Flush("t", chunk) {
						t.Fatalf("%s: settled\n%s", how, log)
					}
					if sent := len(d.requests()); how == unreadable && sent > 3 || sent > 5 ||
						sent == 0 {
						t.Fatalf("%s, %d lines: flush %d sent %d requests\n%s", how, lines, n, sent, log)
					}
					time.Sleep(2 * maxBackoff)
				}
				if log.count("cannot deliver: ") == 0 {
					t.Fatalf("%s: no error\n%s", how, log)
				}
				refused = false
				if !out.Flush("t", chunk) || d.in("eks-log") != lines ||
					d.in("eks-log-dead-letter") != 0 {
					t.Fatalf("%s: %d documents, %d dead letters\n%s", how, d.in("eks-log"),
						d.in("eks-log-dead-letter"), log)
				}
			})
		}
	}
}

// TestDocumentIsToBlameOnceOthersAreTaken has one document refused alone, before and after the
// domain took one of another chunk.
func TestDocumentIsToBlameOnceOthersAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			return strings.Contains(string(body), `"log":"bad LINE=0"`) &&
				!strings.Contains(string(body), `"record"`) && refusal(w, unreadable)
		}
		out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none")
		settled := make(chan bool, 1)
		go func() { settled <- out.Flush("t", chunkOf(1, false, "bad")) }()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if d.in("eks-log-dead-letter") != 0 || len(d.seen) < 5 {
			t.Fatalf("rejected, although the domain took nothing: %d requests\n%s", len(d.seen), log)
		}
		if !out.Flush("t", chunkOf(1, false, "good")) {
			t.Fatalf("not settled\n%s", log)
		}
		if !<-settled || d.in("eks-log") != 1 || d.in("eks-log-dead-letter") != 1 {
			t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	})
}

// TestLargeDocumentIsToBlameByItself is too large alone, while the domain takes nothing else.
func TestLargeDocumentIsToBlameByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			return len(body) > 100_000 && refusal(w, tooLarge)
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none")
		if !out.Flush("t", chunkOf(1, false, strings.Repeat("y", 200_000))) ||
			d.in("eks-log-dead-letter") != 1 {
			t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	})
}

// TestRefusedDocumentIsTriedTwice has one request of one document be refused, while the domain
// takes others: that once is no proof.
func TestRefusedDocumentIsTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		refused := false
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			if refused || !strings.Contains(string(body), `"log":"slow LINE=0"`) {
				return false
			}
			refused = true
			time.Sleep(2 * time.Second)
			return refusal(w, unreadable)
		}
		out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none")
		settled := make(chan bool, 1)
		go func() { settled <- out.Flush("t", chunkOf(1, false, "slow")) }()
		time.Sleep(time.Second)
		if !out.Flush("t", chunkOf(1, false, "other")) || !<-settled || d.in("eks-log") != 2 ||
			!refused {
			t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	})
}

// TestHalvesOfARequestThatIsTooLarge are sent in order, and what was learnt of the size is said
// once and kept.
func TestHalvesOfARequestThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		var first []string
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			if len(body) > 150<<10 {
				return refusal(w, tooLarge)
			}
			_, line, _ := strings.Cut(string(body), "LINE=")
			line, _, _ = strings.Cut(line, `"`)
			first = append(first, line)
			return false
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none")
		if !out.Flush("t", chunkOf(100, false, strings.Repeat("y", 4096))) ||
			d.in("eks-log") != 100 {
			t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
		}
		sorted := slices.IsSortedFunc(first,
			func(a, b string) int { return len(a)*100 + int(a[0]) - len(b)*100 - int(b[0]) })
		if !sorted || len(first) > 6 {
			t.Fatalf("the parts begin with lines %v", first)
		}
		if log.count("Requests are cut to ") == 0 || log.count("Requests are cut to ") > 2 ||
			log.count("set Max_Request_Size ") == 0 {
			t.Fatalf("%s", log)
		}
		if limit := out.size.limit(); limit > 300<<10 || limit < 100<<10 {
			t.Fatalf("requests are cut to %d bytes", limit)
		}
	})
}

// TestSharedRequestIsNarrowedByItsFlushes has one chunk of several to blame: the others are settled
// by one request more each, and are not halved.
func TestSharedRequestIsNarrowedByItsFlushes(t *testing.T) {
	for _, c := range []struct{ how, budget string }{{tooLarge, "1m"}, {unreadable, "1m"}, {tooLarge, "0s"}} { // at once, without a pause
		synctest.Test(t, func(t *testing.T) {
			how := c.how
			d := newDoor(t)
			var mu sync.Mutex
			var sent [8]int // requests with lines of a pod
			d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
				time.Sleep(time.Millisecond) // so that all flushes are under way at once
				mu.Lock()
				for pod := range sent {
					if strings.Contains(string(body), fmt.Sprintf(`"log":"pod %d `, pod)) {
						sent[pod]++
					}
				}
				mu.Unlock()
				return strings.Contains(string(body), `"log":"pod 3 LINE=7"`) &&
					!strings.Contains(string(body), `"record"`) && refusal(w, how)
			}
			out, log := start(t, d.domain, "Retry_Budget "+c.budget, "Linger 300ms",
				"Compress none")
			flushAll(out, 8, 1)
			d.requests()
			sent = [8]int{}
			n := flushAll(out, 8, 20)
			if c.budget == "0s" && out.Flush("kube.3", chunkOf(20, false, "pod 3")) {
				n++ // what was refused alone once is rejected when the chunk comes back
			}
			if n != 8 {
				t.Fatalf("%s: %d of 8 chunks settled\n%s", how, n, log)
			}
			if d.in("eks-log") != 8*20-1 || d.in("eks-log-dead-letter") != 1 {
				t.Fatalf("%s: %d documents, %d dead letters\n%s", how, d.in("eks-log"),
					d.in("eks-log-dead-letter"), log)
			}
			for pod, n := range sent {
				if pod != 3 && n != 2 {
					t.Fatalf("%s: the lines of pod %d were sent in %d requests: %v", how, pod, n,
						d.lines)
				}
			}
			if d.lines[0] != 8*20 {
				t.Fatalf("%s: requests of %v documents", how, d.lines)
			}
		})
	}
}

// TestPipelineThatIsMissing waits for the section's pipeline, but not for one that a record names.
func TestPipelineThatIsMissing(t *testing.T) {
	for pipeline, settled := range map[string]bool{"$log": true, "fixed": false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if r.URL.Query().Get("pipeline") == "" &&
					!strings.Contains(string(body), `"pipeline"`) {
					return false
				}
				item := `{"create":{"status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [x] does not exist"}}}`
				n := strings.Count(string(body), "\n") / 2
				_, _ = fmt.Fprintf(w, `{"errors":true,"items":[%s]}`,
					strings.Repeat(item+",", n-1)+item)
				return true
			}
			out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none", "Pipeline "+pipeline)
			if out.Flush("t", chunkOf(3, false, "x")) != settled ||
				settled != (d.in("eks-log-dead-letter") == 3) ||
				log.count("cannot write dead letters") != 0 {
				t.Fatalf("%s: %d dead letters\n%s", pipeline, d.in("eks-log-dead-letter"), log)
			}
		})
	}
}

// TestItemsErrorsAreWrittenOnceForAKind has two kinds of errors among the items of an answer.
func TestItemsErrorsAreWrittenOnceForAKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		slow(d, time.Millisecond)
		d.judge = func(_, doc string) (int, string) {
			if strings.Contains(doc, `LINE=1`) { // 1 and 10 to 19
				return 429, "rejected_execution_exception"
			}
			return 403, "cluster_block_exception"
		}
		out, log := start(t, d.domain, "Retry_Budget 0s")
		if out.Flush("t", chunkOf(20, false, "x")) {
			t.Fatal("settled")
		}
		if log.count("index eks-log does not take documents now: ") != 2 ||
			log.count("cluster_block_exception: because") != 1 ||
			log.count("rejected_execution_exception: because") != 0 {
			t.Fatalf("one line for each kind, with a reason where it is "+
				"about the server alone:\n%s", log)
		}
		if out.counts.Stored.Get() != 0 || !out.breaker.isOpen() {
			t.Fatal("the domain took nothing, but counts as if it had")
		}
	})
}
