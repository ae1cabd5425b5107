package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func record(n int) Record {
	return Record{
		Time: time.Unix(1795444272, 123456789), Tag: "kube.a", Index: "eks-log",
		ID: fmt.Sprint("id", n), Routing: "r",
		To: "eks-log-dead-letter", Status: 400, Type: "mapper_parsing_exception",
		Reason: "failed to parse", Attempts: 2, Document: fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

func TestRecordReadsBackAsWritten(t *testing.T) {
	raw := record(1)
	raw.Document, raw.Raw, raw.ID = nil, []byte{0xc1, 0xff, '\n'}, ""
	odd := record(2)
	odd.Document = []byte("{\"log\":\"\u2028 \\n <é𐍈>\",\"\\\"\":\"\x7f\"}")
	for _, want := range []Record{record(7), raw, odd} {
		line := want.AppendJSON(nil, 0)
		if bytes.IndexByte(line, '\n') >= 0 || !json.Valid(line) {
			t.Fatalf("%s", line)
		}
		got, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		want.To = "" // it is the index that the record lies in
		want.Time = want.Time.UTC()
		if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) {
			t.Fatalf("got  %+v\nwant %+v", *got, want)
		}
	}
}

// TestTimeOfAnyYear wants a timestamp that can be read, whatever a record says of its time.
func TestTimeOfAnyYear(t *testing.T) {
	for _, sec := range []int64{math.MinInt64, -1 << 40, 0, 1 << 40, math.MaxInt64} {
		r := record(1)
		r.Time = time.Unix(sec, 0)
		if _, err := Parse(r.AppendJSON(nil, 0)); err != nil {
			t.Errorf("%d: %v", sec, err)
		}
	}
}

func TestDeadLetterIDTellsRecordsApart(t *testing.T) {
	base := record(1)
	want := base.DeadLetterID()
	if again := record(1); again.DeadLetterID() != want || len(want) != 20 {
		t.Fatalf("%q, then %q", want, again.DeadLetterID())
	}
	for name, change := range map[string]func(*Record){
		"tag": func(r *Record) { r.Tag = "x" }, "id": func(r *Record) { r.ID = "x" },
		"time": func(r *Record) { r.Time = r.Time.Add(1) }, "document": func(r *Record) { r.Document = []byte("{}") },
	} {
		r := record(1)
		if change(&r); r.DeadLetterID() == want {
			t.Errorf("another %s has the same id", name)
		}
	}
	if base.ID = ""; base.DeadLetterID() != "" {
		t.Error("a record without an id got one")
	}
}

// modelText is a JSON string as encoding/json writes it.
func modelText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be written
	return strings.TrimSuffix(b.String(), "\n")
}

// TestTextIsThatOfEncodingJSON writes each character, and bytes that are none.
func TestTextIsThatOfEncodingJSON(t *testing.T) {
	var all strings.Builder
	for char := range rune(0x2100) {
		all.WriteRune(char)
	}
	for _, s := range []string{"", all.String(), "\ufffd", "\uffff𐍈", "\x80", "a\xffb", "é"[:1],
		"𐍈"[:3] + "é", "\xed\xa0\x80"} {
		if got := `"` + string(appendText(nil, s, math.MaxInt)) + `"`; got != modelText(s) {
			t.Errorf("%.100q: got %.200s, want %.200s", s, got, modelText(s))
		}
	}
}

// modelCut is the start of s whose JSON takes up to limit bytes, found character by character.
func modelCut(s string, limit int) string {
	size := 0
	for i, char := range s {
		if size += len(modelText(string(char))) - 2; size > limit {
			return s[:i]
		}
	}
	return s
}

// model is what AppendJSON has to write for a document: the obvious way, with encoding/json.
func model(r Record, limit int) string {
	write := func(tag, index, id, routing, typ, reason, document, end string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `{"@timestamp":"%s","tag":%s`,
			r.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"), modelText(tag))
		if r.Index != "" {
			fmt.Fprintf(&b, `,"index":%s`, modelText(index))
		}
		if r.ID != "" {
			fmt.Fprintf(&b, `,"id":%s`, modelText(id))
		}
		if r.Routing != "" {
			fmt.Fprintf(&b, `,"routing":%s`, modelText(routing))
		}
		if r.Status != 0 {
			fmt.Fprintf(&b, `,"status":%d`, r.Status)
		}
		fmt.Fprintf(&b, `,"type":%s,"reason":%s,"attempts":%d`, modelText(typ), modelText(reason),
			r.Attempts)
		if len(r.Document) > 0 {
			fmt.Fprintf(&b, `,"record":%s`, modelText(document))
		}
		return b.String() + end + "}"
	}
	whole := write(r.Tag, r.Index, r.ID, r.Routing, r.Type, r.Reason, string(r.Document), "")
	if len(whole) <= limit {
		return whole
	}
	mark := fmt.Sprintf(`,"truncated":true,"record_size":%d`, len(r.Document))
	tag, index, id, routing, typ, reason := r.Tag, r.Index, r.ID, r.Routing, r.Type, r.Reason
	if len(write(tag, index, id, routing, typ, reason, "", mark)) > limit {
		most := (limit - len(write("", "", "", "", "", "", "", mark))) / 8
		tag, index, id = modelCut(tag, most), modelCut(index, most), modelCut(id, most)
		routing, typ, reason = modelCut(routing, most), modelCut(typ, most), modelCut(reason, most)
	}
	left := limit - len(write(tag, index, id, routing, typ, reason, "", mark))
	return write(tag, index, id, routing, typ, reason, modelCut(string(r.Document), left), mark)
}

// checkCut compares one limit's result with the model's.
func checkCut(t *testing.T, r Record, limit int) {
	t.Helper()
	got := r.AppendJSON([]byte("before"), limit)
	if want := "before" + model(r, limit); string(got) != want {
		t.Fatalf("limit %d:\ngot  %s\nwant %s", limit, got, want)
	}
	if len(got)-len("before") > limit {
		t.Fatalf("%d bytes over a limit of %d", len(got)-len("before"), limit)
	}
	back, err := Parse(got[len("before"):])
	if err != nil {
		t.Fatal(err)
	}
	if whole := len(r.AppendJSON(nil, 0)) <= limit; back.Truncated == whole {
		t.Fatalf("limit %d: truncated is %t", limit, back.Truncated)
	}
	if back.Truncated && back.RecordSize != len(r.Document) {
		t.Fatalf("limit %d: record_size is %d, the record had %d", limit, back.RecordSize,
			len(r.Document))
	}
}

func TestCutFitsExactly(t *testing.T) {
	long := record(1)
	long.Document = []byte(`{"log":"` + strings.Repeat("aé\u2028𐍈\\\"\\n\t", 100) + `"}`)
	reason := long
	reason.Reason = strings.Repeat("\x01é", 900) // too long even without the record
	tag := reason
	tag.Tag, tag.Index, tag.ID, tag.Type = strings.Repeat("t", 3000), strings.Repeat("é", 255),
		strings.Repeat(`"`, 512), "x"
	for _, r := range []Record{long, reason, tag} {
		for limit := MinLimit; limit < MinLimit+40; limit++ { // every boundary within a character
			checkCut(t, r, limit)
		}
		whole := len(r.AppendJSON(nil, 0))
		for _, limit := range []int{whole - 60, whole - 1, whole, whole + 1} {
			checkCut(t, r, limit)
		}
	}
	for n := range MinLimit { // what is left without the record is shorter than the limit, as long, and longer
		long.Reason = strings.Repeat("r", n)
		checkCut(t, long, MinLimit)
	}
	if got := long.AppendJSON(nil, 1); len(got) > MinLimit {
		t.Errorf("%d bytes for a limit below the least", len(got))
	}
}

func TestCutRawFits(t *testing.T) {
	r := record(1)
	r.Document, r.Raw = nil, bytes.Repeat([]byte{0xc1, 0, 0xff}, 1000)
	for limit := MinLimit; limit < MinLimit+8; limit++ {
		line := r.AppendJSON(nil, limit)
		back, err := Parse(line)
		if err != nil || !back.Truncated || back.RecordSize != len(r.Raw) ||
			!bytes.HasPrefix(r.Raw, back.Raw) {
			t.Fatalf("%+v, %v", back, err)
		}
		if len(line) > limit || len(line) <= limit-4 || len(back.Raw) == 0 { // base64 goes by fours
			t.Fatalf("%d bytes for a limit of %d", len(line), limit)
		}
	}
	both := r
	both.Document = []byte(strings.Repeat("d", 300))
	for limit := MinLimit; limit < MinLimit+8; limit++ {
		line := both.AppendJSON(nil, limit)
		back, err := Parse(line)
		if err != nil || !back.Truncated || back.RecordSize != len(both.Raw)+300 ||
			len(back.Document) != 300 {
			t.Fatalf("%+v, %v", back, err)
		}
		if len(line) > limit || len(line) <= limit-4 || len(back.Raw) == 0 {
			t.Fatalf("%d bytes for a limit of %d", len(line), limit)
		}
	}
	back, err := Parse(r.AppendJSON(nil, MinLimit))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(back.AppendJSON(nil, 0)); err != nil || !again.Truncated ||
		again.RecordSize != len(r.Raw) {
		t.Fatalf("written again: %+v, %v", again, err)
	}
}

func FuzzCut(f *testing.F) {
	f.Add("kube.a", "eks-log", "id", "mapper", "because", `{"log":"é"}`, 400, uint16(0))
	f.Add(strings.Repeat("\xff", 300), "", "", "", strings.Repeat("\"\u2029", 500),
		strings.Repeat("\x00𐍈", 2000), 0, uint16(77))
	f.Fuzz(func(t *testing.T, tag, index, id, typ, reason, document string, status int,
		over uint16) {
		if document == "" || len(document) > 8<<10 || len(reason) > 8<<10 {
			t.Skip()
		}
		// What is not UTF-8 is cut where the model would not: that the model's cuts are at
		// characters alone.
		for _, s := range []*string{&tag, &index, &id, &typ, &reason, &document} {
			*s = strings.ToValidUTF8(*s, "\ufffd")
		}
		r := Record{Time: time.Unix(1, 2), Tag: tag, Index: index, ID: id, Routing: id, Type: typ,
			Reason: reason, Status: status, Document: []byte(document)}
		checkCut(t, r, MinLimit+int(over))
	})
}

func FuzzParse(f *testing.F) {
	r := record(1)
	f.Add(r.AppendJSON(nil, 0))
	f.Add([]byte(`{"@timestamp":"2026-01-01T00:00:00Z","record_msgpack":"gA=="}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := Parse(line)
		if err != nil {
			return
		}
		back, err := Parse(r.AppendJSON(nil, 0))
		if err != nil && len(r.Document)+len(r.Raw) == 0 {
			return // an empty record: nothing to keep
		}
		if err != nil || !bytes.Equal(back.Document, r.Document) || !bytes.Equal(back.Raw, r.Raw) {
			t.Fatalf("%s: %v", line, err)
		}
	})
}
