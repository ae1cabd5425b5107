package deliver

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
)

// linesChunk makes a chunk of lines, one a nanosecond, from the one whose number is from on. A line
// that begins with "2:" is of the other stream.
func linesChunk(from int, texts ...string) []byte {
	var b []byte
	for i, text := range texts {
		nsec := uint32(1_000_001 + from + i)
		stream := "stdout"
		if rest, ok := strings.CutPrefix(text, "2:"); ok {
			stream, text = "stderr", rest
		}
		b = append(b, 0x92, 0x92, 0xd7, 0, 0x69, 0x4a, 0x11, 0x22, byte(nsec>>24), byte(nsec>>16),
			byte(nsec>>8), byte(nsec), 0x80)
		b = msgp.AppendMapHeader(b, 2)
		b = msgp.AppendString(msgp.AppendString(b, "stream"), stream)
		b = msgp.AppendString(msgp.AppendString(b, "log"), text)
	}
	return b
}

// texts returns the text of each document of an index, sorted.
func (d *domain) texts(t *testing.T, index string) []string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for key, doc := range d.stored {
		if !strings.HasPrefix(key, index+"/") {
			continue
		}
		var fields struct{ Log string }
		if err := json.Unmarshal([]byte(doc), &fields); err != nil {
			t.Fatal(err)
		}
		out = append(out, fields.Log)
	}
	sort.Strings(out)
	return out
}

func wantTexts(t *testing.T, d *domain, log *lines, want ...string) {
	t.Helper()
	sort.Strings(want)
	if got := d.texts(t, "eks-log"); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("got %q\nwant %q\n%s", got, want, log)
	}
}

func TestTraceBecomesOneDocument(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d, "Multiline go, java")
	chunk := linesChunk(0, "a", "xException: b", "2:panic: c", "\tat d", "2:", "e",
		"2:goroutine 1 [running]:", "\tat f")
	for range 2 { // the second one is taken for new lines that are equal, and has the same ids
		if !out.Flush("kube.a", chunk) {
			t.Fatal(log)
		}
	}
	wantTexts(t, d, log, "a", "xException: b\n\tat d", "panic: c\n\ngoroutine 1 [running]:", "e",
		"\tat f")
}

// TestTraceReadAgainInOtherCuts has what a crash does: the end of a file's last read comes once
// more, with what was written since, in either order.
func TestTraceReadAgainInOtherCuts(t *testing.T) {
	short := linesChunk(0, "xException: a", "\tat b")
	single := linesChunk(0, "xException: a")
	long := linesChunk(0, "xException: a", "\tat b", "\tat c", "d")
	for _, order := range [][][]byte{{short, long}, {long, short}, {single, long}, {long, single},
		{short, single, long, short}} {
		d := newDomain(t)
		out, log := start(t, d, "Multiline java")
		for _, chunk := range order {
			if !out.Flush("kube.a", chunk) {
				t.Fatal(log)
			}
		}
		wantTexts(t, d, log, "xException: a\n\tat b\n\tat c", "d")
	}
}

// TestTraceInADataStream has a target that takes nothing but create.
func TestTraceInADataStream(t *testing.T) {
	d := newDomain(t)
	d.createOnly = true
	out, log := start(t, d, "Multiline java")
	short, long := linesChunk(0, "x", "xException: a", "\tat b"),
		linesChunk(1, "xException: a", "\tat b", "\tat c", "d")
	for _, chunk := range [][]byte{short, short, long, long, short} {
		if !out.Flush("kube.a", chunk) {
			t.Fatal(log)
		}
	}
	wantTexts(t, d, log, "x", "xException: a\n\tat b", "xException: a\n\tat b\n\tat c", "d")
	if log.count("data stream") != 1 {
		t.Fatal(log)
	}
}

// TestTraceWithoutIDs has a domain that makes its own.
func TestTraceWithoutIDs(t *testing.T) {
	d := newDomain(t)
	d.judge = func(string, string) (int, string) { return 201, "" }
	refused := 0
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if strings.Contains(string(body), `"_id"`) || strings.Contains(string(body), `"version"`) {
			refused++
			return 400, `{"error":{"type":"illegal_argument_exception","reason":"Document ID is not supported in create/index operation request"},"status":400}`
		}
		return 0, ""
	}
	out, log := start(t, d, "Multiline java")
	for i := range 2 {
		if !out.Flush("kube.a", linesChunk(10*i, "x", "xException: a", "\tat b")) {
			t.Fatal(log)
		}
	}
	wantTexts(t, d, log, "x", "x", "xException: a\n\tat b", "xException: a\n\tat b")
	if refused != 1 {
		t.Fatalf("%d requests with ids, want 1", refused)
	}
}

// TestRejectedTraceIsADeadLetterWhole has the dead letter hold all lines.
func TestRejectedTraceIsADeadLetterWhole(t *testing.T) {
	d := newDomain(t)
	d.judge = func(index, doc string) (int, string) {
		if index == "eks-log" && strings.Contains(doc, "xException") {
			return 400, "mapper_parsing_exception"
		}
		return 201, ""
	}
	out, log := start(t, d, "Multiline java")
	if !out.Flush("kube.a", linesChunk(0, "x", "xException: a", "\tat b", "y")) {
		t.Fatal(log)
	}
	wantTexts(t, d, log, "x", "y")
	if d.in("eks-log-dead-letter") != 1 {
		t.Fatal(log)
	}
	for key, doc := range d.stored {
		if strings.Contains(key, "dead-letter") &&
			!strings.Contains(doc, `xException: a\\n\\tat b`) {
			t.Fatalf("the dead letter has not all lines: %s", doc)
		}
	}
}

// TestTraceByTheReferenceEncoder has a chunk that comes back after a panic, and one that is given
// up: each line is somewhere once.
func TestTraceByTheReferenceEncoder(t *testing.T) {
	for _, panics := range []int{1, maxPanics} {
		d := newDomain(t)
		out, log := start(t, d, "Multiline java")
		chunk := linesChunk(0, "x", "xException: a", "\tat b", "y")
		l := out.ledger.begin("kube.a", chunk)
		l.panics = panics - 1
		var settled bitmap
		if panics == maxPanics { // the trace was stored before
			settled = newBitmap(4)
			settled.set(1)
			settled.set(2)
		}
		l.panicked(settled)
		if !out.Flush("kube.a", chunk) {
			t.Fatal(log)
		}
		if panics == 1 {
			wantTexts(t, d, log, "x", "xException: a\n\tat b", "y")
		} else if wantTexts(t, d, log); d.in("fluent-bit-dead-letter") != 2 {
			t.Fatalf("%d dead letters, want those of x and y\n%s", d.in("fluent-bit-dead-letter"), log)
		}
	}
}

// TestSettledTraceSettlesItsLines has a chunk go back with its trace stored.
func TestSettledTraceSettlesItsLines(t *testing.T) {
	d := newDomain(t)
	d.judge = func(_, doc string) (int, string) {
		if strings.Contains(doc, `"y"`) {
			return 429, "es_rejected_execution_exception"
		}
		return 201, ""
	}
	out, log := start(t, d, "Multiline java")
	chunk := linesChunk(0, "x", "xException: a", "\tat b", "y")
	if out.Flush("kube.a", chunk) {
		t.Fatal("settled, although one line was refused")
	}
	l := out.ledger.begin("kube.a", chunk)
	if l.settled == nil || !l.settled.has(0) || !l.settled.has(1) || !l.settled.has(2) ||
		l.settled.has(3) {
		t.Fatalf("settled %b\n%s", l.settled, log)
	}
}

// TestLanguagesAreThoseOfTheOption has the option's list and the rules agree.
func TestLanguagesAreThoseOfTheOption(t *testing.T) {
	given := map[string]string{"Endpoint": "https://localhost", "AWS_Auth": "Off",
		"Multiline": "Go, java,python ,RUBY"}
	cfg, err := config.Load(func(name string) string { return given[name] },
		func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if rules, err := compile.NewRules(cfg); err != nil || rules == nil {
		t.Fatal(rules, err)
	}
}

// TestNoLineIsLostHoweverItIsCut has files whose lines come in chunks cut at random, which arrive
// in any order, as after outages, some of them twice, cut elsewhere, as after a crash. Each line is
// in a document; where a file was read once, in one alone.
func TestNoLineIsLostHoweverItIsCut(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		d := newDomain(t)
		d.createOnly = r.IntN(4) == 0
		out, log := start(t, d, "Multiline java",
			fmt.Sprintf("Multiline_Max_Lines %d", 2+r.IntN(8)))
		var file []string
		for n := 0; len(file) < 40; n++ {
			file = append(file, fmt.Sprintf("line %d.", n))
			if r.IntN(2) == 0 {
				file = append(file, fmt.Sprintf("xException: %d.", n))
				for k := range r.IntN(6) {
					file = append(file, fmt.Sprintf("\tat %d.%d.", n, k))
				}
			}
		}
		var chunks [][]byte
		read := func(from, end int) {
			for from < end {
				to := min(end, from+1+r.IntN(12))
				chunks = append(chunks, linesChunk(from, file[from:to]...))
				from = to
			}
		}
		again := seed%2 == 1
		if again { // a crash, perhaps within a trace
			end := 1 + r.IntN(len(file))
			read(0, end)
			read(r.IntN(end), len(file))
		} else {
			read(0, len(file))
		}
		r.Shuffle(len(chunks), func(i, k int) { chunks[i], chunks[k] = chunks[k], chunks[i] })
		for _, chunk := range chunks {
			if !out.Flush("kube.a", chunk) {
				t.Fatal(log)
			}
		}
		all := strings.Join(d.texts(t, "eks-log"), "\n") + "\n"
		for _, line := range file {
			if n := strings.Count(all, line+"\n"); n == 0 || n > 1 && !again {
				t.Fatalf("seed %d: %q is there %d times\n%s", seed, line, n, all)
			}
		}
	}
}
