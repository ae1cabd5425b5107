package opensearch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/quote"
)

// TestItemVerdicts has each answer of an item judged through a server, and wants every row of the
// table that is for items to be met by one of them.
func TestItemVerdicts(t *testing.T) {
	met := map[*row]bool{}
	f := func(op string, status int, typ, reason string, verdict Verdict, kind Kind,
		words ...string) {
		t.Helper()
		body := fmt.Sprintf(`{"errors":true,"items":[{%q:{"status":%d,"error":{"type":%q,"reason":%q}}}]}`, op, status, typ, reason)
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) },
			func(o *Options) { o.Signer = fakeSigner{} })
		res := c.Bulk(t.Context(), &Request{Body: []byte("{}\n"), Items: 1})
		if res.Failure != nil {
			t.Errorf("%d %s: %v", status, typ, res.Failure)
			return
		}
		it := Item{Verdict: Delivered}
		if !res.Delivered {
			it = res.Items[0]
		}
		met[rowFor(fact{level: item, op: op, status: status, typ: typ,
			text: strings.ToLower(reason)})] = true
		if it.Verdict != verdict || it.Kind != kind || it.Duplicate != (kind == Duplicate) {
			t.Errorf("%s %d %s %q: got %s, %s; want %s, %s", op, status, typ, reason, it.Verdict,
				it.Kind, verdict, kind)
		}
		if k, remedy := c.Explain(it); k != kind || !containsAll(remedy, words) {
			t.Errorf("%s: remedy %q does not name %q", kind, remedy, words)
		}
	}
	f("create", 201, "", "", Delivered, None)
	f("create", 409, "version_conflict_engine_exception", "[x]: version conflict, document "+
		"already exists (current version [1])", Delivered, Duplicate)
	f("index", 409, "version_conflict_engine_exception", "[x]: version conflict, current version "+
		"[5] is higher or equal to the one provided [5]", Delivered, Duplicate)
	f("index", 409, "version_conflict_engine_exception", "[x]: version conflict, required seqNo "+
		"[1], primary term [1]. current document has seqNo [2] and primary term [1]", Retry, Conflict)
	f("update", 409, "version_conflict_engine_exception", "[x]: version conflict", Retry, Conflict)
	f("create", 409, "something_else_exception", "x", Retry, Conflict)
	f("create", 403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/12/index "+
		"read-only / allow delete (api)];", Retry, Blocked, "disk", "read_only_allow_delete")
	f("create", 429, "cluster_block_exception", "index [a] blocked by: "+
		"[TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has "+
		"read-only-allow-delete block];", Retry, Blocked)
	f("create", 400, "validation_exception", "Validation Failed: 1: this action would add [2] "+
		"total shards, but this cluster currently has [1000]/[1000] maximum shards open;", Retry, ShardLimit, "max_shards_per_node")
	f("index", 400, "illegal_argument_exception", "Validation Failed: 1: this action would add "+
		"[10] total shards, but this cluster currently has [2402]/[2000] maximum shards open;", Retry, ShardLimit)
	f("create", 403, "security_exception", "no permissions for [indices:admin/create] and User "+
		"[name=arn:aws:iam::1:role/x, backend_roles=[arn:aws:iam::1:role/x], "+
		"requestedTenant=null]", Retry, RoleNotMapped,
		"PUT _plugins/_security/api/rolesmapping/", `{"backend_roles":["arn:aws:iam::1:role/x"]}`, "indices:data/write/bulk")
	f("create", 403, "security_exception", "Unexpected exception indices:data/write/bulk[s]", Retry,
		Forbidden)
	f("create", 429, "rejected_execution_exception", "rejected execution of "+
		"coordinating operation", Retry, Throttled)
	f("create", 400, "circuit_breaking_exception", "[parent] Data too large", Retry, Throttled)
	f("create", 503, "unavailable_shards_exception", "[a][0] primary shard is not active "+
		"Timeout: [1m]", Retry, Unavailable)
	f("create", 503, "process_cluster_event_timeout_exception", "failed to process cluster event "+
		"(create-index) within 1m", Retry, Unavailable)
	f("create", 500, "anything", "", Retry, Unavailable)
	f("create", 400, "resource_already_exists_exception", "index [a/b] already exists", Retry,
		Unavailable)
	f("create", 404, "index_not_found_exception", "no such index [a] and "+
		"[action.auto_create_index] is [false]", Retry, IndexMissing, "auto_create_index")
	f("create", 400, "index_closed_exception", "closed", Retry, IndexClosed, "_open")
	f("create", 400, "invalid_index_name_exception", "Invalid index name [A], must be lowercase",
		Retry, IndexName, "Logstash_Prefix")
	f("create", 400, "illegal_argument_exception", "Document ID is not supported in create/index "+
		"operation request", Retry, DocumentID, "Generate_ID Off")
	f("create", 400, "illegal_argument_exception", "pipeline with id [p] does not exist", Retry,
		Pipeline, "Pipeline")
	f("index", 400, "illegal_argument_exception", "only write ops with an op_type of create are "+
		"allowed in data streams", Retry, WriteTarget, "Write_Operation create")
	f("index", 400, "illegal_argument_exception", "no write index is defined for alias [a]. The "+
		"write index may be explicitly disabled", Retry, WriteTarget, "is_write_index")
	f("index", 400, "illegal_argument_exception", "alias [a] has more than one indices "+
		"associated with it [[b, c]], can't execute a single index op", Retry, WriteTarget)
	f("create", 400, "illegal_argument_exception", "Limit of total fields "+
		"[1000] has been exceeded", Rejected, FieldLimit, "total_fields")
	f("create", 400, "illegal_argument_exception", "Document contains at least one immense term "+
		"in field=\"log.keyword\" (whose UTF8 encoding is longer than the max length 32766)", Rejected, ImmenseTerm, "ignore_above")
	f("create", 400, "mapper_parsing_exception", "failed to parse field [n] of type [long]",
		Rejected, Mapping, "ignore_malformed")
	f("create", 400, "strict_dynamic_mapping_exception", "mapping set to strict, dynamic "+
		"introduction of [x] within [_doc] is not allowed", Rejected, Mapping)
	f("create", 401, "x", "", Retry, Forbidden)
	f("create", 403, "x", "", Retry, Forbidden)
	f("create", 400, "illegal_argument_exception", "mapper [a] cannot be changed from type "+
		"[long] to [text]", Rejected, Refused)
	f("create", 400, "parse_exception", "Failed to parse content to map", Rejected, Refused)
	f("update", 404, "document_missing_exception", "[x]: document missing", Rejected, Refused)
	f("create", 302, "", "", Retry, Unknown)

	// Words of the document in the server's reason must not keep it from the dead letters.
	for _, words := range []string{"no permissions for [", "pipeline with id [",
		"this action would add [", "Document ID is not supported", "rate exceeded", "cluster_block_exception"} {
		f("create", 400, "mapper_parsing_exception", "failed to parse. Preview of "+
			"field's value: '"+words+"'", Rejected, Mapping)
		f("create", 400, "illegal_argument_exception", "mapper ["+words+"] cannot be changed "+
			"from type [long] to [text]", Rejected, Refused)
	}
	for i := range table {
		if table[i].level&item != 0 && !met[&table[i]] {
			t.Errorf("no answer meets the row of %s: %s", table[i].kind, table[i].why)
		}
	}
}

// TestRequestVerdicts has each refusal of a whole request judged through a server, and wants every
// row for requests to be met.
func TestRequestVerdicts(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:role/eks/eks-log"
	met := map[*row]bool{}
	f := func(status int, body string, kind Kind, words ...string) {
		t.Helper()
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}, func(o *Options) { o.Signer, o.RoleARN = fakeSigner{}, func() string { return arn } })
		res := c.Bulk(t.Context(), &Request{Body: []byte("{}\n"), Items: 1})
		fail := res.Failure
		if fail == nil || fail.Kind != kind || fail.Verdict != Retry || fail.Status != status ||
			res.Status != status || res.Delivered || res.Items != nil {
			t.Errorf("%d %s: got %+v, want %s", status, body, fail, kind)
			return
		}
		typ, reason := requestError([]byte(body))
		met[rowFor(fact{level: request, status: status, typ: typ,
			text: strings.ToLower(reason + "\n" + body)})] = true
		if !containsAll(fail.Error(), words) || strings.ContainsAny(fail.Error(), "\n\r") ||
			len(fail.Summary) > quote.Max+200 {
			t.Errorf("%s: %q does not name %q in one line", kind, fail, words)
		}
		if fail.Ambiguous != (status >= 500 || status == 408) {
			t.Errorf("%d: ambiguous %v", status, fail.Ambiguous)
		}
		if want := kind == ExpiredToken ||
			kind == InvalidToken; want != (fail.AccessKeyID == "ASIAFAKE") {
			t.Errorf("%s: access key id %q", kind, fail.AccessKeyID)
		}
	}
	message := func(m string) string { return fmt.Sprintf(`{"message":%q}`, m) }
	Message := func(m string) string { return fmt.Sprintf(`{"Message":%q}`, m) }
	osError := func(typ, reason string, status int) string {
		return fmt.Sprintf(`{"error":{"root_cause":[{"type":%[1]q,"reason":%[2]q}],"type":%[1]q,"reason":%[2]q},"status":%[3]d}`, typ, reason, status)
	}
	f(403, message("The security token included in the request is expired"), ExpiredToken,
		"is expired")
	f(403, `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"x"}`,
		ExpiredToken)
	f(403, message("The security token included in the request is invalid."), InvalidToken, arn)
	f(403, message("Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z "+
		"(20260101T001500Z - 5 min.)"), ClockSkew, "chrony")
	f(403, message("Signature not yet current: 20260101T001000Z is still later than "+
		"20260101T000500Z"), ClockSkew)
	f(403, message("Credential should be scoped to a valid region, not 'eu-west-1'. "), WrongRegion,
		"AWS_Region")
	f(403, message("Credential should be scoped to correct service: 'es'. "), WrongRegion,
		"AWS_Service_Name")
	f(403, message("The request signature we calculated does not match the signature you "+
		"provided. Check your AWS Secret Access Key and signing method. Consult the service "+
		"documentation for details."), SignatureMismatch, "proxy")
	f(403, message("Missing Authentication Token"), NotSigned, "Authorization")
	f(403, message("Authorization header requires 'Credential' parameter. Authorization header "+
		"requires 'Signature' parameter."), NotSigned)
	f(403, Message("User: arn:aws:sts::123456789012:assumed-role/eks-log/s is not authorized to "+
		"perform: es:ESHttpPost because no identity-based policy allows the es:ESHttpPost action"), NoIdentityPolicy, "es:ESHttpPost", arn)
	f(403, Message("User: arn:aws:sts::123456789012:assumed-role/eks-log/s is not authorized to "+
		"perform: es:ESHttpPost with an explicit deny in an identity-based policy"), NoIdentityPolicy)
	f(403, Message("User: anonymous is not authorized to perform: es:ESHttpPost because no "+
		"resource-based policy allows the es:ESHttpPost action"), AccessPolicy, "access policy", arn)
	f(403, Message("User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: "+
		"es:ESHttpPost"), AccessPolicy)
	f(403, osError("security_exception",
		"no permissions for [indices:data/write/bulk] and User [name="+arn+", backend_roles=["+arn+"], requestedTenant=null]", 403), RoleNotMapped, "PUT _plugins/_security/api/rolesmapping/<role>", `{"backend_roles":["`+arn+`"]}`)
	f(403, osError("security_exception", "other", 403), Forbidden)
	f(403, osError("authorization_exception", "User does not have permissions for "+
		"the requested resource", 403), DataAccessPolicy, "data access policy", arn)
	f(403, message("User does not have permissions for the requested resource"), DataAccessPolicy)
	f(403, "403 Request throttled due to too many requests", Throttled)
	f(403, message("Rate exceeded"), Throttled)
	f(400, `{"__type":"ThrottlingException","message":"slow down"}`, Throttled)
	f(403, osError("cluster_block_exception", "index [a] blocked by: "+
		"[FORBIDDEN/8/index write (api)];", 403), Blocked)
	f(403, "<html><body>Forbidden</body></html>", Forbidden, arn, "<html>")
	f(403, "", Forbidden)
	f(401, "Unauthorized", Unauthorized, "AWS_Auth")
	f(413, Message("Request size exceeded 10485760 bytes"), TooLarge, "Max_Request_Size")
	f(400, Message("Request size exceeded 10485760 bytes"), TooLarge)
	f(429, osError("circuit_breaking_exception", "[parent] Data too large", 429), Throttled,
		"Data too large")
	f(429, "", Throttled)
	f(408, "", Timeout)
	f(500, "", Unavailable)
	f(502, "<html>Bad Gateway</html>", Unavailable)
	f(503, `{"message":null}`, Unavailable)
	f(504, "", Unavailable, "_cluster/health")
	f(404, osError("index_not_found_exception", "no such index [a]", 404), IndexMissing)
	f(400, osError("invalid_index_name_exception", "Invalid index name [A], must be lowercase",
		400), IndexName)
	f(400, osError("illegal_argument_exception", "pipeline with id [p] does not exist", 400),
		Pipeline)
	f(400, osError("validation_exception", "Validation Failed: 1: this action would add [2] "+
		"total shards, but this cluster currently has [9]/[9] maximum shards open;", 400), ShardLimit)
	f(404, "page not found", WrongEndpoint, "Endpoint")
	f(405, `{"error":"Incorrect HTTP method for uri [/x] and method [POST], allowed: [GET]","status":405}`, WrongEndpoint, "Incorrect HTTP method")
	f(301, "", WrongEndpoint)
	f(400, osError("illegal_argument_exception", "Malformed action/metadata line [3], expected "+
		"START_OBJECT but found [VALUE_STRING]: rate exceeded, ExpiredToken", 400), Malformed)
	f(400, osError("action_request_validation_exception", "Validation Failed: 1: id is too long, "+
		"must be no longer than 512 bytes but was: 513;", 400), Malformed)
	f(400, osError("illegal_argument_exception", "The bulk request must be terminated by a "+
		"newline [\\n]", 400), Malformed)
	f(400, osError("some_new_exception", "whatever", 400), Malformed)
	f(400, osError("illegal_argument_exception", "explicit index in bulk is not allowed", 400),
		ExplicitIndex, "allow_explicit_index")
	f(400, "", NotOpenSearch, "proxy")
	f(400, "<html><body>Bad Request</body></html>", NotOpenSearch, "<html>")
	f(418, "teapot", NotOpenSearch)
	f(418, osError("teapot_exception", "short and stout", 418), Unknown)

	for i := range table {
		if table[i].level == request && !met[&table[i]] {
			t.Errorf("no answer meets the row of %s: %s", table[i].kind, table[i].why)
		}
	}
}

func TestTable(t *testing.T) {
	for i, r := range table {
		if r.why == "" || r.kind == None && r.verdict != Delivered {
			t.Errorf("row %d gives no reason or no kind: %+v", i, r)
		}
		if r.level&request != 0 && r.verdict != Retry {
			t.Errorf("row %d (%s): a whole request must not be thrown away", i, r.kind)
		}
		if r.level&item != 0 && r.verdict == Retry && r.text != nil &&
			(r.typ == nil || r.typ[0] == "illegal_argument_exception") {
			t.Errorf("row %d (%s): a document's own words could keep it here for ever", i, r.kind)
		}
		for _, s := range append(append([]string{}, r.text...), r.prefix...) {
			if s != strings.ToLower(s) {
				t.Errorf("row %d: %q is compared with text in lower case", i, s)
			}
		}
	}
	for k := range kinds {
		if k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
	if Kind(250).String() != "unknown" {
		t.Error("a kind out of range")
	}
}

// TestRemedies wants remedies that fit the authentication in use.
func TestRemedies(t *testing.T) {
	f := func(ad advice, k Kind, text string, words ...string) {
		t.Helper()
		if got := ad.remedy(k, text); !containsAll(got, words) {
			t.Errorf("%s: %q does not name %q", k, got, words)
		}
	}
	signed, plain := advice{signed: true}, advice{}
	f(plain, RoleNotMapped, "", "HTTP_User")
	f(plain, AccessPolicy, "", "AWS_Auth On")
	f(plain, NotSigned, "", "AWS_Auth On")
	f(plain, Unauthorized, "", "HTTP_Passwd")
	f(plain, Forbidden, "", "HTTP_Passwd")
	f(signed, RoleNotMapped, "", "<ARN of the pod's IAM role>")
	f(signed, NoIdentityPolicy, "User: arn:aws-cn:sts::12:assumed-role/r/s is not authorized",
		"arn:aws-cn:iam::12:role/r", "es:ESHttpPost")
	f(signed, NoIdentityPolicy, "… with an explicit deny in an identity-based policy",
		"the policy that denies it", "no other policy")
	f(signed, AccessPolicy, "… with an explicit deny in a resource-based policy",
		"domain's access policy", "no other policy")
	f(advice{signed: true, serverless: true}, NoIdentityPolicy, "", "aoss:APIAccessAll")
	f(advice{signed: true, serverless: true}, Forbidden, "", "data access policy", "network policy")
	for k := Unknown + 1; k < kinds; k++ {
		switch got := signed.remedy(k, ""); k {
		case Duplicate, Conflict, Canceled: // nothing to fix
		default:
			if got == "" || strings.Contains(got, "\n") {
				t.Errorf("%s: remedy %q", k, got)
			}
		}
	}
}

// fakeSigner signs as a test can recognize.
type fakeSigner struct{ err error }

func (s fakeSigner) Sign(_ context.Context, req *http.Request, hash string) error {
	if s.err == nil {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+
			"Credential=ASIAFAKE/20260101/r/es/aws4_request, Signature="+hash)
	}
	return s.err
}

// serve starts a server on loopback and returns a client of it.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*Options)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client(t, s.URL, change...)
}

func client(t testing.TB, endpoint string, change ...func(*Options)) *Client {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Endpoint: u, Timeout: 20 * time.Second}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}
