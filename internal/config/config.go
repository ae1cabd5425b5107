// Package config turns the options of an [OUTPUT] section into a Config that is known to be good.
// Its input is a function that looks an option up; its output is either a complete Config or every
// mistake at once, each with what to write instead. It opens no connection and logs nothing. Of
// files it only tries whether those that options name can be read.
package config

import (
	"context"
	"net"
	"net/url"
	"time"
)

// Config is what one [OUTPUT] section asks for. Each field names its option; the options' defaults
// and help are in the table in options.go.
type Config struct {
	// Endpoint is where the domain is: scheme, host and port, without a path. From Endpoint or
	// OPENSEARCH_ENDPOINT.
	Endpoint *url.URL
	// Path comes before /_bulk, for a domain behind a reverse proxy. Empty, or with a leading and
	// without a trailing slash.
	Path string

	// Index is the index template. From Index or INDEX_NAME, or composed of IndexFrom's others with
	// Logstash_Format.
	Index string
	// IndexFrom names the option that Index came from, for errors about it.
	IndexFrom string
	// FallbackIndex is the index template for records that lack a key of Index. Fallback_Index.
	FallbackIndex string
	// CurrentTimeIndex renders index names from the clock instead of the record's time.
	// Current_Time_Index.
	CurrentTimeIndex bool
	// WriteOperation is "create", "index", "update" or "upsert". Write_Operation.
	WriteOperation string
	// GenerateID gives each document an id made from its content. Generate_ID.
	GenerateID bool
	// IDKey is the record accessor of the value to use as the id; empty for none. Id_Key.
	IDKey string
	// OffsetKey is the record accessor of the line's place in its file; empty for none. Offset_Key.
	OffsetKey string
	// RoutingKey is the record accessor of the routing value; empty for none. Routing_Key.
	RoutingKey string
	// Pipeline is the ingest pipeline's name, or a record accessor, which starts with '$'; empty
	// for none. Pipeline.
	Pipeline string

	// Multiline names the languages whose stack traces become one document each; empty for none.
	// MultilineStart and MultilineContinue are regular expressions of a rule of one's own; empty
	// for none. MultilineKey is the key of a line's text. MultilineMaxLines and MultilineMaxSize,
	// in bytes, bound one document. Multiline, Multiline_Start, Multiline_Continue, Multiline_Key,
	// Multiline_Max_Lines, Multiline_Max_Size.
	Multiline         []string
	MultilineStart    string
	MultilineContinue string
	MultilineKey      string
	MultilineMaxLines int
	MultilineMaxSize  int

	// TimeKey is the field that gets the record's time; TimeKeyFormat its strftime format up to the
	// second; TimeKeyNanos asks for nine digits instead of three behind it. Time_Key,
	// Time_Key_Format, Time_Key_Nanos.
	TimeKey       string
	TimeKeyFormat string
	TimeKeyNanos  bool
	// TagKey is the field that gets the tag; empty where Include_Tag_Key is Off. Tag_Key.
	TagKey string
	// ReplaceDots turns dots in every key into underscores. Replace_Dots.
	ReplaceDots bool
	// Dedot is the paths of the maps under which dots in keys become underscores. Dedot.
	Dedot []string

	// Gzip compresses request bodies. Compress.
	Gzip bool
	// MaxRequestSize bounds a request body before compression, in bytes. Max_Request_Size.
	MaxRequestSize int
	// RequestTimeout bounds one attempt, from connecting to the last byte of the answer.
	// Request_Timeout.
	RequestTimeout time.Duration
	// Linger bounds how long a flush waits for others to share a request with. Linger.
	Linger time.Duration
	// RetryBudget bounds how long one flush sends again before Fluent Bit is asked to keep the
	// chunk. Retry_Budget.
	RetryBudget time.Duration

	// MemoryLimit is this section's share of the Go runtime's soft memory limit, in bytes; 0 for
	// none. Memory_Limit.
	MemoryLimit int

	// DeadLetterIndex is the index template that rejected records go to. Dead_Letter_Index.
	DeadLetterIndex string
	// DeadLetterPath is a file for rejected records instead of an index; empty for none.
	// Dead_Letter_Path.
	DeadLetterPath string

	// HTTPUser and HTTPPasswd are for basic authentication; they exclude AWSAuth. HTTP_User,
	// HTTP_Passwd.
	HTTPUser   string
	HTTPPasswd Secret

	// AWSAuth signs requests. AWS_Auth.
	AWSAuth bool
	// AWSRegion and AWSService scope the signature. From the option, the environment, or the
	// endpoint's name.
	AWSRegion  string
	AWSService string
	// AWSCredentials is the source of credentials: auto, web_identity, pod_identity, environment,
	// profile or default. AWS_Credentials.
	AWSCredentials string
	// AWSProfile names a profile of the shared files; empty for none. AWS_Profile.
	AWSProfile string
	// AWSRoleARN is a role to assume from the pod's own credentials; AWSExternalID goes with it.
	// AWS_Role_ARN, AWS_External_ID.
	AWSRoleARN    string
	AWSExternalID string
	// AWSSTSEndpoint is where STS is; empty for the region's own. AWS_STS_Endpoint.
	AWSSTSEndpoint string

	// TLSCAFile holds certificates to trust besides the system's; TLSServerName is the name to
	// check instead of the endpoint's; TLSVerify Off checks nothing. TLS_CA_File,
	// TLS_Client_Cert_File, TLS_Client_Key_File, TLS_Server_Name, TLS_Verify.
	TLSCAFile         string
	TLSClientCertFile string
	TLSClientKeyFile  string
	TLSServerName     string
	TLSVerify         bool

	// MetricsListen is the host:port that serves metrics; empty for none. Metrics_Listen.
	MetricsListen string

	// TraceOutput prints each request to the standard output. Trace_Output.
	TraceOutput bool
	// TraceError writes what the server answered for each failed item. Trace_Error.
	TraceError bool

	// Dial makes the connections to the domain and to who gives credentials; nil for the system's
	// network. No option sets it: test/tools/simulation has a network in memory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Unused names the options that were given and have no effect.
	Unused []string

	logstash logstash
}

// logstash is what Index is composed of with Logstash_Format.
type logstash struct {
	format                       bool
	prefix, separator, key, date string
}

// Secret is a string that prints as redacted, so that no log line, error or dump of a Config shows
// it.
type Secret string

const redacted = "[redacted]"

// String hides the secret from %v and %s.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return redacted }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Reveal returns the secret itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }
