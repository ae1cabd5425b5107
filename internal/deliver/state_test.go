package deliver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a flush knows of its chunk is the chunk's: it comes back with it, and does not stay in the
// memory that the next flush uses.

// TestLostAnswerOfAnEarlierFlush is TestLostAnswerWithIDsOfRecords for a chunk that goes back
// meanwhile: what was sent before and whose answer was lost is taken for stored.
func TestLostAnswerOfAnEarlierFlush(t *testing.T) {
	d := newDomain(t)
	d.breaks = 1
	out, log := start(t, d, "Id_Key log", "Retry_Budget 0s")
	chunk := chunkOf(50, false, "x")
	if out.Flush("t", chunk) {
		t.Fatalf("settled\n%s", log)
	}
	out.breaker.next = time.Time{} // the time has passed
	if !out.Flush("t", chunk) || d.in("eks-log") != 50 || d.in("eks-log-dead-letter") != 0 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
}

// TestLostAnswerIsForgotten has other records with the same ids come after those whose answer was
// lost: they are not stored.
func TestLostAnswerIsForgotten(t *testing.T) {
	d := newDomain(t)
	d.breaks = 1
	out, log := start(t, d, "Id_Key trace", "Retry_Budget 10s")
	for i, text := range []string{"first", "second"} {
		if !out.Flush("t", traced(5, text)) || d.in("eks-log") != 5 ||
			d.in("eks-log-dead-letter") != 5*i {
			t.Fatalf("%s: %d documents, %d dead letters\n%s", text, d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	}
}

// TestRefusalAfterSuccess has a domain that took a chunk find each request of the next one
// unreadable: the next one is not halved down to its lines.
func TestRefusalAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			return strings.Contains(string(body), "second") && refusal(w, unreadable)
		}
		out, log := start(t, d.domain, "Retry_Budget 0s", "Compress none")
		if !out.Flush("t", chunkOf(10, false, "first")) {
			t.Fatalf("not settled\n%s", log)
		}
		d.requests()
		if out.Flush("t", chunkOf(1000, false, "second")) || len(d.seen) > 3 {
			t.Fatalf("%d requests\n%s", len(d.seen), log)
		}
	})
}

// TestEachChunksLinesAreTriedTwice has the first line of one chunk be to blame, and that of the
// next one be refused only for a moment.
func TestEachChunksLinesAreTriedTwice(t *testing.T) {
	for range 10 { // which half goes first is drawn
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			moment := 2 // the whole request, and the line alone
			d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
				time.Sleep(time.Millisecond)
				text := string(body)
				if strings.Contains(text, `"record"`) {
					return false
				}
				if strings.Contains(text, `"log":"second LINE=0"`) {
					moment--
					return moment >= 0 && refusal(w, unreadable)
				}
				return strings.Contains(text, `"log":"first LINE=0"`) && refusal(w, unreadable)
			}
			out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none")
			for i, text := range []string{"first", "second"} {
				if !out.Flush("t", chunkOf(2, false, text)) || d.in("eks-log-dead-letter") != 1 ||
					d.in("eks-log") != 1+2*i {
					t.Fatalf("%s: %d documents, %d dead letters\n%s", text, d.in("eks-log"),
						d.in("eks-log-dead-letter"), log)
				}
			}
		})
	}
}

// TestCurrentTimeIndex names the index by the clock, which begins in 2000 here; the records are of
// 2025.
func TestCurrentTimeIndex(t *testing.T) {
	for option, year := range map[string]int{"On": 2000, "Off": 2025} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			out, log := start(t, d.domain, "Index eks-log-%Y", "Current_Time_Index "+option)
			if index := fmt.Sprint("eks-log-", year); !out.Flush("t", chunkOf(3, false, "x")) ||
				d.in(index) != 3 {
				t.Fatalf("%v\n%s", d.stored, log)
			}
		})
	}
}

// TestEvictionsAreCounted has a ledger of one chunk, and two that go back.
func TestEvictionsAreCounted(t *testing.T) {
	d := newDomain(t)
	d.judge = func(string, string) (int, string) { return 429, "rejected_execution_exception" }
	out, log := start(t, d, "Retry_Budget 0s")
	out.ledger.limit = 1
	for i := range 3 {
		out.breaker.next = time.Time{} // the time has passed
		if out.Flush("t", chunkOf(3, false, fmt.Sprint(i))) ||
			out.counts.Evictions.Get() != uint64(i) {
			t.Fatalf("after %d chunks %d evictions are counted\n%s", i+1,
				out.counts.Evictions.Get(), log)
		}
	}
}

// TestDeadLetterThatIsRefusedAgain has the index for dead letters not read one, flush after flush:
// the error names what a person can do, once that is known.
func TestDeadLetterThatIsRefusedAgain(t *testing.T) {
	d := newDomain(t)
	d.judge = func(_, doc string) (int, string) {
		if strings.Contains(doc, "LINE=0") {
			return 400, "mapper_parsing_exception"
		}
		return 201, ""
	}
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if strings.Contains(string(body), `"record"`) {
			return 400, `{"error":{"type":"parse_exception","reason":"cannot read the request"},"status":400}`
		}
		return 0, ""
	}
	out, log := start(t, d, "Retry_Budget 0s")
	for range 2 {
		out.breaker.next = time.Time{} // the time has passed
		if out.Flush("t", chunkOf(3, false, "x")) {
			t.Fatalf("settled\n%s", log)
		}
		out.otherErrors.Recovered("the test", func(otherError) bool { return true }) // so that the next one is told
	}
	if log.count("cannot write dead letters to Dead_Letter_Index eks-log-dead-letter") != 2 ||
		log.count("let its mapping take any dead letter") != 1 {
		t.Fatalf("%s", log)
	}
}

// TestRecoveryNamesWhatHadFailed is the line at the end of an error: of an index's items, or of
// requests.
func TestRecoveryNamesWhatHadFailed(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, body []byte) bool
		line   string
	}{
		"items": {func(w http.ResponseWriter, body []byte) bool {
			_, _ = fmt.Fprint(w, answerAll(string(body), 403, "cluster_block_exception"))
			return true
		}, "(blocked of index eks-log)"},
		"request": {func(w http.ResponseWriter, _ []byte) bool { return refuseWith(w, 403, "cluster_block_exception") }, "(blocked)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
				return len(d.seen) == 1 && c.answer(w, body)
			}
			out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none")
			if !out.Flush("t", chunkOf(5, false, "x")) ||
				log.count("delivery recovered, after ") != 1 {
				t.Fatalf("%s\n%s", name, log)
			}
			if log.count(c.line) != 1 {
				t.Errorf("%s: no %q\n%s", name, c.line, log)
			}
		})
	}
}

// TestManyIndexesErrorsHideNoOutage has more indexes refuse documents than errors are kept apart, as
// records' values may name them: that the domain fails as a whole then is written all the same.
func TestManyIndexesErrorsHideNoOutage(t *testing.T) {
	d := newDomain(t)
	d.judge = func(string, string) (int, string) { return 403, "cluster_block_exception" }
	out, log := start(t, d, "Index $log", "Retry_Budget 0s")
	for i := range 300 {
		out.breaker.next = time.Time{} // the time has passed
		out.Flush("t", chunkOf(1, false, fmt.Sprint("index-", i)))
	}
	if log.count("does not take documents now") < 200 {
		t.Fatalf("%s", log)
	}
	d.Close()
	out.breaker.next = time.Time{}
	if out.Flush("t", chunkOf(1, false, "x")) || log.count("cannot deliver: ") != 1 {
		t.Fatalf("%d lines about a domain that is gone", log.count("cannot deliver: "))
	}
}
