package deliver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/logging"
)

func TestRejectionsAreCountedAndNoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		r := newRejections(logging.New(log.sink, logging.Debug, "test"))
		letters := func(index string, n int) []deadletter.Record {
			l := make([]deadletter.Record, n)
			for i := range l {
				l[i] = deadletter.Record{Index: index, Type: "mapper_parsing_exception",
					ID: "the-id"}
			}
			return l
		}
		f := func(said int, part string) {
			t.Helper()
			synctest.Wait()
			if log.count("dead letters") != said || log.count(part) != 1 {
				t.Fatalf("want %d lines, one of them with %q:\n%s", said, part, log)
			}
		}
		r.add(append(letters("a", 2), letters("b", 1)...))
		f(2, `2 records for index "a" are in the dead letters with mapper_parsing_exception; the last one has the id "the-id"`)
		r.add(letters("a", 3))
		r.add(letters("a", 4))
		f(2, `1 records for index "b"`)
		time.Sleep(rejectEvery + time.Second)
		f(3, `7 records for index "a"`)
		time.Sleep(3 * rejectEvery)
		if synctest.Wait(); len(r.groups) != 0 || r.timer != nil {
			t.Fatalf("%d groups are left", len(r.groups))
		}
		r.add(letters("c", 1))
		r.add(letters("c", 5))
		r.flush()
		f(5, `5 records for index "c"`)
		r.add(letters("d", 1))
		r.flush() // has nothing more to tell
		f(6, `1 records for index "d"`)
	})
}

// TestManyIndexesOfRejectionsShareALine has an index for each record, as a record's value may make it.
func TestManyIndexesOfRejectionsShareALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		r := newRejections(logging.New(log.sink, logging.Debug, "test"))
		records := make([]deadletter.Record, 3000)
		for i := range records {
			records[i] = deadletter.Record{Index: fmt.Sprint("a-", i), Type: "x", ID: "the-id"}
		}
		r.add(records)
		if n := log.count("dead letters"); n != 65 || log.count(`2936 records for index "(others)"`) != 1 {
			t.Errorf("%d lines:\n%s", n, log)
		}
		r.flush()
	})
}
