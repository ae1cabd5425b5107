package replay

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/deadletter"
)

// rec is a dead-letter record whose id is made as the plugin makes them: from the time.
func rec(n int) deadletter.Record {
	return deadletter.Record{
		Time: time.Unix(0, 0), Tag: "t", Index: "a", ID: fmt.Sprintf("AAAAAAAA%012d", n),
		Status: 400,
		Type:   "mapper_parsing_exception", Reason: "because", Attempts: 1,
		Document: fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

func lines(records ...deadletter.Record) (b []byte) {
	for i := range records {
		b = append(records[i].AppendJSON(b, 0), '\n')
	}
	return b
}

func many(from, to int) (all []deadletter.Record) {
	for n := from; n < to; n++ {
		all = append(all, rec(n))
	}
	return all
}

func put(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs the command against a domain and returns its exit status and what it wrote.
func runCommand(t *testing.T, d *domain, args ...string) (code int, out, errs string) {
	t.Helper()
	return commandIn(t.Context(), d, args...)
}

func commandIn(ctx context.Context, d *domain, args ...string) (code int, out, errs string) {
	var stdout, stderr strings.Builder
	code = Run(ctx, append([]string{"-o", "Endpoint=" + d.url, "-o", "AWS_Auth=Off"}, args...),
		func(string) string { return "" }, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// left is what a replay left of a path's dead letters.
func left(t *testing.T, path string) string {
	t.Helper()
	names, err := deadletter.Files(path)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

// mixed is one dead letter of each kind: two that go in, one of an id that is stored already, one
// that is refused, a cut one, one without a document, and damaged lines.
func mixed(d *domain) []byte {
	d.stored["a/"+rec(2).ID] = string(rec(2).Document)
	d.refuse = func(op, _, _, document string) (int, string) {
		if op == "create" && document == `{"n":3}` {
			return 400, "mapper_parsing_exception"
		}
		return 0, ""
	}
	cut, raw := rec(4), rec(5)
	cut.Document = []byte(`{"n":"` + strings.Repeat("x", 2000) + `"}`)
	raw.Document, raw.Raw = nil, []byte{0xc1}
	text := append(lines(rec(0), rec(1), rec(2), rec(3)),
		cut.AppendJSON(nil, deadletter.MinLimit)...)
	text = append(append(text, '\n'), lines(raw)...)
	return append(text, "{\"@timestamp\":\"20\n\n\x00\x00\n"...)
}

func TestFileOfEachKind(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), mixed(d))
	code, out, errs := runCommand(t, d, path)
	if code != 1 {
		t.Errorf("exit status %d: %s", code, errs)
	}
	want(t, out, "2 replayed, 1 existed, 1 refused again, 2 damaged, 1 truncated, 1 without a "+
		"document; 5 stay in "+path+".replay\n",
		"  1 for index a: mapper_parsing_exception: the reason of mapper_parsing_exception: two "+
			"programs use one field")
	stay := left(t, path)
	want(t, stay, `"reason":"the reason of mapper_parsing_exception","attempts":2`,
		`"truncated":true`, `"record_msgpack":"wQ=="`, "{\"@timestamp\":\"20\n", "\x00\x00\n")
	if strings.Count(stay, "\n") != 5 || d.in("a") != 3 {
		t.Errorf("%d documents; left:\n%s", d.in("a"), stay)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there")
	}

	// Fluent Bit wrote one more, the mapping was fixed, and the same command is run again.
	put(t, path, lines(rec(6)))
	d.refuse = nil
	_, out, _ = runCommand(t, d, path)
	want(t, out, "2 replayed, 0 existed, 0 refused again, 2 damaged, 1 truncated, 1 without a "+
		"document; 4 stay in")
	if d.in("a") != 5 || d.stored["a/"+rec(3).ID] != `{"n":3}` {
		t.Errorf("stored: %v", d.stored)
	}
}

func TestIndexOfEachKind(t *testing.T) {
	d := newDomain(t)
	for n, line := range strings.Split(strings.TrimRight(string(mixed(d)), "\n"), "\n")[:6] {
		d.stored[fmt.Sprint("dead/", n)] = line
	}
	d.stored["dead/6"] = `{"log":"no dead letter"}`
	code, out, errs := runCommand(t, d, "-index", "dead")
	if code != 1 {
		t.Errorf("exit status %d: %s", code, errs)
	}
	want(t, out, "dead: 2 replayed, 1 existed, 1 refused again, 1 damaged, 1 truncated, 1 "+
		"without a document; 4 stay in the index\n")
	if d.in("dead") != 4 || d.in("a") != 3 {
		t.Errorf("%d dead letters, %d documents", d.in("dead"), d.in("a"))
	}
}

func TestNothingIsLeft(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, 10)...))
	put(t, path+".1", lines(many(10, 20)...))
	put(t, path+".7", lines(many(20, 30)...))
	code, out, errs := runCommand(t, d, "-to", "fixed", path, path+".1", path+".7")
	if code != 0 || errs != "" {
		t.Errorf("exit status %d: %s", code, errs)
	}
	want(t, out, "30 replayed, 0 existed, 0 refused again, 0 damaged, 0 "+
		"truncated, 0 without a document\n")
	if names, _ := filepath.Glob(path + "*"); len(names) > 0 || d.in("fixed") != 30 ||
		d.in("a") != 0 {
		t.Errorf("left %q; %d documents", names, d.in("fixed"))
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), mixed(d))
	before := left(t, path)
	code, out, _ := runCommand(t, d, "-dry-run", path)
	want(t, out, "4 would be sent; 2 damaged, 1 truncated, 1 without a document would stay\n  4 "+
		"to index a\n")
	if code != 1 || d.requests > 0 || left(t, path) != before {
		t.Errorf("exit status %d, %d requests", code, d.requests)
	}
	for n, r := range many(0, 3) {
		d.stored[fmt.Sprint("dead/", n)] = string(r.AppendJSON(nil, 0))
	}
	code, out, _ = runCommand(t, d, "-dry-run", "-index", "dead")
	want(t, out, "3 would be sent")
	if code != 0 || d.in("dead") != 3 || d.in("a") != 1 {
		t.Errorf("exit status %d, stored %v", code, d.stored)
	}
}

// TestInterruptedRunGoesOn wants what was not sent to stay, and only that, and a second run to end
// it.
func TestInterruptedRunGoesOn(t *testing.T) {
	for _, of := range []string{"file", "index"} {
		d := newDomain(t)
		ctx, cancel := context.WithCancel(t.Context())
		d.fail = func(_ int, r *http.Request, _ string) (int, string) {
			if strings.HasSuffix(r.URL.Path, "_bulk") {
				cancel() // while a request is under way
			}
			return 0, ""
		}
		const records = 3*maxItems + 10
		args := []string{"-index", "dead"}
		waiting := func() int { return d.in("dead") }
		if of == "file" {
			path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, records)...))
			args = []string{path}
			waiting = func() int { return strings.Count(left(t, path), "\n") }
		} else {
			for n, r := range many(0, records) {
				d.stored[fmt.Sprint("dead/", n)] = string(r.AppendJSON(nil, 0))
			}
		}
		code, _, errs := commandIn(ctx, d, args...)
		want(t, errs, "interrupted")
		if stored := d.in("a"); code != 2 || stored == 0 || stored+waiting() != records {
			t.Errorf("%s: exit status %d, %d stored, %d left", of, code, stored, waiting())
		}
		code, out, errs := runCommand(t, d, args...)
		want(t, out, " 0 existed, 0 refused again")
		if code != 0 || d.in("a") != records || waiting() != 0 {
			t.Errorf("%s: exit status %d, %d stored, %d left: %s", of, code, d.in("a"), waiting(), errs)
		}
	}
}

// TestWhatCannotBeSentStays wants a failure that needs a person to be told at once, and nothing
// lost.
func TestWhatCannotBeSentStays(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, 2*maxItems)...))
	before := left(t, path)
	d.fail = func(int, *http.Request, string) (int, string) { return 401, "Unauthorized" }
	code, out, errs := runCommand(t, d, path)
	want(t, errs, "401")
	want(t, out, "0 replayed", "2000 not sent", "2000 stay in")
	if code != 2 || d.requests != 1 || left(t, path) != before {
		t.Errorf("exit status %d, %d requests", code, d.requests)
	}
}

func TestDomainThatIsBusy(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, 3)...))
	d.fail = func(n int, _ *http.Request, _ string) (int, string) {
		if n == 1 {
			return 429, `{"error":{"type":"circuit_breaking_exception","reason":"too much"},"status":429}`
		}
		return 0, ""
	}
	code, out, errs := runCommand(t, d, path)
	want(t, errs, "the next attempt is in 1s")
	want(t, out, "3 replayed")
	if code != 0 || d.in("a") != 3 {
		t.Errorf("exit status %d, %d stored", code, d.in("a"))
	}
}

func TestRequestsFitTheDomain(t *testing.T) {
	d := newDomain(t)
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, 100)...))
	const most = 2000
	d.fail = func(_ int, _ *http.Request, body string) (int, string) {
		if len(body) > most || strings.Contains(body, `{"n":7}`) {
			return 413, "Request size exceeded 10485760 bytes"
		}
		return 0, ""
	}
	code, out, _ := runCommand(t, d, path)
	want(t, out, "99 replayed", "1 refused again", "too_large")
	if code != 1 || d.in("a") != 99 {
		t.Errorf("exit status %d, %d stored", code, d.in("a"))
	}
}

// TestIDThatIsTaken wants a record whose own id another document has to stay, and one that is there
// already to be known.
func TestIDThatIsTaken(t *testing.T) {
	d := newDomain(t)
	same, other, unread := rec(1), rec(2), rec(3)
	same.ID, other.ID, unread.ID = "trace-1", "trace-2", "trace-3"
	unread.Index = "b"
	d.stored["a/trace-1"], d.stored["a/trace-2"], d.stored["b/trace-3"] = `{"n":1,"added":"by a pipeline"}`, `{"n":99}`, `{"n":3}`
	d.fail = func(_ int, r *http.Request, _ string) (int, string) {
		if r.URL.Path == "/b/_mget" {
			return 403, `{"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/mget]"},"status":403}`
		}
		return 0, ""
	}
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(same, other, unread))
	_, out, _ := runCommand(t, d, "-o", "Pipeline=clean", path)
	want(t, out, "0 replayed, 1 existed, 2 refused again", "id_taken: another "+
		"document has this id", "it cannot be told")
	_, out, _ = runCommand(t, d, "-o", "Write_Operation=index", path)
	want(t, out, "2 replayed")
	if d.stored["a/trace-2"] != `{"n":2}` {
		t.Errorf("stored %v", d.stored)
	}
}

func TestDomainThatTakesNoIDs(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_, _, id, _ string) (int, string) {
		if id != "" {
			return 400, "illegal_argument_exception"
		}
		return 0, ""
	}
	path := put(t, filepath.Join(t.TempDir(), "dead.jsonl"), lines(many(0, 3)...))
	_, out, _ := runCommand(t, d, path)
	want(t, out, "0 replayed") // its reason is about something else, so nothing is guessed
	d = newDomain(t)
	d.fail = func(_ int, _ *http.Request, body string) (int, string) {
		if strings.Contains(body, `"_id"`) {
			one := `{"create":{"status":400,"error":{"type":"illegal_argument_exception","reason":"Document ID is not supported in create/index operation request"}}}`
			return 200, `{"errors":true,"items":[` + strings.Repeat(one+",", 2) + one + `]}`
		}
		return 0, ""
	}
	code, out, _ := runCommand(t, d, path)
	want(t, out, "3 replayed")
	if code != 0 || d.in("a") != 3 {
		t.Errorf("exit status %d, %d stored", code, d.in("a"))
	}
}

// TestDeadLettersThatCannotBeDeleted wants that said, and a second run to store nothing twice.
func TestDeadLettersThatCannotBeDeleted(t *testing.T) {
	d := newDomain(t)
	for n, r := range many(0, 3) {
		d.stored[fmt.Sprint("dead/", n)] = string(r.AppendJSON(nil, 0))
	}
	d.refuse = func(op, _, _, _ string) (int, string) {
		if op == "delete" {
			return 403, "security_exception"
		}
		return 0, ""
	}
	code, _, errs := runCommand(t, d, "-index", "dead")
	want(t, errs, "3 dead letters went in and cannot be deleted", "security_exception")
	if code != 2 || d.in("a") != 3 {
		t.Errorf("exit status %d, %d stored", code, d.in("a"))
	}
	d.refuse = nil
	code, out, _ := runCommand(t, d, "-index", "dead")
	want(t, out, "0 replayed, 3 existed")
	if code != 0 || d.in("a") != 3 || d.in("dead") != 0 {
		t.Errorf("exit status %d, stored %v", code, d.stored)
	}
}

func TestPagesThatAreTooLong(t *testing.T) {
	d := newDomain(t)
	for n, r := range many(0, 100) {
		d.stored[fmt.Sprint("dead/", n)] = string(r.AppendJSON(nil, 0))
	}
	searches := 0
	d.fail = func(_ int, r *http.Request, body string) (int, string) {
		if strings.HasSuffix(r.URL.Path, "_search") {
			if searches++; !strings.Contains(body, `"size":7`) {
				return 200, "" // as an answer that is too long: it cannot be read
			}
		}
		return 0, ""
	}
	code, out, errs := runCommand(t, d, "-index", "dead")
	want(t, out, "100 replayed")
	if code != 0 || searches != 3 || d.in("dead") != 0 {
		t.Errorf("exit status %d, %d searches: %s", code, searches, errs)
	}
}

func TestMistakes(t *testing.T) {
	d := newDomain(t)
	f := func(want string, args ...string) {
		t.Helper()
		code, _, errs := runCommand(t, d, args...)
		if code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit status %d, and it says %s", args, code, errs)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	f("usage:")
	f("usage:", "-index", "a", missing)
	f("name the file of Dead_Letter_Path", missing)
	f("name the file of Dead_Letter_Path", filepath.Join(missing, "further"))
	f("write the name of an index", "-index", "a/b")
	f("write the name of an index", "-to", "a*", missing)
	f("did you mean", "-o", "Endpont=x", missing)
	f("Dead_Letter_Path there", "-o", "AWS_Auth=On", "-o", "AWS_Region=eu-west-1", "-o",
		"AWS_Service_Name=aoss", "-index", "dead")
	d.fail = func(int, *http.Request, string) (int, string) {
		return 404, `{"error":{"type":"index_not_found_exception","reason":"no such index [dead]"},"status":404}`
	}
	f("no such index [dead]", "-index", "dead")
	if entries, _ := os.ReadDir(filepath.Dir(missing)); len(entries) > 0 {
		t.Errorf("left %v", entries)
	}
}
