package multiline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// traceOf is the lines of trace n, no two of which are equal, nor any to those of another trace.
func traceOf(n int) []string {
	var text string
	switch n % 3 {
	case 0:
		text = `panic: order N/0

goroutine N [running]:
main.(*orders).place(0xN)
	/src/orders.go:12 +0xN
main.handle(0xN, 0x1)
	/src/main.go:40 +0xN
created by main.main in goroutine N
	/src/main.go:20 +0xN/1`
	case 1:
		text = `2026-11-25 10:00:00 ERROR orders - java.lang.IllegalStateException: order N/0
	at com.example.Orders.place(Orders.java:N/1)
	at com.example.Web.post(Web.java:N/2)
	at com.example.Main.run(Main.java:N/3)
	... N more
Caused by: java.sql.SQLException: order N/4
	at com.example.Db.query(Db.java:N/5)
	at com.example.Db.open(Db.java:N/6)
	... N common frames omitted`
	default:
		text = `Traceback (most recent call last):
  File "/app/main.py", line N/0, in <module>
    main(N)
  File "/app/orders.py", line N/1, in place
    stock.take(N)
  File "/app/stock.py", line N/2, in take
    raise KeyError(N)
KeyError: 'order N/3'`
	}
	return strings.Split(strings.ReplaceAll(text, "N", fmt.Sprint(n)), "\n")
}

// event returns the lines of event n, and their stream: a trace or, every other time, one line.
func event(n int) (lines []string, stream string) {
	if n%2 == 0 {
		return traceOf(n), "stderr"
	}
	return []string{fmt.Sprintf("level=info msg=\"request served\" order=%d", n)}, "stdout"
}

// written are the events that were written.
type written struct {
	traces [][]string
	others []string
}

func (w *written) add(lines []string) {
	if len(lines) > 1 {
		w.traces = append(w.traces, lines)
	} else {
		w.others = append(w.others, lines...)
	}
}

// writeAll writes so many events to each pod's log at once, with a line of the other stream between
// any two of a trace.
func writeAll(t *testing.T, pods *stack.Pods, of, each int) (w written) {
	put := func(pod int, stream, line string) {
		if err := pods.Write(pod, stream, "F", line); err != nil {
			t.Fatal(err)
		}
	}
	for pod := range of {
		for n := pod * each; n < (pod+1)*each; n++ {
			lines, stream := event(n)
			w.add(lines)
			for i, line := range lines {
				if put(pod, stream, line); len(lines) > 1 {
					between := fmt.Sprintf("level=info msg=\"between\" order=%d/%d", n, i)
					w.add([]string{between})
					put(pod, "stdout", between)
				}
			}
		}
	}
	return w
}

// writeFor writes events to the pods' logs for a while, as programs that flush each line.
func writeFor(t *testing.T, pods *stack.Pods, of int, rate float64,
	long time.Duration) (w written) {
	var mu sync.Mutex // guards next and w
	var all sync.WaitGroup
	next := 0
	end := time.Now().Add(long)
	for pod := range of {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(pod), 1))
			at := time.Now()
			for {
				at = at.Add(time.Duration(r.ExpFloat64() * float64(of) / rate * 1e9))
				if at.After(end) {
					return
				}
				time.Sleep(time.Until(at))
				mu.Lock()
				lines, stream := event(next)
				next++
				mu.Unlock()
				for _, line := range lines {
					if err := pods.Write(pod, stream, "F", line); err != nil {
						t.Error(err)
						return
					}
				}
				mu.Lock()
				w.add(lines)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return w
}
