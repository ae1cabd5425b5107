package simulation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// An item is one operation of a bulk request.
type item struct {
	op, index, id string
	hasID         bool
	version       int // an external one; 0 for none
	versionType   string
	doc           []byte
}

// A result is what becomes of an item.
type result struct {
	status       int
	kind, reason string
}

const deadLetterSuffix = "-dead-letter"

// bulk is POST /_bulk and POST /{index}/_bulk.
func (d *domain) bulk(req *http.Request, index string, body []byte, a *answer) {
	if t := req.Header.Get("Content-Type"); t != "application/x-ndjson" && t != "application/json" {
		d.violation("Content-Type %q", t)
	}
	items, named, err := parseBulk(index, body)
	if err != nil {
		d.violation("%v", err)
		a.refuse(400, "illegal_argument_exception", err.Error())
		return
	}
	if named && d.on(explicit) {
		a.refuse(400, "illegal_argument_exception", "explicit index in bulk is not allowed")
		return
	}
	for _, it := range items {
		if len(it.id) > 512 {
			d.violation("an id of %d bytes", len(it.id))
			a.refuse(400, "action_request_validation_exception",
				fmt.Sprintf("Validation Failed: 1: id [%s] is too long, must be no longer than 512 bytes but was: %d;", it.id, len(it.id)))
			return
		}
		if it.hasID && d.s.domain.noIDs == "request" {
			a.refuse(400, "illegal_argument_exception", "Document ID is not supported in "+
				"create/index operation request")
			return
		}
	}
	results := make([]result, len(items))
	for i := range items {
		results[i] = d.apply(&items[i], a)
	}
	a.body = bulkAnswer(items, results, strings.Contains(req.URL.RawQuery, "filter_path="))
}

// parseBulk reads NDJSON as OpenSearch's BulkRequestParser does. named tells whether a line names
// an index.
func parseBulk(index string, body []byte) (items []item, named bool, err error) {
	if len(body) == 0 {
		return nil, false, errors.New("request body is required")
	}
	if body[len(body)-1] != '\n' {
		return nil, false, errors.New("the bulk request must be terminated by a newline [\\n]")
	}
	for n := 1; len(body) > 0; n++ {
		var head, doc []byte
		head, body, _ = bytes.Cut(body, []byte("\n"))
		it := item{index: index}
		if err = it.readAction(head, &named); err != nil {
			return nil, false, fmt.Errorf("action line of item %d, %.200q: %w", n, head, err)
		}
		if (it.version > 0 || it.versionType != "") &&
			(it.op != "index" || !it.hasID || it.versionType != "external") {
			return nil, false, fmt.Errorf("item %d has version %d of type %q, operation %s, id "+
				"%q: only an index with an id takes an external one", n, it.version, it.versionType, it.op, it.id)
		}
		var more bool
		if doc, body, more = bytes.Cut(body, []byte("\n")); !more {
			return nil, false, fmt.Errorf("item %d has no source line", n)
		}
		it.doc = doc
		if it.index == "" {
			return nil, false, errors.New("index is missing")
		}
		if why := badIndexName(it.index); why != "" {
			return nil, false, fmt.Errorf("invalid index name [%s]: %s", it.index, why)
		}
		if it.op == "update" {
			if it.doc, err = partial(doc); err != nil || !it.hasID {
				return nil, false, fmt.Errorf("update %d without id or document: %w", n, err)
			}
		}
		items = append(items, it)
	}
	return items, named, nil
}

// partial is the document of an update that stores it where there is none.
func partial(doc []byte) ([]byte, error) {
	var update struct {
		Doc    json.RawMessage `json:"doc"`
		Upsert bool            `json:"doc_as_upsert"`
	}
	if err := json.Unmarshal(doc, &update); err != nil {
		return nil, err
	}
	if update.Doc == nil || !update.Upsert {
		return nil, errors.New("no doc, or no doc_as_upsert")
	}
	return update.Doc, nil
}

func (it *item) readAction(head []byte, named *bool) error {
	return readJSON(head, func(p *jsonReader) {
		p.members(func(op string) {
			if it.op != "" || op != "create" && op != "index" && op != "update" {
				p.fail("an action too many, or one that was not asked for")
			}
			it.op = op
			p.members(func(name string) {
				if name == "version" {
					n, err := strconv.Atoi(p.number())
					if err != nil || n < 1 {
						p.fail("a version that is none")
					}
					it.version = n
					return
				}
				text := p.string()
				switch name {
				case "_index":
					it.index, *named = text, true
				case "_id":
					if it.id, it.hasID = text, true; text == "" {
						p.fail("if _id is specified it must not be empty")
					}
				case "version_type":
					it.versionType = text
				case "routing", "pipeline":
				default:
					p.fail("Action/metadata line contains an unknown parameter [" + name + "]")
				}
			})
		})
		if it.op == "" {
			p.fail("no action")
		}
	})
}

func badIndexName(name string) string {
	switch {
	case name != strings.ToLower(name):
		return "must be lowercase"
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return "must not contain these characters"
	case strings.ContainsAny(name[:1], "_-+"), name == ".", name == "..", len(name) > 255:
		return "it starts with what it must not, or is too long"
	}
	return ""
}

// apply is what the domain does with an item.
func (d *domain) apply(it *item, a *answer) result {
	dead := strings.HasSuffix(it.index, deadLetterSuffix)
	if it.hasID && d.s.domain.noIDs != "" {
		return result{400, "illegal_argument_exception", "Document ID is not supported in " +
			"create/index operation request"}
	}
	if d.s.domain.stream && !dead && it.op != "create" {
		return result{400, "illegal_argument_exception", "only write ops with an op_type of " +
			"create are allowed in data streams"}
	}
	if e := d.hit(func(kind string) bool { return kind == blocked }); e != nil {
		switch {
		case e.arg == "dead letters" && !dead:
		case e.arg == "flood":
			return result{429, "cluster_block_exception", "index [" + it.index +
				"] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}
		case e.arg == "closed":
			return result{400, "index_closed_exception", "closed"}
		default:
			return result{403, "cluster_block_exception", "index [" + it.index +
				"] blocked by: [FORBIDDEN/8/index write (api)];"}
		}
	}
	if e := d.hit(func(kind string) bool { return slices.Contains(ofItems, kind) }); e != nil {
		switch e.kind {
		case "items 429":
			return result{429, "rejected_execution_exception", "rejected execution of primary " +
				"operation [coordinating_and_primary_bytes=10], queue full"}
		case "items 503":
			return result{503, "unavailable_shards_exception", "[" + it.index +
				"][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest]"}
		case "items 403 security":
			return result{403, "security_exception", "no permissions for " +
				"[indices:data/write/bulk[s]] and User " +
				"[name=arn:aws:iam::123456789012:role/fluent-bit, backend_roles=[], " +
				"requestedTenant=null]"}
		default:
			return result{404, "index_not_found_exception", "no such index [" + it.index +
				"] and [action.auto_create_index] is [false]"}
		}
	}
	if dead && d.on(refusesL) {
		return result{400, "mapper_parsing_exception", "failed to parse field " +
			"[record] of type [long]"}
	}
	if why, ok := rejections[poisonOf(it.doc)]; ok && !dead {
		_, preview, _ := bytes.Cut(it.doc, []byte(`"log":"`))
		reason := why.reason
		if strings.Contains(reason, "%s") {
			reason = fmt.Sprintf(reason, preview[:min(len(preview), 60)])
		}
		return result{400, why.kind, strings.ToValidUTF8(reason, "?")}
	}
	form, err := jsonForm(it.doc)
	if err != nil {
		d.violation("a document that is no JSON, %v: %.300q", err, it.doc)
		return result{400, "mapper_parsing_exception", "failed to parse"}
	}
	return d.store(it, form, a)
}

// poisonOf is the field by which a record says why it is refused.
func poisonOf(doc []byte) string {
	_, after, _ := bytes.Cut(doc, []byte(`"poison":"`))
	name, _, _ := bytes.Cut(after, []byte(`"`))
	return string(name)
}

func (d *domain) store(it *item, form string, a *answer) result {
	d.mu.Lock()
	defer d.mu.Unlock()
	of := d.docs[it.index]
	if of == nil {
		of = map[string]*document{}
		d.docs[it.index] = of
	}
	if !it.hasID {
		d.auto++
		it.id = fmt.Sprintf("auto-%d", d.auto)
		a.stored = append(a.stored, it.index+" "+form)
	}
	old := of[it.id]
	conflict := func(format string, args ...any) result {
		return result{409, "version_conflict_engine_exception", "[" + it.id +
			"]: version conflict, " + fmt.Sprintf(format, args...)}
	}
	doc := &document{raw: bytes.Clone(it.doc), form: form, version: max(1, it.version)}
	switch {
	case old == nil:
		of[it.id] = doc
		return result{status: 201}
	case it.op == "create":
		return conflict("document already exists (current version [%d])", old.version)
	case it.version == 0:
		doc.version = old.version + 1
	case it.version <= old.version:
		return conflict("current version [%d] is higher or equal to the one provided [%d]",
			old.version, it.version)
	}
	of[it.id] = doc
	return result{status: 200}
}

// bulkAnswer is the answer's JSON, with filter_path only what it asks for.
func bulkAnswer(items []item, results []result, filtered bool) []byte {
	var b []byte
	failed := false
	for i, r := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"%s":{`, items[i].op)
		if !filtered {
			b = fmt.Appendf(b, `"_index":%s,"_id":%s,`, quote(items[i].index), quote(items[i].id))
		}
		b = fmt.Appendf(b, `"status":%d`, r.status)
		if r.kind != "" {
			failed = true
			b = fmt.Appendf(b, `,"error":{"type":%q,"reason":%s}`, r.kind, quote(r.reason))
		}
		b = append(b, "}}"...)
	}
	head := `{"took":3,`
	if filtered {
		head = "{"
	}
	return fmt.Appendf(nil, `%s"errors":%t,"items":[%s]}`, head, failed, b)
}

// mget is POST /_mget and POST /{index}/_mget.
func (d *domain) mget(index string, body []byte, a *answer) {
	var ask struct {
		Docs []struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		} `json:"docs"`
		IDs []string `json:"ids"`
	}
	if err := json.Unmarshal(body, &ask); err != nil || len(ask.Docs)+len(ask.IDs) == 0 {
		d.violation("_mget of %.200q: %v", body, err)
		a.refuse(400, "action_request_validation_exception", "Validation Failed: 1: "+
			"no documents to get;")
		return
	}
	for _, id := range ask.IDs {
		ask.Docs = append(ask.Docs, struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		}{index, id})
	}
	refusesNames := d.on(explicit)
	d.mu.Lock()
	defer d.mu.Unlock()
	var docs []byte
	for i, want := range ask.Docs {
		if want.Index == "" {
			want.Index = index
		} else if refusesNames && len(ask.IDs) == 0 {
			a.refuse(400, "illegal_argument_exception", "explicit index in "+
				"multi get is not allowed")
			return
		}
		if i > 0 {
			docs = append(docs, ',')
		}
		head := fmt.Sprintf(`{"_index":%s,"_id":%s`, quote(want.Index), quote(want.ID))
		of, exists := d.docs[want.Index]
		doc := of[want.ID]
		switch {
		case !exists:
			docs = fmt.Appendf(docs, `%s,"error":{"type":"index_not_found_exception","reason":"no such index [%s]"}}`, head, want.Index)
		case doc == nil:
			docs = fmt.Appendf(docs, `%s,"found":false}`, head)
		default:
			docs = fmt.Appendf(docs, `%s,"_version":%d,"_seq_no":1,"_primary_term":1,"found":true,"_source":%s}`, head, doc.version, doc.raw)
		}
	}
	a.body = fmt.Appendf(nil, `{"docs":[%s]}`, docs)
}
