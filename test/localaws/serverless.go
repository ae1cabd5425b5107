package localaws

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
)

// Collection is the type of an OpenSearch Serverless collection, whose face a FrontDoor has if it is given one. It differs from a
// domain's: requests are signed for aoss, with the body's hash in a signed header of its own; a data access policy is asked
// besides IAM; there are few APIs; and a time-series collection makes all ids itself.
type Collection string

// The types that logs are kept in.
const (
	Search     Collection = "SEARCH"
	TimeSeries Collection = "TIMESERIES"
)

// SetDataAccess names the principals that the collection's data access policy lets write; none means nobody.
func (d *FrontDoor) SetDataAccess(principals ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers = append([]string{}, principals...)
}

// served are the calls that the developer guide lists for Serverless, as far as they are about documents and indices.
var served = regexp.MustCompile(`^(POST (/[^/]+)?/_bulk|PUT (/[^/]+)?/_bulk|(GET|POST) (/[^/]+)?/_(search|count|msearch)|(GET|PUT|HEAD|DELETE) /[^_/][^/]*|` +
	`(GET|PUT) /[^_/][^/]*/_(mapping|mappings|settings)|POST /[^/]+/_doc|(GET|PUT|POST|DELETE) /[^/]+/(_doc|_create|_update)/[^/]+|GET /_cat/indices|(GET|PUT|HEAD|DELETE) /_index_template/[^/]+)$`)

// collection judges what only a collection does. The signature is known to be right.
func (d *FrontDoor) collection(r *http.Request, caller session, body []byte) *answer {
	signed, _ := parseAuthorization(r.Header.Get("Authorization"))
	d.mu.Lock()
	readers, data := d.readers, d.data
	d.mu.Unlock()
	noData := answer{http.StatusForbidden, serverlessError("User does not have permissions for the requested resource", "authorization_exception", http.StatusForbidden)}
	switch {
	case !slices.Contains(signed.signedHeaders, "x-amz-content-sha256") || !hashed(r, body):
		return &answer{http.StatusForbidden, serverlessError("403 Forbidden", "Forbidden", http.StatusForbidden)}
	case readers != nil && !slices.Contains(readers, caller.role.arn) && !slices.Contains(readers, caller.arn):
		return &noData
	case data != nil && !data.judge(caller.role.arn, r, body):
		return &noData
	case !served.MatchString(r.Method + " " + r.URL.Path):
		return &answer{http.StatusNotFound, ""}
	}
	return nil
}

func serverlessError(reason, kind string, status int) string {
	type cause struct {
		Reason string `json:"reason"`
		Type   string `json:"type"`
	}
	text, err := json.Marshal(struct {
		Status  int    `json:"status"`
		Request string `json:"request-id"`
		Error   cause  `json:"error"`
	}{status, randomUUID(), cause{reason, kind}})
	if err != nil {
		panic(err) // strings and a number can always be encoded
	}
	return string(text)
}

// refusedID is what a time-series collection says of an item that names its id (opensearch-py #792, langchainjs #4346).
const refusedID = `{"status":400,"error":{"type":"illegal_argument_exception","reason":"Document ID is not supported in create/index operation request"}}`

// withoutIDs refuses the items of a bulk request that have an id, lets OpenSearch do the others, and answers for all of them.
func (d *FrontDoor) withoutIDs(w http.ResponseWriter, r *http.Request, caller session, body []byte) {
	items, err := bulkItems(body, r.Header.Get("Content-Encoding") == "gzip")
	if err != nil {
		d.refuse(w, answer{http.StatusBadRequest, serverlessError(err.Error(), "illegal_argument_exception", http.StatusBadRequest)})
		return
	}
	var rest bytes.Buffer
	refused := 0
	for _, it := range items {
		if it.id {
			refused++
		} else {
			rest.Write(it.lines)
		}
	}
	if refused == 0 {
		d.proxy.ServeHTTP(w, d.onwards(r, caller, body))
		return
	}
	done := struct {
		Errors bool              `json:"errors"`
		Items  []json.RawMessage `json:"items"`
	}{}
	if rest.Len() > 0 {
		onwards := d.onwards(r, caller, rest.Bytes())
		onwards.Header.Del("Content-Encoding")
		query := onwards.URL.Query()
		query.Del("filter_path") // each item's answer is needed
		onwards.URL.RawQuery = query.Encode()
		recorder := httptest.NewRecorder()
		d.proxy.ServeHTTP(recorder, onwards)
		if recorder.Code != http.StatusOK || json.Unmarshal(recorder.Body.Bytes(), &done) != nil {
			d.refuse(w, answer{recorder.Code, recorder.Body.String()})
			return
		}
	}
	all := make([]json.RawMessage, 0, len(items))
	for _, it := range items {
		if it.id {
			all = append(all, json.RawMessage(`{"`+it.action+`":`+refusedID+`}`))
			continue
		}
		all = append(all, done.Items[0])
		done.Items = done.Items[1:]
	}
	done.Errors, done.Items = true, all
	text, err := json.Marshal(done)
	if err != nil {
		panic(err) // it came as JSON
	}
	d.refuse(w, answer{http.StatusOK, string(text)})
}

// bulkItem is one action of a bulk request with its lines, and whether it names an id.
type bulkItem struct {
	action string
	index  string // "" where the path names it
	id     bool
	lines  []byte
}

func bulkItems(body []byte, zipped bool) ([]bulkItem, error) {
	if zipped {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
	var items []bulkItem
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		var action map[string]struct {
			ID    *string `json:"_id"`
			Index string  `json:"_index"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
			return nil, err
		}
		for name, meta := range action {
			it := bulkItem{action: name, index: meta.Index, id: meta.ID != nil, lines: append(bytes.Clone(lines.Bytes()), '\n')}
			if name != "delete" && lines.Scan() {
				it.lines = append(append(it.lines, lines.Bytes()...), '\n')
			}
			items = append(items, it)
		}
	}
	return items, lines.Err()
}

// hashed tells whether the header that Serverless wants says what the body's hash is.
func hashed(r *http.Request, body []byte) bool {
	sum := sha256.Sum256(body)
	return strings.EqualFold(r.Header.Get("X-Amz-Content-Sha256"), hex.EncodeToString(sum[:]))
}
