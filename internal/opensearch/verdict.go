package opensearch

import "strings"

// A Verdict says what is to be done with an item.
type Verdict uint8

const (
	// Retry means that the item may be sent again: its fate does not depend on what it says.
	Retry Verdict = iota
	// Delivered means that the item is in the index.
	Delivered
	// Rejected means that the same item will be refused for ever: it belongs to the dead letters.
	Rejected
)

func (v Verdict) String() string { return [...]string{"retry", "delivered", "rejected"}[v] }

// An Effect is what follows from an answer besides its verdict: a set of what the sender has to do.
// It does what is in the set and asks for no kind.
type Effect uint16

// The effects.
const (
	// Overload: the domain has too much to do, so fewer requests go at a time.
	Overload Effect = 1 << iota
	// Halve: one of the request's items may be to blame, and parts of the request may pass.
	Halve
	// Shrink: the request is too large, and parts of it may pass.
	Shrink
	// RenewCredentials: the same items may pass at once with new credentials.
	RenewCredentials
	// CorrectClock: the same items may pass at once, signed by the server's clock.
	CorrectClock
	// DropIDs: the same items may pass at once without ids.
	DropIDs
	// DropIndex: the same items may pass at once in requests whose lines name no index.
	DropIndex
	// CompareDocument: where the id is the record's own, only the document tells whether it is the
	// same.
	CompareDocument
	// CreateOnly: the same items may pass at once as documents that replace none.
	CreateOnly
	// PipelineMissing: there is no such pipeline. Where records name theirs, the record is to
	// blame.
	PipelineMissing
	// Denied: a permission is missing, which asking again does not bring.
	Denied
	// QuoteReason: the reason is the server's words about itself, so that it may be logged; other
	// reasons may quote the document.
	QuoteReason
)

// Has tells whether all of want are in the set.
func (e Effect) Has(want Effect) bool { return e&want == want }

// level tells an item's answer from that of the whole request.
type level uint8

const (
	item level = 1 << iota
	request
)

// A fact is what an answer says.
type fact struct {
	level  level
	op     string // of an item: create, index, update, delete
	status int
	typ    string // the server's outermost error type
	text   string // in lower case: an item's reason, a request's body
}

// A row holds for the facts that meet every condition it has. Conditions left out are met by
// anything.
type row struct {
	level    level
	op       string
	from, to int      // HTTP status, inclusive
	typ      []string // one of them
	prefix   []string // text begins with one of them
	text     []string // text contains one of them

	verdict Verdict
	kind    Kind
	effect  Effect
	why     string // the reason, and where the wording comes from
}

// noType is what the answers of AWS's front door have in common: they are not OpenSearch's, whose
// text may quote documents.
var noType = []string{""}

// requestParse are the types with which OpenSearch refuses a whole bulk request for one of its
// lines.
var requestParse = []string{
	"action_request_validation_exception", // Validation Failed: 1: id is too long, must be no longer than 512 bytes
	"illegal_argument_exception",          // Malformed action/metadata line [3], expected …
	"parse_exception", "parsing_exception", "x_content_parse_exception",
	"json_parse_exception", "json_e_o_f_exception", "stream_constraints_exception",
}

// table is all of the verdicts; the first row that matches wins, and the last one of each level
// matches anything.
//
// A person can fix configuration, permissions and full disks, so data that meets them waits
// (Retry); what is wrong with the document itself stays wrong (Rejected). An item's text may quote
// the document, so no row may answer Retry to an item for words that are merely somewhere in it:
// such a row asks for the error's type, and for the words at the beginning.
var table = []row{
	// What is in the index.
	{level: item, from: 200, to: 299, verdict: Delivered, kind: None,
		why: "acknowledged"},
	{level: item, op: "create", from: 409, to: 409,
		typ: []string{"version_conflict_engine_exception", ""}, verdict: Delivered, kind: Duplicate,
		effect: CompareDocument,
		why: "a document of this id exists: an earlier attempt stored it although " +
			"its answer was lost"},
	{level: item, op: "index", from: 409, to: 409,
		typ:  []string{"version_conflict_engine_exception"},
		text: []string{"is higher or equal to the one provided"}, verdict: Delivered,
		kind: Duplicate,
		why: "an external version, which documents of several lines have: the one that is stored " +
			"has as many lines or more (VersionType.EXTERNAL)"},
	{level: item, from: 409, to: 409, verdict: Retry, kind: Conflict,
		why: "an update or index met a concurrent write of the same id; the next " +
			"attempt sees its result"},

	// The cluster is full or closed to writing.
	{level: item | request, typ: []string{"cluster_block_exception"}, verdict: Retry, kind: Blocked,
		effect: QuoteReason,
		why: "403 FORBIDDEN/8 or /12, since 1.0 also 429 TOO_MANY_REQUESTS/12: read-only index, " +
			"flood stage, no manager; a person or free disk lifts it"},
	{level: item | request, typ: []string{"validation_exception", "illegal_argument_exception"},
		prefix: []string{"validation failed: 1: this action would add ["}, verdict: Retry,
		kind: ShardLimit, effect: QuoteReason,
		why: "400, but it is the cluster's shard limit that keeps the index from being made " +
			"(ShardLimitValidator)"},

	// Permissions.
	{level: item | request, typ: []string{"security_exception"},
		text: []string{"no permissions for ["}, verdict: Retry, kind: RoleNotMapped,
		effect: QuoteReason | Denied,
		why: "the security plugin's PrivilegesEvaluator: the role is not mapped, or its security " +
			"role lacks a permission"},
	{level: item | request, typ: []string{"security_exception"}, verdict: Retry, kind: Forbidden,
		why: "any other refusal of the security plugin"},
	{level: request, typ: []string{"authorization_exception"}, verdict: Retry,
		kind: DataAccessPolicy, effect: Denied,
		why: "OpenSearch Serverless: no data access policy lets this principal write"},
	{level: request, from: 400, to: 403, text: []string{"user does not have permissions for the " +
		"requested resource"}, verdict: Retry, kind: DataAccessPolicy, effect: Denied,
		why: "the same, without a type"},

	// AWS's front door, which answers 403 (rarely 400 or 401) to nearly everything.
	{level: request, from: 413, to: 413, verdict: Retry, kind: TooLarge, effect: Shrink,
		why: "Request size exceeded 10485760 bytes: halves of it may pass"},
	{level: request, from: 400, to: 403, typ: noType, text: []string{"request size exceeded"},
		verdict: Retry, kind: TooLarge, effect: Shrink,
		why: "the same, with another status"},
	{level: request, from: 400, to: 403, typ: noType, text: []string{"token included in the " +
		"request is expired", "expiredtoken", "token has expired"}, verdict: Retry, kind: ExpiredToken, effect: RenewCredentials,
		why: "The security token included in the request is expired: new credentials end it"},
	{level: request, from: 400, to: 403, typ: noType, text: []string{"token included in the " +
		"request is invalid", "unrecognizedclientexception", "invalidclienttokenid"}, verdict: Retry, kind: InvalidToken, effect: RenewCredentials,
		why: "The security token included in the request is invalid: revoked, " +
			"or of another partition"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"signature expired", "not yet current", "requesttimetooskewed",
			"timestamp too skewed"}, verdict: Retry, kind: ClockSkew, effect: CorrectClock,
		why: "Signature expired: 20150411T064107Z is now earlier than …; " +
			"Signature not yet current"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"credential should be scoped to"}, verdict: Retry, kind: WrongRegion,
		why: "Credential should be scoped to a valid region, not 'x'; … to correct service: 'es' " +
			"(aws-es-curl #15)"},
	{level: request, from: 400, to: 403, typ: noType, text: []string{"request signature we " +
		"calculated does not match", "signaturedoesnotmatch", "invalidsignatureexception"}, verdict: Retry, kind: SignatureMismatch,
		why: "something between the signer and the domain changed the request, or " +
			"the secret key is wrong"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"missing authentication token", "missingauthenticationtoken",
			"authorization header requires"}, verdict: Retry, kind: NotSigned,
		why: "Missing Authentication Token; Authorization header requires 'Credential' parameter " +
			"(amazon-es-php #29)"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"rate exceeded", "too many requests", "throttl"}, verdict: Retry,
		kind: Throttled, effect: Overload,
		why: "403 Request throttled due to too many requests (rancher #29081), Rate exceeded, " +
			"ThrottlingException"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"no identity-based policy", "identity-based policy", "permissions boundary",
			"service control policy"}, verdict: Retry, kind: NoIdentityPolicy, effect: Denied,
		why: "User: arn:aws:sts::… is not authorized to perform: es:ESHttpPost because no " +
			"identity-based policy allows the es:ESHttpPost action"},
	{level: request, from: 400, to: 403, typ: noType,
		text: []string{"is not authorized to perform"}, verdict: Retry, kind: AccessPolicy,
		effect: Denied,
		why: "… because no resource-based policy allows; User: anonymous is not " +
			"authorized to perform"},

	// Too much, or not now.
	{level: item | request, from: 429, to: 429, verdict: Retry, kind: Throttled, effect: Overload,
		why: "rejected by a queue, a circuit breaker or shard indexing pressure; also AWS's " +
			"limit on unique IAM identities"},
	{level: item | request, typ: []string{"es_rejected_execution_exception",
		"rejected_execution_exception", "open_search_rejected_execution_exception",
		"circuit_breaking_exception"}, verdict: Retry, kind: Throttled, effect: Overload,
		why: "the same under another status"},
	{level: request, from: 408, to: 408, verdict: Retry, kind: Timeout, effect: Overload,
		why: "a proxy gave up waiting for the request"},
	{level: request, from: 500, to: 599, verdict: Retry, kind: Unavailable, effect: Overload,
		why: "a gateway without a node, a node that leaves, or one that cannot any more"},
	{level: item, from: 500, to: 599, verdict: Retry, kind: Unavailable,
		why: "unavailable_shards, process_cluster_event_timeout, a node that leaves: one index " +
			"alone, mostly"},
	{level: item | request, typ: []string{"unavailable_shards_exception",
		"process_cluster_event_timeout_exception", "resource_already_exists_exception",
		"primary_missing_action_exception", "node_closed_exception"}, verdict: Retry,
		kind: Unavailable,
		why: "the same under another status; resource_already_exists is a race of " +
			"two nodes for a new index"},

	// Configuration, on one of the two sides.
	{level: item | request, typ: []string{"index_not_found_exception"}, verdict: Retry,
		kind: IndexMissing,
		why:  "action.auto_create_index forbids it, or it was deleted a moment ago"},
	{level: item | request, typ: []string{"index_closed_exception"}, verdict: Retry,
		kind: IndexClosed,
		why:  "400, but opening the index ends it"},
	{level: item | request, typ: []string{"invalid_index_name_exception"}, verdict: Retry,
		kind: IndexName, effect: QuoteReason,
		why: "names made from records are cleaned before they are sent, so this is the " +
			"configured one; 'already exists as alias' is a race that passes"},
	{level: request, typ: []string{"illegal_argument_exception"},
		prefix: []string{"explicit index in bulk is not allowed"}, verdict: Retry,
		kind: ExplicitIndex, effect: DropIndex,
		why: "rest.action.multi.allow_explicit_index is false: the index may be in the path alone"},
	{level: item | request, typ: []string{"illegal_argument_exception"},
		prefix: []string{"document id is not supported"}, verdict: Retry, kind: DocumentID,
		effect: DropIDs,
		why:    "OpenSearch Serverless, time-series and vector collections (opensearch-py #792)"},
	{level: item | request, typ: []string{"illegal_argument_exception", "illegal_state_exception"},
		prefix: []string{"pipeline with id [", "there are no ingest nodes"}, verdict: Retry,
		kind: Pipeline, effect: PipelineMissing,
		why: "the Pipeline option names a pipeline that is not there, or no node can run it"},
	{level: item | request, typ: []string{"illegal_argument_exception"},
		prefix: []string{"only write ops with an op_type of create"}, verdict: Retry,
		kind: WriteTarget, effect: CreateOnly,
		why: "the target is a data stream, which takes nothing but create"},
	{level: item | request, typ: []string{"illegal_argument_exception"},
		prefix: []string{"no write index is defined for alias", "alias ["}, verdict: Retry,
		kind: WriteTarget,
		why:  "the target is an alias without a (single) write index"},

	// The document.
	{level: item, typ: []string{"illegal_argument_exception"}, text: []string{"limit of "},
		verdict: Rejected, kind: FieldLimit,
		why: "Limit of total fields [1000] has been exceeded: this document brings new fields, " +
			"its neighbours may not"},
	{level: item, typ: []string{"illegal_argument_exception",
		"max_bytes_length_exceeded_exception"},
		text:    []string{"immense term", "max_bytes_length_exceeded", "bytes can be at most"},
		verdict: Rejected, kind: ImmenseTerm,
		why: "a keyword value above Lucene's 32,766 bytes"},
	{level: item, typ: []string{"mapper_parsing_exception", "document_parsing_exception",
		"strict_dynamic_mapping_exception", "mapper_exception"}, verdict: Rejected, kind: Mapping,
		why: "a value that does not fit its field's mapping, or a field that a strict mapping " +
			"does not know"},
	{level: item, from: 401, to: 401, verdict: Retry, kind: Forbidden,
		why: "no document is to blame for its sender"},
	{level: item, from: 403, to: 403, verdict: Retry, kind: Forbidden,
		why: "the same"},
	{level: item, from: 400, to: 499, verdict: Rejected, kind: Refused,
		why: "illegal_argument, parse errors and 4xx nobody has seen: sent again they would fail " +
			"again, and block what comes behind"},
	{level: item, verdict: Retry, kind: Unknown,
		why: "no status that the bulk API has"},

	// The request as a whole. Nothing is thrown away for a status that is not understood.
	{level: request, from: 401, to: 401, verdict: Retry, kind: Unauthorized,
		why: "user or password, or a domain that does not take IAM"},
	{level: request, from: 403, to: 403, verdict: Retry, kind: Forbidden,
		why: "a 403 in other words"},
	{level: request, from: 300, to: 399, verdict: Retry, kind: WrongEndpoint,
		why: "a redirect: http for https, or Dashboards instead of the API"},
	{level: request, from: 404, to: 405, verdict: Retry, kind: WrongEndpoint,
		why: "/_bulk is not there: the wrong host or Path"},
	{level: request, from: 400, to: 499, typ: noType, verdict: Retry, kind: NotOpenSearch,
		why: "OpenSearch's errors have a type: this is a proxy's page, and no document is to " +
			"blame for it"},
	{level: request, typ: []string{"illegal_argument_exception"},
		prefix: []string{"the bulk request must be terminated by a newline"}, verdict: Retry,
		kind: Malformed,
		why:  "the body was cut on the way"},
	{level: request, from: 400, to: 400, typ: requestParse, verdict: Retry, kind: Malformed,
		effect: Halve,
		why: "RestBulkAction, BulkRequestParser or BulkRequest.validate gave up on one line, and " +
			"no item was looked at: halves show which"},
	{level: request, from: 400, to: 400, verdict: Retry, kind: Malformed,
		why: "a 400 that is not known to be about one line: its cause is outside the documents"},
	{level: request, verdict: Retry, kind: Unknown,
		why: "unknown"},
}

// rowFor finds the first row that f meets.
func rowFor(f fact) *row {
	for i := range table {
		if table[i].meets(&f) {
			return &table[i]
		}
	}
	return &table[len(table)-1]
}

func (r *row) meets(f *fact) bool {
	return r.level&f.level != 0 &&
		(r.op == "" || r.op == f.op) &&
		(r.to == 0 || r.from <= f.status && f.status <= r.to) &&
		(r.typ == nil || anyOf(r.typ, f.typ, func(s, want string) bool { return s == want })) &&
		(r.prefix == nil || anyOf(r.prefix, f.text, strings.HasPrefix)) &&
		(r.text == nil || anyOf(r.text, f.text, strings.Contains))
}

func anyOf(wants []string, s string, is func(s, want string) bool) bool {
	for _, want := range wants {
		if is(s, want) {
			return true
		}
	}
	return false
}
