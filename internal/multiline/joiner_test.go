package multiline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/test/suites/multiline/model"
)

// appendRecord appends a record as Fluent Bit 5 has it.
func appendRecord(b []byte, n int, body map[string]any) []byte {
	b = append(b, 0x92, 0x92, 0xd7, 0, 0x69, 0x4a, 0x11, 0x22, 0, 0, byte(n>>8), byte(n), 0x80)
	b, err := msgp.AppendIntf(b, body)
	if err != nil {
		panic(err)
	}
	return b
}

// join goes through a chunk as a flush does, and returns its documents: the number of each one's
// record, and its text.
func join(t testing.TB, j *Joiner, data []byte) map[int]string {
	t.Helper()
	documents := map[int]string{}
	parts := map[int]int{}
	j.Start(data)
	w := chunk.NewWalker(data)
	var r chunk.Record
	for i := 0; ; i++ {
		ok, err := w.Next(&r)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		n, err := chunk.Skip(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		body := r.Body[:n]
		switch j.Next(&r) {
		case Rest:
			parts[j.First()]++
			w.Advance(n)
			continue
		case First:
			parts[i] -= j.Lines() - 1
			var own int
			if body, own = j.AppendBody(nil); own != n {
				t.Fatalf("record %d: a body of %d bytes, want %d", i, own, n)
			}
			checkRest(t, r.Body[:n], body)
		}
		w.Advance(n)
		v, rest, err := msgp.ReadIntfBytes(body)
		if err != nil || len(rest) > 0 {
			t.Fatalf("record %d: %v, %d bytes left", i, err, len(rest))
		}
		documents[i], _ = v.(map[string]any)["log"].(string)
	}
	for first, off := range parts {
		if off != 0 {
			t.Fatalf("the trace of record %d: %d lines more than it says", first, off)
		}
	}
	return documents
}

// checkRest wants a joined body to differ from the first line's own in the text alone.
func checkRest(t testing.TB, own, joined []byte) {
	t.Helper()
	a, _, _ := msgp.ReadIntfBytes(own)
	b, _, err := msgp.ReadIntfBytes(joined)
	if err != nil {
		t.Fatal(err)
	}
	x, y := a.(map[string]any), b.(map[string]any)
	x["log"], y["log"] = "", ""
	if fmt.Sprint(x) != fmt.Sprint(y) {
		t.Fatalf("got %v, want %v", y, x)
	}
}

func rulesOf(t testing.TB, o Options) *Rules {
	t.Helper()
	if o.Key == "" {
		o.Key = "log"
	}
	if o.MaxLines == 0 {
		o.MaxLines, o.MaxBytes = 1000, 256<<10
	}
	r, err := Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	goTrace = `panic: runtime error: invalid memory address or nil pointer dereference [recovered]
	panic: again
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x49f1a6]

goroutine 1 [running]:
main.(*server).handle(0x0, {0x4c5d80?, 0xc00001c0a8?})
	/src/main.go:12 +0x1d
main.main()
	/src/main.go:7 +0x25

goroutine 18 [chan receive]:
created by main.main in goroutine 1
	/src/main.go:6 +0x20`
	httpTrace = `2026/11/25 10:00:00 http: panic serving 10.0.0.1:42: boom
goroutine 34 [running]:
net/http.(*conn).serve.func1()
	/go/src/net/http/server.go:1868 +0xb9`
	javaTraceText = `2026-11-25 10:00:00 ERROR c.e.Orders - failed java.lang.IllegalStateException: no stock
	at com.example.Orders.place(Orders.java:42) ~[app.jar:1]
	at com.example.Web.post(Web.java:7)
	Suppressed: java.io.IOException: closed
		at com.example.Db.close(Db.java:1)
Caused by: java.sql.SQLException
	at com.example.Db.query(Db.java:99)
	... 12 more
Caused by: java.net.ConnectException: refused
	... 14 common frames omitted`
	csharpTrace = `System.InvalidOperationException: outer ---> System.Exception: inner
   at Orders.Place()
   --- End of inner exception stack trace ---
   at Orders.Main()`
	jsTrace = `TypeError: x is not a function
    at Object.<anonymous> (/app/index.js:3:1)
    at node:internal/main/run_main_module:17:47`
	pythonTrace = `Traceback (most recent call last):
  File "/app/orders.py", line 4, in place
    stock.take(item)
    ~~~~~~~~~~^^^^^^
KeyError: 'item'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 1, in <module>
    place()
app.errors.OrderError`
	rubyTrace1 = "/app/orders.rb:12:in `place': no stock (RuntimeError)\n\tfrom /app/web.rb:3:in `post'\n\tfrom /app/main.rb:1:in `<main>'"
)

var traces = []struct{ language, text string }{
	{"go", goTrace}, {"go", httpTrace}, {"go", "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select (no cases)]:\nmain.main()\n\t/src/main.go:3 +0x1"},
	{"java", javaTraceText}, {"java", csharpTrace}, {"java", jsTrace}, {"python", pythonTrace}, {"ruby", rubyTrace1},
}

// TestTraceIsOneDocument has each trace between other lines, in the ways that a line ends.
func TestTraceIsOneDocument(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n"} {
		for _, trace := range traces {
			j := NewJoiner(rulesOf(t, Options{Languages: []string{trace.language}}))
			lines := strings.Split("before\n"+trace.text+"\nafter, with words", "\n")
			var data []byte
			for i, l := range lines {
				data = appendRecord(data, i, map[string]any{"stream": "stderr", "log": l + end, "kubernetes": map[string]any{"pod_name": "a"}})
			}
			want := strings.ReplaceAll(trace.text, "\n", end+"\n") + end
			switch end {
			case "\n":
				want = trace.text + "\n"
			case "\r\n":
				want = strings.ReplaceAll(trace.text, "\n", "\r\n") + "\r\n"
			}
			got := join(t, j, data)
			if len(got) != 3 || got[1] != want {
				t.Errorf("%s with %q: %d documents:\n%s\nwant 3, the second of them\n%s", trace.language, end, len(got), describe(got, len(lines)), want)
			}
		}
	}
}

// TestOtherLinesStayAlone has what looks like a part of a trace and is none.
func TestOtherLinesStayAlone(t *testing.T) {
	f := func(lines ...string) {
		t.Helper()
		j := NewJoiner(rulesOf(t, Options{Languages: Languages}))
		var data []byte
		for i, l := range lines {
			data = appendRecord(data, i, map[string]any{"log": l})
		}
		if got := join(t, j, data); len(got) != len(lines) {
			t.Errorf("%d documents, want %d:\n%s", len(got), len(lines), describe(got, len(lines)))
		}
	}
	f("\tat com.example.A.b(A.java:1)", "Caused by: x", "... 3 more") // without a first line
	f("order failed: Error: no stock", "at 10:00 it was tried again")
	f("xError: a", "", "", "xError: b", "")
	f("NoErrors", "Exceptional", "Errors: 3", "\tat x")
	f("don't panic: keep calm", "", "goroutines: 3")
	f("Traceback (most recent call last): is what Python says", "  File x")
	f("Traceback (most recent call last):", `{"level":"info"}`, "KeyError: x")
	f("10:12:in the morning", "   from here", "a:12:in b", "from c:1:in d")
	f("kernel panic", "", "goroutine 1 [running]:")
}

// TestRuleOfOnesOwn has both forms of it.
func TestRuleOfOnesOwn(t *testing.T) {
	f := func(o Options, want string, lines ...string) {
		t.Helper()
		j := NewJoiner(rulesOf(t, o))
		var data []byte
		for i, l := range lines {
			data = appendRecord(data, i, map[string]any{"log": l})
		}
		if got := describe(join(t, j, data), len(lines)); got != want {
			t.Errorf("%+v: got\n%swant\n%s", o, got, want)
		}
	}
	date := `^\d{4}-\d\d-\d\d `
	f(Options{Start: date}, "0 \"x\"\n1 \"2026-11-25 a\\nb\\n\\nc\"\n5 \"2026-11-26 d\"\n", "x", "2026-11-25 a", "b", "", "c", "2026-11-26 d")
	f(Options{Start: `^BEGIN$`, Continue: `^ |^END$`}, "0 \"BEGIN\\n a\\nEND\"\n3 \"c\"\n", "BEGIN", " a", "END", "c")
	f(Options{Start: `x$`, Continue: `^$`}, "0 \"ax\\n\"\n2 \"b\"\n", "ax", "", "b")
	f(Options{Start: date, Languages: []string{"python"}}, "0 \"x\"\n1 \"Traceback (most recent call last):\\n  File\"\n3 \"2026-11-25 a\\nb\\nTraceback (most recent call last):\"\n",
		"x", "Traceback (most recent call last):", "  File", "2026-11-25 a", "b", "Traceback (most recent call last):")
}

func TestCompileFailure(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		if _, err := Compile(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
	f(Options{}, "no rule")
	f(Options{Languages: []string{"perl"}}, `no language "perl": write some of go, java, python, ruby`)
	f(Options{Languages: []string{"go", "go"}}, "twice")
	f(Options{Start: "("}, "Multiline_Start")
	f(Options{Start: "a", Continue: "["}, "Multiline_Continue")
}

// TestFirstBytes wants no expression to run on a line that it cannot match, and each to run where
// it can.
func TestFirstBytes(t *testing.T) {
	f := func(text, can, cannot string) {
		t.Helper()
		p, err := newPattern("x", text)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 256 {
			line := []byte{byte(c), 'x', '1'}
			may := p.first == nil || p.first[c]
			if p.re.Match(line) && !may || strings.IndexByte(can, byte(c)) >= 0 && !may || strings.IndexByte(cannot, byte(c)) >= 0 && may {
				t.Errorf("%s: byte %#x: runs %v", text, c, may)
			}
		}
	}
	f(`^\d{4}-`, "0123456789", "ab -{")
	f(`^(?:a|[bc]+d)`, "abc", "de0")
	f(`^(?i)error`, "eE", "f")
	f(`^\s*x?1`, "x1 ", "ab")
	f(`error`, "abc", "")
	f(`^é`, "\xc3", "a")
	f(`^`, "abc\x00", "")
	f(`(?m)^a`, "ab", "")
}

// generated makes the lines of a chunk, of what traces are made of and what is near to that.
func generated(r *rand.Rand, n int) (data []byte, lines []model.Line) {
	var vocabulary []string
	for _, trace := range traces {
		vocabulary = append(vocabulary, strings.Split(trace.text, "\n")...)
	}
	vocabulary = append(vocabulary, "", " ", "\t", "word", "INFO: x", "a.b.c", "a..b:", ".a:", "Error", "xError:y", "eval at x", "  eval at y",
		"nested exception is: x", "\tnested exception is:", "panic: ", "x panic: y", "http: panic serving panic: z", "runtime stack:", "goroutine [x:",
		"...3 frames elided...", "...additional frames elided...", "f(", ".(", "((", "a b(", "\v", "x\nError: z", "\xff\xfe(", "\xe9rror:", "from a:1:in b",
		"\x80:", "0a:", "9a:", "+ Exception Group "+pythonStart, "  + Exception Group "+pythonStart, "1a:", "\tat \xff", "[CIRCULAR REFERENCE:x]", "\t[CIRCULAR REFERENCE:x]")
	sources := 1 + r.IntN(6)
	trace := make([][]string, sources) // what is left of a trace that a source is in
	for i := range n {
		s := r.IntN(sources)
		if len(trace[s]) == 0 && r.IntN(4) == 0 {
			trace[s] = strings.Split(traces[r.IntN(len(traces))].text, "\n")
		}
		var text string
		if len(trace[s]) > 0 && r.IntN(12) > 0 {
			text, trace[s] = trace[s][0], trace[s][1:]
		} else {
			text = vocabulary[r.IntN(len(vocabulary))]
		}
		raw := text + []string{"", "\n", "\r\n"}[r.IntN(3)]
		stream, pod := []string{"stdout", "stderr"}[s%2], fmt.Sprint("pod", s/2)
		l := model.Line{Source: stream + pod, Text: raw, HasText: true}
		body := map[string]any{"stream": stream, "log": raw, "kubernetes": map[string]any{"pod_name": pod, "labels": map[string]any{"stream": "x"}}, "n": i}
		if r.IntN(20) == 0 {
			l = model.Line{Source: l.Source}
			body["log"] = i
			if i%2 == 0 {
				delete(body, "log")
			}
		}
		if text != "" && strings.HasSuffix(text, "\r") || strings.HasSuffix(text, "\n") {
			panic("a line of the vocabulary has an end of its own")
		}
		lines = append(lines, l)
		data = appendRecord(data, i, body)
	}
	return data, lines
}

// checkModel compares one chunk, of a seed, with the model.
func checkModel(t *testing.T, seed uint64, n int, o Options) {
	t.Helper()
	data, lines := generated(rand.New(rand.NewPCG(seed, 1)), n)
	j := NewJoiner(rulesOf(t, o))
	rules := model.New(model.Options{Languages: o.Languages, Start: o.Start, Continue: o.Continue, MaxLines: o.MaxLines, MaxBytes: o.MaxBytes})
	documents := map[int]string{}
	for _, of := range rules.Join(lines) {
		documents[of[0]] = model.Text(lines, of)
	}
	want := describe(documents, n)
	for turn := range 2 { // as when the chunk comes back
		if got := describe(join(t, j, data), n); got != want {
			t.Fatalf("seed %d, turn %d, %+v: got\n%s\nwant\n%s", seed, turn, o, got, want)
		}
	}
}

// optionsOf has some of the languages, a bit each, and one of three rules of one's own or none.
func optionsOf(bits uint8, maxLines, maxBytes int) Options {
	o := Options{MaxLines: maxLines, MaxBytes: maxBytes}
	for i, name := range Languages {
		if bits>>i&1 == 0 {
			o.Languages = append(o.Languages, name)
		}
	}
	switch bits >> 4 & 3 {
	case 1:
		o.Start = `^[A-Z]`
	case 2:
		o.Start, o.Continue = `^\S`, `^\s`
	case 3:
		o.Start, o.Continue = `:$`, `.`
	}
	if len(o.Languages) == 0 && o.Start == "" {
		o.Languages = []string{"go"}
	}
	return o
}

func TestJoinsAsTheModelDoes(t *testing.T) {
	for seed := range uint64(800) {
		checkModel(t, seed, int(20+seed%60), optionsOf(uint8(seed), int(2+seed%30), int(20+seed*37%2000)))
	}
}

func FuzzJoin(f *testing.F) {
	f.Add(uint64(1), uint8(40), uint16(1000), uint16(30000), uint8(0))
	f.Add(uint64(2), uint8(200), uint16(3), uint16(50), uint8(3))
	f.Add(uint64(3), uint8(200), uint16(9), uint16(500), uint8(0x2f))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8, maxLines, maxBytes uint16, bits uint8) {
		checkModel(t, seed, int(n), optionsOf(bits, 2+int(maxLines), int(maxBytes)))
	})
}

func describe(documents map[int]string, n int) string {
	var b strings.Builder
	for i := range n {
		if text, ok := documents[i]; ok {
			fmt.Fprintf(&b, "%d %q\n", i, text)
		}
	}
	return b.String()
}

// FuzzDamaged has any bytes for a chunk: it neither panics nor reads beyond them.
func FuzzDamaged(f *testing.F) {
	data, _ := generated(rand.New(rand.NewPCG(1, 2)), 30)
	f.Add(data)
	f.Add(data[:len(data)-7])
	f.Fuzz(func(t *testing.T, data []byte) {
		j := NewJoiner(rulesOf(t, Options{Languages: Languages}))
		j.Start(data)
		w := chunk.NewWalker(data)
		var r chunk.Record
		for {
			if ok, err := w.Next(&r); !ok || err != nil {
				return
			}
			n, err := chunk.Skip(r.Body)
			role := j.Next(&r)
			if err != nil {
				return
			}
			if role == First {
				if _, own := j.AppendBody(nil); own != n {
					t.Fatalf("a body of %d bytes, want %d", own, n)
				}
			}
			w.Advance(n)
		}
	})
}

// TestKeyThereTwice has a key twice, which no trace takes a line of.
func TestKeyThereTwice(t *testing.T) {
	record := func(b []byte, texts ...string) []byte {
		b = append(b, 0x92, 0x92, 0xd7, 0, 0x69, 0x4a, 0x11, 0x22, 0, 0, 0, 1, 0x80)
		b = msgp.AppendMapHeader(b, uint32(len(texts)))
		for _, text := range texts {
			b = msgp.AppendString(msgp.AppendString(b, "log"), text)
		}
		return b
	}
	var data []byte
	data = record(data, "xError: a")
	data = record(data, "\tat b", "\tat c")
	data = record(data, "\tat d")
	data = record(data, "xError: a", "xError: b")
	data = record(data, "\tat d")
	j := NewJoiner(rulesOf(t, Options{Languages: []string{"java"}}))
	if got := join(t, j, data); len(got) != 5 {
		t.Errorf("got %v", got)
	}
}
