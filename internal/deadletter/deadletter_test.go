package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/logging"
	"out_opensearch_irsa/internal/opensearch"
)

func letter(n int) Letter {
	return Letter{
		Time: time.Unix(1795444272, 123456789), Tag: "kube.a", Index: "eks-log", ID: fmt.Sprint("id", n), To: "eks-log-dead-letter",
		Status: 400, Type: "mapper_parsing_exception", Reason: "failed to parse", Attempts: 2, Document: fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

func TestLetterReadsBackAsWritten(t *testing.T) {
	raw := letter(1)
	raw.Document, raw.Raw, raw.ID = nil, []byte{0xc1, 0xff, '\n'}, ""
	for _, want := range []Letter{letter(7), raw} {
		line, err := want.AppendJSON(nil)
		if err != nil || bytes.IndexByte(line, '\n') >= 0 || !json.Valid(line) {
			t.Fatalf("%s, %v", line, err)
		}
		got, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		want.To = "" // it is the index that the letter lies in
		want.Time = want.Time.UTC()
		if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) {
			t.Fatalf("got  %+v\nwant %+v", *got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	l := letter(1)
	line, _ := l.AppendJSON(nil)
	f.Add(line)
	f.Add([]byte(`{"@timestamp":"2026-01-01T00:00:00Z","record_msgpack":"gA=="}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := Parse(line)
		if err != nil {
			return
		}
		again, err := l.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(again); err != nil || !bytes.Equal(back.Document, l.Document) || !bytes.Equal(back.Raw, l.Raw) {
			t.Fatalf("%s became %s: %v", line, again, err)
		}
	})
}

func open(t *testing.T, path string, size int64) (*File, *[]string) {
	t.Helper()
	var lines []string
	f, err := OpenFile(path, logging.New(func(_ logging.Level, line string) { lines = append(lines, line) }, logging.Info, "t"))
	if err != nil {
		t.Fatal(err)
	}
	f.size = size
	t.Cleanup(func() { _ = f.Close() })
	return f, &lines
}

func TestFileAppendsAndCutsWhatACrashLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 1<<20)
	if err := f.Write(t.Context(), []Letter{letter(1), letter(2)}); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(t.Context(), []Letter{letter(3)}); err == nil {
		t.Fatal("a closed file took a letter")
	}
	if err := os.WriteFile(path, append(whole, `{"@timestamp":"20`...), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ = open(t, path, 1<<20)
	if err := f.Write(t.Context(), []Letter{letter(3)}); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	if !bytes.HasPrefix(got, whole) || strings.Count(string(got), "\n") != 3 {
		t.Fatalf("%s", got)
	}
	for line := range strings.Lines(string(got)) {
		if _, err := Parse([]byte(line)); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
	}
}

func TestFileOfOneUnfinishedLineIsEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 200_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, path, 1<<20)
	if f.used != 0 {
		t.Fatalf("%d bytes are taken for whole lines", f.used)
	}
}

func TestFileRotatesAndStaysBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, lines := open(t, path, 1000)
	for n := range 100 {
		if err := f.Write(t.Context(), []Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 1+filesKept {
		t.Fatalf("%d files: %q", len(files), files)
	}
	newest := 0
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 1000 {
			t.Fatalf("%s holds %d bytes, %v", name, info.Size(), err)
		}
		content, _ := os.ReadFile(name)
		newest += strings.Count(string(content), "id99")
	}
	if newest == 0 || len(*lines) == 0 || !strings.Contains((*lines)[0], "the oldest file") {
		t.Fatalf("the newest letter is there %d times; log: %q", newest, *lines)
	}
}

func TestOpenFileFailure(t *testing.T) {
	_, err := OpenFile(filepath.Join(t.TempDir(), "no", "such", "folder", "x"), nil)
	if err == nil || !strings.Contains(err.Error(), "name a file in a folder that the pod can write to") {
		t.Fatalf("%v", err)
	}
}

// collection stores letters as a time-series collection of OpenSearch Serverless does: none that has an id.
type collection struct {
	stored   []string
	requests int
}

func (c *collection) Bulk(_ context.Context, r *opensearch.Request) opensearch.Result {
	c.requests++
	lines := strings.Split(strings.TrimSpace(string(r.Body)), "\n")
	items := make([]opensearch.Item, 0, r.Items)
	for n := 0; n < len(lines); n += 2 {
		if strings.Contains(lines[n], `"_id"`) {
			items = append(items, opensearch.Item{Kind: opensearch.DocumentID, Type: "illegal_argument_exception", Reason: "Document ID is not supported"})
			continue
		}
		c.stored = append(c.stored, lines[n+1])
		items = append(items, opensearch.Item{Verdict: opensearch.Delivered, Status: 201})
	}
	return opensearch.Result{Status: 200, Items: items}
}

func TestIndexThatRefusesIDs(t *testing.T) {
	c := &collection{}
	x := NewIndex(c, 1)
	end := letter(3) // the end of a damaged chunk has no id, and must not be stored twice
	end.ID = ""
	for range 2 {
		c.stored, c.requests = nil, 0
		if err := x.Write(t.Context(), []Letter{letter(1), letter(2), end}); err != nil {
			t.Fatal(err)
		}
		if len(c.stored) != 3 || !strings.Contains(strings.Join(c.stored, ""), `"id":"id2"`) {
			t.Fatalf("stored %q", c.stored)
		}
	}
	if c.requests != 3 {
		t.Errorf("%d requests once it is known", c.requests)
	}
}
