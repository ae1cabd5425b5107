package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"out_opensearch_irsa/internal/indexname"
	"out_opensearch_irsa/internal/opensearch"
)

// How a permission is tried without using it. All three were tried on OpenSearch 2.19 with its
// security plugin; none of them writes, creates, or changes a mapping.
//
//	exists     A delete, under a condition, of a document that nobody has: an index that is not there is not created for it, and
//	           says so. One that exists answers with a conflict, or that deleting is not allowed, which a writer of logs need not be.
//	mayWrite   An index operation, under a condition, of an empty document that nobody has: the security plugin is asked first, and
//	           then the condition fails. It is sent only to an index that was there a moment ago. A data stream takes no conditions;
//	           it takes no document without @timestamp either.
//	mayCreate  A document for an index with a name in upper case: the security plugin is asked, and then the name is refused.

// condition is one that no document meets, since it does not exist.
func condition(index string) map[string]any {
	return map[string]any{"_index": index, "_id": nobody(), "if_seq_no": 0, "if_primary_term": 1}
}

func (e *examination) exists(ctx context.Context, index string) opensearch.Result {
	target := condition(index)
	if e.serverless() { // which documents no conditions; there a delete of nothing does nothing
		target = map[string]any{"_index": index, "_id": target["_id"]}
	}
	return e.bulk(ctx, "delete", target, nil)
}

func (e *examination) mayWrite(ctx context.Context, index string, stream bool) opensearch.Result {
	if stream {
		return e.bulk(ctx, "create", map[string]any{"_index": index, "_id": nobody()}, []byte("{}"))
	}
	return e.bulk(ctx, "index", condition(index), []byte("{}"))
}

func (e *examination) mayCreate(ctx context.Context, index string) opensearch.Result {
	return e.bulk(ctx, "create", map[string]any{"_index": index + impossible, "_id": nobody()},
		[]byte("{}"))
}

// impossible makes a name that no index can have, and that begins as the index's.
const impossible = "-DOCTOR"

// filler stands for what a record would bring into the name of its index.
const filler = "doctor"

// example is the name of an index that a record of now would go to.
func (e *examination) example() string { return e.target.Example(time.Now().Unix(), filler) }

// checkIndex tells whether the role may write to the index, and create it.
func (e *examination) checkIndex(ctx context.Context) outcome {
	return e.standing(ctx, e.target, e.cfg.IndexFrom, &e.first)
}

// checkDeadLetters does the same for where rejected records go.
func (e *examination) checkDeadLetters(ctx context.Context) outcome {
	if path := e.cfg.DeadLetterPath; path != "" {
		dir := filepath.Dir(path)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return broken("mount a folder there, or name another file by Dead_Letter_Path",
				"there is no folder %s for Dead_Letter_Path", dir)
		}
		return fine("go to file %s", path)
	}
	o := e.standing(ctx, e.dead, "Dead_Letter_Index", nil)
	if o.status == Broken { // nothing is rejected on most days
		o.remedy += "; until then a rejected record keeps its chunk waiting"
	}
	return o
}

// standing tells how the role stands to an index. known is the answer to exists, if that was asked
// already.
func (e *examination) standing(ctx context.Context, t *indexname.Template, option string,
	known *opensearch.Result) outcome {
	name := t.Example(time.Now().Unix(), filler)
	if known == nil {
		r := e.exists(ctx, name)
		known = &r
	}
	if known.Failure != nil {
		return failed(known.Failure)
	}
	found := item(*known)
	if e.serverless() {
		return e.standingServerless(name, found)
	}
	there := found.Kind != opensearch.IndexMissing
	stream := found.Kind == opensearch.WriteTarget &&
		strings.HasPrefix(found.Reason, "only write ops with an op_type of create")
	what := name + " does not exist yet, and the role may create it"
	if there {
		if !stream && found.Kind != opensearch.RoleNotMapped && found.Kind != opensearch.Conflict &&
			found.Verdict != opensearch.Delivered {
			return e.refused(found, name, option)
		}
		r := e.mayWrite(ctx, name, stream)
		if r.Failure != nil {
			return failed(r.Failure)
		}
		if it := item(r); it.Kind != opensearch.Conflict &&
			(!stream || it.Kind != opensearch.Mapping) {
			return e.refused(it, name, option)
		}
		what = name + " exists, and the role may write to it"
		if stream {
			what = strings.Replace(what, " exists", " is a data stream", 1)
		}
		if !strings.Contains(t.Pattern(), "*") {
			return fine("%s", what)
		}
		what += ", and create the next"
	}
	r := e.mayCreate(ctx, name)
	if r.Failure != nil {
		return failed(r.Failure)
	}
	if it := item(r); it.Kind != opensearch.IndexName &&
		!strings.Contains(it.Reason, "must be lowercase") {
		return e.refused(it, name, option)
	}
	return fine("%s", what)
}

// standingServerless makes the best of one answer: a collection cannot be asked for more without
// storing something.
func (e *examination) standingServerless(name string, found opensearch.Item) outcome {
	switch {
	case found.Kind == opensearch.Forbidden || found.Kind == opensearch.RoleNotMapped || found.Status == 401 || found.Status == 403:
		_, remedy := e.client.Explain(opensearch.Item{Kind: opensearch.DataAccessPolicy})
		return broken(remedy, "%s: %s: %s", name, found.Type, found.Reason)
	case found.Kind == opensearch.IndexMissing:
		return fine("%s does not exist yet; only --write shows whether the data access policy "+
			"lets the role create it", name)
	}
	return fine("the collection takes requests for %s; only --write shows whether the data "+
		"access policy lets the role write", name)
}

// lacking finds the permissions in the security plugin's words.
var lacking = regexp.MustCompile(`no permissions for \[(.+?)\] and User`)

// refused is an index that the role may not use, or nobody.
func (e *examination) refused(it opensearch.Item, name, option string) outcome {
	kind, remedy := e.client.Explain(it)
	if m := lacking.FindStringSubmatch(it.Reason); kind == opensearch.RoleNotMapped && m != nil {
		return broken(fmt.Sprintf("give its security role index permissions on a pattern that "+
			"matches %s, with indices:data/write/bulk*, indices:data/write/index, "+
			"indices:admin/create and indices:admin/mapping/put, or write another %s", name, option), "the role lacks %s on %s", m[1], name)
	}
	return broken(remedy, "%s: %s: %s", name, it.Type, it.Reason)
}
