package opensearch

// A Kind is the cause of a failure: what a repeating failure is counted and logged under.
type Kind uint8

// The causes. Which answers lead to which is in verdict.go, what a person can do about each in
// remedy.go.
const (
	None Kind = iota
	Unknown

	// Of items and requests.
	Duplicate
	Conflict
	Blocked
	ShardLimit
	RoleNotMapped
	Forbidden
	Throttled
	Unavailable
	IndexMissing
	IndexClosed
	IndexName
	DocumentID
	Pipeline
	WriteTarget
	FieldLimit
	ImmenseTerm
	Mapping
	Refused

	// Of requests alone.
	DataAccessPolicy
	TooLarge
	ExpiredToken
	InvalidToken
	ClockSkew
	WrongRegion
	SignatureMismatch
	NotSigned
	NoIdentityPolicy
	AccessPolicy
	Unauthorized
	WrongEndpoint
	Malformed
	NotOpenSearch
	ExplicitIndex
	BadAnswer

	// Without an answer.
	Credentials
	DNS
	ConnectRefused
	Unreachable
	TLSUnknownCA
	TLSName
	TLSExpired
	TLSFailed
	Timeout
	Reset
	Canceled

	kinds
)

var kindNames = [kinds]string{
	None: "none", Unknown: "unknown",
	Duplicate: "duplicate", Conflict: "conflict", Blocked: "blocked", ShardLimit: "shard_limit",
	RoleNotMapped: "role_not_mapped",
	Forbidden:     "forbidden", Throttled: "throttled", Unavailable: "unavailable",
	IndexMissing: "index_missing", IndexClosed: "index_closed",
	IndexName: "index_name", DocumentID: "document_id", Pipeline: "pipeline",
	WriteTarget: "write_target", FieldLimit: "field_limit",
	ImmenseTerm: "immense_term", Mapping: "mapping", Refused: "refused",
	DataAccessPolicy: "data_access_policy", TooLarge: "too_large", ExpiredToken: "expired_token",
	InvalidToken: "invalid_token",
	ClockSkew:    "clock_skew", WrongRegion: "wrong_region", SignatureMismatch: "signature_mismatch",
	NotSigned:        "not_signed",
	NoIdentityPolicy: "no_identity_policy", AccessPolicy: "access_policy",
	Unauthorized: "unauthorized", WrongEndpoint: "wrong_endpoint",
	Malformed: "malformed", NotOpenSearch: "not_opensearch", ExplicitIndex: "explicit_index",
	BadAnswer:   "bad_answer",
	Credentials: "credentials", DNS: "dns", ConnectRefused: "connect_refused",
	Unreachable: "unreachable", TLSUnknownCA: "tls_unknown_ca",
	TLSName: "tls_name", TLSExpired: "tls_expired", TLSFailed: "tls_failed", Timeout: "timeout",
	Reset: "reset", Canceled: "canceled",
}

// String is the kind's name in logs and metrics.
func (k Kind) String() string {
	if k >= kinds {
		return kindNames[Unknown]
	}
	return kindNames[k]
}
