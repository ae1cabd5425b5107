package opensearch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"out_opensearch_irsa/internal/quote"
)

// Answers as OpenSearch 2.19.4 gives them, with filter_path and without.
const (
	filtered  = `{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`
	withTook  = `{"took":12,"errors":false,"items":[{"index":{"status":200}},{"create":{"status":201}}]}`
	reordered = `{"items":[{"create":{"status":201}},{"create":{"status":201}}],"errors":false,"took":3}`
	spaced    = "{\n  \"errors\" : false,\n  \"items\" : [ { \"create\" : { \"status\" : 201 } " +
		"}, { \"update\" : { \"status\" : 200 } } ]\n}\n"
	unfiltered = `{"took":7,"ingest_took":1,"errors":false,"items":[{"create":{"_index":"status","_id":"\"status\":]}","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},{"create":{"_id":"b","status":201}}]}`
	mixed      = `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [n] of type [long] in document with id 'x'. Preview of field's value: 'a \"}]}'","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"a\""}}}},{"create":{"status":429,"error":{"type":"rejected_execution_exception","reason":"rejected execution of coordinating operation [coordinating_and_primary_bytes=1]"}}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[x]: version conflict, document already exists (current version [1])","index":"a","shard":"0"}}}]}`
)

func TestParseAnswerDelivered(t *testing.T) {
	f := func(s string, n int, plain bool) {
		t.Helper()
		items, err := parseAnswer([]byte(s), n)
		if err != nil || items != nil {
			t.Errorf("%s: got %v, %v", s, items, err)
		}
		if list := plainList([]byte(s)); (list != nil) != plain {
			t.Errorf("%s: begins as usual: %v, want %v", s, list != nil, plain)
		}
	}
	f(filtered, 2, true)
	f(withTook, 2, true)
	f(filtered+"\n", 2, true)
	f(`{"errors":false,"items":[{"delete":{"status":299}},{"update":{"status":200}}]}`, 2, true)
	f(reordered, 2, false)
	f(spaced, 2, false)
	f(unfiltered, 2, false)
	f(`{"errors":false,"items":[ {"create":{"status":201}} , {"create":{"_id":"x","status":201}},{"create":{"status":200}}]}`, 3, true)
	f(`{"items":[{"create":{"status":201}}]}`, 1, false)
	f(`{"errors":true,"items":[{"create":{"status":201}}]}`, 1, true) // each item has the last word
	f(`{"errors":false,"items":[{"create":{"status":201,"error":null}}]}`, 1, true)
}

func TestParseAnswerItems(t *testing.T) {
	items, err := parseAnswer([]byte(mixed), 4)
	if err != nil || len(items) != 4 {
		t.Fatalf("got %v, %v", items, err)
	}
	f := func(i int, want Item) {
		t.Helper()
		if items[i] != want {
			t.Errorf("item %d: got %+v, want %+v", i, items[i], want)
		}
	}
	f(0, Item{Verdict: Delivered, Status: 201})
	f(1, Item{Verdict: Rejected, Kind: Mapping, Status: 400, Type: "mapper_parsing_exception",
		Reason: `failed to parse field [n] of type [long] in document with id 'x'. Preview of field's value: 'a "}]}'; caused by illegal_argument_exception: For input string: "a"`})
	f(2, Item{Verdict: Retry, Kind: Throttled, Effect: Overload, Status: 429,
		Type:   "rejected_execution_exception",
		Reason: "rejected execution of coordinating operation [coordinating_and_primary_bytes=1]"})
	f(3, Item{Verdict: Delivered, Kind: Duplicate, Effect: CompareDocument, Duplicate: true,
		Status: 409, Type: "version_conflict_engine_exception",
		Reason: "[x]: version conflict, document already exists (current version [1])"})

	// Every digit of a status counts, in whatever item.
	refused := `{"create":{"status":503,"error":{"type":"t","reason":"r"}}}`
	some, err := parseAnswer([]byte(`{"errors":true,"items":[{"update":{"status":217}},{"index":{"status":298}},`+refused+`,{"delete":{"status":236}}, {"index":{"status":205}}]}`), 5)
	if err != nil || len(some) != 5 {
		t.Fatalf("got %v, %v", some, err)
	}
	for i, status := range []int{217, 298, 503, 236, 205} {
		if some[i].Status != status || (some[i].Verdict == Delivered) != (status != 503) {
			t.Errorf("item %d: got %+v, want %d", i, some[i], status)
		}
	}

	long, err := parseAnswer([]byte(`{"errors":true,"items":[{"create":{"status":400,"error":{"type":"t","reason":"`+strings.Repeat(`é\n`, 2000)+`"}}}]}`), 1)
	if err != nil || len(long[0].Reason) > quote.Max || strings.Contains(long[0].Reason, "\n") ||
		!strings.HasSuffix(long[0].Reason, "…") {
		t.Errorf("got %d bytes %q, %v", len(long[0].Reason), long[0].Reason[:20], err)
	}
	plain, err := parseAnswer([]byte(`{"errors":true,"items":[{"create":{"status":503,"error":"no shard"}}]}`), 1)
	if err != nil || plain[0].Reason != "no shard" || plain[0].Verdict != Retry {
		t.Errorf("got %+v, %v", plain, err)
	}
}

// TestPlainItem changes an acknowledged item at each place.
func TestPlainItem(t *testing.T) {
	acknowledged := regexp.MustCompile(`^\{"(create|index|update|delete)":\{"status":(2[0-9][0-9])\}\}`)
	f := func(s string) {
		t.Helper()
		want, wantSize := 0, 0
		if m := acknowledged.FindStringSubmatch(s); m != nil {
			want, _ = strconv.Atoi(m[2])
			wantSize = len(m[0])
		}
		if status, size := plainItem([]byte(s)); status != want || size != wantSize {
			t.Errorf("%s: got %d in %d bytes, want %d in %d", s, status, size, want, wantSize)
		}
	}
	for _, op := range []string{"create", "index", "update", "delete", "creat", "indexx", "ingest",
		"x", ""} {
		item := `{"` + op + `":{"status":201}}`
		for n := range len(item) + 1 {
			f(item[:n])
			for char := byte(' '); n < len(item) && char <= '~'; char++ {
				f(item[:n] + string(char) + item[n+1:])
				f(item[:n] + string(char) + item[n+1:] + `,{"create":{"status":400}}]}`)
			}
		}
	}
}

func TestParseAnswerFailure(t *testing.T) {
	f := func(s string, n int, want string) {
		t.Helper()
		items, err := parseAnswer([]byte(s), n)
		if err == nil || items != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want an error with %q", s, items, err, want)
		}
	}
	f("", 1, "empty")
	f("  \n", 1, "empty")
	f(`{"took":1,"errors":false,"items":[]}`, 2, "0 items, and 2 were sent")
	f(filtered, 3, "2 items, and 3 were sent")
	f(filtered, 1, "more than the 1 items")
	f(filtered[1:], 2, "not that of the bulk API")
	f(reordered, 1, "more than the 1 items")
	f(reordered, 3, "2 items")
	f(mixed, 5, "4 items")
	f("<html><body>ok</body></html>", 1, "not that of the bulk API")
	f(`{"errors":false}`, 1, "not that of the bulk API")
	f(`{"items":{}}`, 1, "not that of the bulk API")
	f(`[]`, 1, "not that of the bulk API")
	f(`"items"`, 1, "not that of the bulk API")
	f(`true`, 1, "not that of the bulk API")
	f(`{"items":[1]}`, 1, "not that of the bulk API")
	f(`{"items":[{}]}`, 1, "not that of the bulk API")
	f(`{"items":[{"create":7}]}`, 1, "not that of the bulk API")
	f(`{"items":[{"search":{"status":200}}]}`, 1, "not that of the bulk API")
	f(`{"items":[{"create":{}}]}`, 1, "without a status")
	f(`{"items":[{"create":{"status":"201"}}]}`, 1, "without a status")
	f(`{"errors":false,"items":[{"create":{"status":201}},]}`, 1, "more than the 1 items")
	f(`{"errors":false,"items":[{"create":{"status":201}},]}`, 2, "not that of the bulk API")
	f(`{"errors":false,"items":[,{"create":{"status":201}}]}`, 1, "not that of the bulk API")
	f(`{"errors":false,"items":[{"create":{"status":201}} {"create":{"status":201}}]}`, 2,
		"not that of the bulk API")
	f(`{"errors":false,"items":[{"create":{"status":201}}]}}`, 1, "not that of the bulk API")
	f(`{"errors":false,"items":[{"create":{"status":400,"error":{"type":tru}}}]}`, 1,
		"not that of the bulk API")
	f(`{"errors":false,"items":[}]}`, 1, "not that of the bulk API")
	f(filtered+filtered, 2, "not that of the bulk API")
	for n := range len(filtered) {
		if _, err := parseAnswer([]byte(filtered[:n]), 2); err == nil {
			t.Errorf("%s was taken for an answer", filtered[:n])
		}
	}
	for n := range len(mixed) {
		if _, err := parseAnswer([]byte(mixed[:n]), 4); err == nil {
			t.Errorf("%s was taken for an answer", mixed[:n])
		}
	}
}

// answerShape is an answer as encoding/json reads it.
type answerShape struct {
	Items []map[string]struct {
		Status int `json:"status"`
	} `json:"items"`
}

// TestContradictionIsRead has answers that say "errors":false and show an item that is none: each item
// has the last word.
func TestContradictionIsRead(t *testing.T) {
	for _, items := range []string{
		`{"create":{"_id":"a","status":400}},{"create":{"_id":"b","status":201,"status":201}}`,
		`{"create":{"_id":"a","status":2}},{"create":{"_id":"b","status":201}}`,
		`{"create":{"_id":"a","status":29999}},{"create":{"_id":"b","status":201}}`,
	} {
		b := []byte(`{"errors":false,"items":[` + items + `]}`)
		if list, err := parseAnswer(b, 2); list == nil && err == nil {
			t.Errorf("%s is taken for two acknowledged items", b)
		}
	}
}

// FuzzParseAnswer compares with encoding/json's reading: nothing counts as delivered that it does
// not find there.
func FuzzParseAnswer(f *testing.F) {
	for _, s := range []string{filtered, filtered[1:], withTook, reordered, spaced, unfiltered,
		mixed, "", "{}", "[]", `{"items":[]}`, `{"items":[{"create":{"status":201}}],"items":[]}`} {
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		if want < 0 || want > 1000 {
			return
		}
		items, err := parseAnswer(b, want)
		if err != nil {
			if items != nil {
				t.Error("items and an error")
			}
			return
		}
		if trimmed := bytes.TrimSpace(b); items == nil && plainList(trimmed) != nil &&
			acknowledged(trimmed, plainList(trimmed), want) {
			if !bytes.HasPrefix(trimmed, []byte("{")) || !bytes.HasSuffix(trimmed, []byte("}")) ||
				strings.Count(string(b), `"status":20`) < want {
				t.Fatalf("%q acknowledges nothing", b)
			}
			return // a whole answer that says "errors":false is counted, not read
		}
		if !json.Valid(b) {
			t.Fatalf("%q is no JSON", b)
		}
		if items != nil && len(items) != want {
			t.Fatalf("%d items of %d", len(items), want)
		}
		var shape answerShape
		if strings.Count(string(b), "items") != 1 || strings.Contains(string(b), "Items") ||
			strings.Contains(string(b), `\u`) || json.Unmarshal(b, &shape) != nil {
			return // keys twice, or in other letters: encoding/json takes another one of them
		}
		if len(shape.Items) != want {
			t.Fatalf("%q: %d items according to encoding/json, not %d", b, len(shape.Items), want)
		}
		for i, one := range shape.Items {
			for op, v := range one {
				if len(one) != 1 || strings.Count(string(b), "status") != want {
					continue
				}
				if items == nil && (v.Status < 200 || v.Status > 299) {
					t.Errorf("%q: item %d (%s) has status %d and counts as delivered", b, i, op,
						v.Status)
				}
				if items != nil && items[i].Status != v.Status {
					t.Errorf("%q: item %d has status %d, not %d", b, i, v.Status, items[i].Status)
				}
			}
		}
	})
}

func TestDeliveredAllocatesNothing(t *testing.T) {
	b := answerOf(4000, nil)
	if n := testing.AllocsPerRun(10, func() {
		if items, err := parseAnswer(b, 4000); err != nil || items != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for an answer without errors", n)
	}
}

// answerOf makes the filtered answer to n items, of which those in bad (by index) are refused.
func answerOf(n int, bad map[int]string) []byte {
	var w strings.Builder
	fmt.Fprintf(&w, `{"errors":%t,"items":[`, bad != nil)
	for i := range n {
		if i > 0 {
			w.WriteByte(',')
		}
		if s, ok := bad[i]; ok {
			w.WriteString(s)
		} else {
			w.WriteString(`{"create":{"status":201}}`)
		}
	}
	w.WriteString(`]}`)
	return []byte(w.String())
}

func BenchmarkParseAnswer(b *testing.B) {
	refused := `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse","caused_by":{"type":"illegal_argument_exception","reason":"For input string"}}}}`
	some := map[int]string{}
	for i := 0; i < 4000; i += 40 {
		some[i] = refused
	}
	f := func(name string, answer []byte) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseAnswer(answer, 4000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("delivered", answerOf(4000, nil))
	f("one-in-40-refused", answerOf(4000, some))
}

func TestVerboseAnswersAreCountedNotRead(t *testing.T) {
	item := `{"create":{"_index":"eks-log","_id":"pQx0","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":7,"_primary_term":1,"status":201}}`
	f := func(answer string, want int, delivered bool) {
		t.Helper()
		items, err := parseAnswer([]byte(answer), want)
		if (err == nil && items == nil) != delivered {
			t.Fatalf("%s for %d items: got %v, %v", answer, want, items, err)
		}
	}
	f(`{"took":3,"errors":false,"items":[`+item+","+item+`]}`, 2, true)
	f(`{"took":3,"errors":false,"items":[`+item+","+item+`]}`, 3, false)
	f(`{"took":3,"errors":false,"items":[`+item+","+item[:len(item)-3], 2, false)
	f(`{"took":3,"errors":true,"items":[`+item+","+strings.Replace(item, "201", "429", 1)+`]}`, 2, false)
	f(`{"took":3,"errors":false,"items":[`+strings.Replace(item, `pQx0`, `\"status\":2`, 1)+`]}`, 1, true)
}
