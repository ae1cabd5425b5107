package opensearch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"out_opensearch_irsa/internal/quote"
)

var (
	errEmptyAnswer = errors.New("its answer is empty")
	errNotBulk     = errors.New("its answer is not that of the bulk API")
)

// parseAnswer reads the answer to a bulk request of want items. It returns nil if each of them was
// acknowledged, else one Item for each. An answer that leaves any item's fate open is an error;
// what it says is not trusted in part.
//
// Items of the form that filter_path gives acknowledged ones are checked byte by byte and build
// nothing. Whatever looks different is checked by encoding/json, and of that only the errors are
// decoded.
func parseAnswer(b []byte, want int) ([]Item, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return nil, errEmptyAnswer
	}
	list, end := plainList(b), "]}"
	if list != nil && acknowledged(b, list, want) {
		return nil, nil
	}
	if list == nil {
		if !json.Valid(b) {
			return nil, errNotBulk
		}
		if list = member(b, "items"); len(list) == 0 || list[0] != '[' {
			return nil, errNotBulk
		}
		list, end = list[1:], "]"
	}
	items, n, rest, err := parseItems(list, want)
	if err != nil {
		return nil, err
	}
	if string(rest) != end {
		return nil, errNotBulk
	}
	if n != want {
		return nil, fmt.Errorf("its answer has %d items, and %d were sent", n, want)
	}
	for i := range items {
		if items[i].Verdict != Delivered || items[i].Duplicate {
			return items, nil
		}
	}
	return nil, nil
}

var (
	noErrors  = []byte(`"errors":false`)
	anyStatus = []byte(`"status":`)
	ok200     = []byte(`"status":200}}`)
	ok201     = []byte(`"status":201}}`)
)

// acknowledged tells whether a whole answer, whose items list begins with, says that there are no
// errors and has a 200 or 201 for each of want items. It is for answers that do not heed filter_path,
// where reading each item costs more than making its document. A quotation mark inside a JSON
// string is escaped, so what is counted are keys; if there are others of that name, the items are
// read.
func acknowledged(b, list []byte, want int) bool {
	if _, plain := plainItem(list); plain > 0 || !bytes.HasPrefix(list, []byte(`{"`)) {
		return false
	}
	return bytes.Contains(b[:len(b)-len(list)], noErrors) &&
		bytes.HasSuffix(list, []byte("}}]}")) &&
		bytes.Count(list, anyStatus) == want &&
		bytes.Count(list, ok201)+bytes.Count(list, ok200) == want
}

// plainList is what follows after {"took":N,"errors":B,"items":[ with or without "took"; nil if b
// begins with anything else. That "errors" is true or false is of no use here: each item has the
// last word.
func plainList(b []byte) []byte {
	if rest, ok := bytes.CutPrefix(b, []byte(`{"took":`)); ok {
		d := digits(rest)
		if rest, ok = bytes.CutPrefix(rest[d:], []byte(`,`)); !ok || d == 0 {
			return nil
		}
		b = rest
	} else if b, ok = bytes.CutPrefix(b, []byte(`{`)); !ok {
		return nil
	}
	for _, start := range []string{`"errors":false,"items":[`, `"errors":true,"items":[`} {
		if len(b) > len(start) && string(b[:len(start)]) == start {
			return b[len(start):]
		}
	}
	return nil
}

// parseItems reads the items of a list up to its bracket, which rest begins with. list does not end
// in white space. items is nil if all n of them are plain.
func parseItems(list []byte, want int) (items []Item, n int, rest []byte, err error) {
	var last []byte // items mostly look all the same
	for rest = list; ; {
		rest = skipSpace(rest)
		if n == 0 && rest[0] == ']' { // there is something: list does not end in white space
			return items, n, rest, nil
		}
		if n == want {
			return nil, n, nil, fmt.Errorf("its answer has more than the %d items that were sent", want)
		}
		size := len(last)
		if size == 0 || !bytes.HasPrefix(rest, last) {
			if _, size = plainItem(rest); size > 0 {
				last = rest[:size]
			}
		}
		switch {
		case size == 0:
			if items == nil {
				items = plainItems(list, n, want)
			}
			var it Item
			if it, rest, err = parseItem(rest); err != nil {
				return nil, n, nil, err
			}
			items = append(items, it)
		case items != nil:
			status, _ := plainItem(rest)
			items = append(items, Item{Verdict: Delivered, Status: status})
			fallthrough
		default:
			rest = rest[size:]
		}
		n++
		rest = skipSpace(rest)
		if len(rest) > 0 && rest[0] == ']' {
			return items, n, rest, nil
		}
		if len(rest) == 0 || rest[0] != ',' {
			return nil, n, nil, errNotBulk
		}
		rest = rest[1:]
	}
}

// plainItems makes Items of the n plain items that list begins with.
func plainItems(list []byte, n, want int) []Item {
	items := make([]Item, n, want)
	for i := range items {
		list = skipSpace(list)
		status, size := plainItem(list)
		items[i] = Item{Verdict: Delivered, Status: status}
		list = skipSpace(list[size:])[1:] // the comma
	}
	return items
}

// plainItem reads an acknowledged item of the form {"create":{"status":201}} and returns its status
// and its size in bytes; a size of 0 means that b begins with something else.
func plainItem(b []byte) (status, size int) {
	const statusOpen, shortest = `":{"status":`, len(`{"index":{"status":200}}`)
	if len(b) < shortest || b[0] != '{' || b[1] != '"' {
		return 0, 0
	}
	op := 5 // index
	if b[2] != 'i' {
		op = 6 // create, update, delete
	}
	at := 2 + op + len(statusOpen)
	if len(b) < at+5 || string(b[2+op:at]) != statusOpen || !isOp(b[2:2+op]) {
		return 0, 0
	}
	if b[at] != '2' || !isDigit(b[at+1]) || !isDigit(b[at+2]) || b[at+3] != '}' || b[at+4] != '}' {
		return 0, 0
	}
	return 200 + int(b[at+1]-'0')*10 + int(b[at+2]-'0'), at + 5
}

func isOp(b []byte) bool {
	switch string(b) {
	case "create", "index", "update", "delete":
		return true
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits is how many digits b begins with, up to 18.
func digits(b []byte) int {
	n := 0
	for n < len(b) && n < 18 && isDigit(b[n]) {
		n++
	}
	return n
}

// parseItem reads one item of any form, {"OP":{"status":N,"error":{…},…}}, and looks its verdict
// up.
func parseItem(b []byte) (it Item, rest []byte, err error) {
	whole, rest := splitValue(b)
	if len(whole) == 0 || whole[0] != '{' || !json.Valid(whole) {
		return it, rest, errNotBulk
	}
	key, body := firstMember(whole)
	if len(body) == 0 || body[0] != '{' || !isOp(key) {
		return it, rest, errNotBulk
	}
	if it.Status, err = strconv.Atoi(string(member(body, "status"))); err != nil {
		return it, rest, errors.New("its answer has an item without a status")
	}
	if e := member(body, "error"); e != nil {
		it.Type, it.Reason = decodeError(e)
	}
	r := rowFor(fact{level: item, op: string(key), status: it.Status, typ: it.Type,
		text: strings.ToLower(it.Reason)})
	it.Verdict, it.Kind, it.Effect, it.Duplicate = r.verdict, r.kind, r.effect, r.kind == Duplicate
	return it, rest, nil
}

// serverError is an error as OpenSearch writes it. Old servers and some plugins write a bare string
// instead.
type serverError struct {
	Type   string       `json:"type"`
	Reason string       `json:"reason"`
	Caused *serverError `json:"caused_by"`
}

// decodeError gives an error's type and its reason with those of its causes.
func decodeError(b []byte) (typ, reason string) {
	var e serverError
	if json.Unmarshal(b, &e) != nil {
		var s string
		if json.Unmarshal(b, &s) != nil {
			s = string(b)
		}
		return "", quote.Line(s)
	}
	var w strings.Builder
	w.WriteString(e.Reason)
	for c := e.Caused; c != nil && w.Len() < quote.Max; c = c.Caused {
		if c.Type == "" && c.Reason == "" {
			continue
		}
		w.WriteString("; caused by " + strings.TrimSuffix(c.Type+": "+c.Reason, ": "))
	}
	return quote.Line(e.Type), quote.Line(w.String())
}
