package config

// Option is one option of the [OUTPUT] section: what it means, its default as a person would write
// it, and how its value gets into a Config. Options is the only list of them: loading, validation
// and documentation all read it.
type Option struct {
	Name    string
	Default string
	Help    string
	// Builtin tells that Fluent Bit's own opensearch output has an option of this name.
	Builtin bool
	// Env is the environment variable that stands in when the option is not given.
	Env string

	set func(c *Config, value string) error
}

// Options lists every option in the order in which the documentation shows them.
var Options = []Option{
	{Name: "Endpoint", Env: "OPENSEARCH_ENDPOINT",
		Help: "The domain: a host name as the EKS guides write it, or a URL.",
		set:  setEndpoint},
	{Name: "Path", Builtin: true,
		Help: "Path before /_bulk, for a domain behind a reverse proxy.",
		set:  setPath},

	{Name: "Index", Builtin: true, Env: "INDEX_NAME", Default: "fluent-bit",
		Help: "Index name; strftime of the record's time and record accessors are filled in.",
		set:  text(func(c *Config) *string { return &c.Index })},
	{Name: "Fallback_Index", Default: "fluent-bit",
		Help: "Index for a record that lacks a key which Index is made of.",
		set:  text(func(c *Config) *string { return &c.FallbackIndex })},
	{Name: "Logstash_Format", Builtin: true, Default: "Off",
		Help: "Name indices Logstash_Prefix-date instead of Index.",
		set:  boolean(func(c *Config) *bool { return &c.logstash.format })},
	{Name: "Logstash_Prefix", Builtin: true, Default: "logstash",
		Help: "What the name starts with.",
		set:  text(func(c *Config) *string { return &c.logstash.prefix })},
	{Name: "Logstash_Prefix_Separator", Builtin: true, Default: "-",
		Help: "What stands between prefix and date.",
		set:  text(func(c *Config) *string { return &c.logstash.separator })},
	{Name: "Logstash_Prefix_Key", Builtin: true,
		Help: "Field whose value is the prefix, such as $kubernetes['namespace_name']; a record " +
			"without it gets Logstash_Prefix.",
		set: text(func(c *Config) *string { return &c.logstash.key })},
	{Name: "Logstash_DateFormat", Builtin: true, Default: "%Y.%m.%d",
		Help: "strftime format of the date.",
		set:  text(func(c *Config) *string { return &c.logstash.date })},
	{Name: "Current_Time_Index", Builtin: true, Default: "Off",
		Help: "Fill the index name from the clock instead of the record's time.",
		set:  boolean(func(c *Config) *bool { return &c.CurrentTimeIndex })},
	{Name: "Write_Operation", Builtin: true, Default: "create",
		Help: "create, index, update or upsert. create refuses an id that exists, so that no " +
			"document is stored twice.",
		set: choice(func(c *Config) *string { return &c.WriteOperation },
			"create", "index", "update", "upsert")},
	{Name: "Generate_ID", Builtin: true, Default: "On",
		Help: "Give each document an id made from its tag, time and content, so that it is " +
			"stored once however often it is sent.",
		set: boolean(func(c *Config) *bool { return &c.GenerateID })},
	{Name: "Id_Key", Builtin: true,
		Help: "Field whose value is the id, such as $trace_id; a record without it gets an id as " +
			"Generate_ID says.",
		set: text(func(c *Config) *string { return &c.IDKey })},
	{Name: "Offset_Key",
		Help: "Key of a line's place in its file, which tail adds where its own Offset_Key names " +
			"one. With it equal lines at the same second or millisecond are told apart, and " +
			"stored once each, however often their file is read again.",
		set: text(func(c *Config) *string { return &c.OffsetKey })},
	{Name: "Routing_Key",
		Help: "Field whose value routes the document to a shard.",
		set:  text(func(c *Config) *string { return &c.RoutingKey })},
	{Name: "Pipeline", Builtin: true,
		Help: "Ingest pipeline that the domain runs on each document, or the field that names " +
			"it, such as $pipeline.",
		set: text(func(c *Config) *string { return &c.Pipeline })},

	{Name: "Multiline", Default: "Off",
		Help: "Make one document of the lines of a stack trace: Off, or some of go, java, python " +
			"and ruby, with commas between them. What a chunk holds of a trace is joined, " +
			"without waiting for more.",
		set: setMultiline},
	{Name: "Multiline_Start",
		Help: "Regular expression (Go's) of the first line of a rule of your own, such as " +
			"^\\d{4}-\\d\\d-\\d\\d; with Multiline or without.",
		set: pattern(func(c *Config) *string { return &c.MultilineStart })},
	{Name: "Multiline_Continue",
		Help: "Regular expression of its further lines; else each line that Multiline_Start does " +
			"not match is one.",
		set: pattern(func(c *Config) *string { return &c.MultilineContinue })},
	{Name: "Multiline_Key", Default: "log",
		Help: "Key of a line's text, at the record's top.",
		set:  text(func(c *Config) *string { return &c.MultilineKey })},
	{Name: "Multiline_Max_Lines", Default: "1000",
		Help: "Most lines of one document; the next line begins another one.",
		set:  number(func(c *Config) *int { return &c.MultilineMaxLines }, 2, 100000)},
	{Name: "Multiline_Max_Size", Default: "256K",
		Help: "Most bytes of its text.",
		set:  size(func(c *Config) *int { return &c.MultilineMaxSize }, 1<<10, 16<<20)},

	{Name: "Time_Key", Builtin: true, Default: "@timestamp",
		Help: "Field that gets the record's time.",
		set:  text(func(c *Config) *string { return &c.TimeKey })},
	{Name: "Time_Key_Format", Builtin: true, Default: "%Y-%m-%dT%H:%M:%S",
		Help: "strftime format of that field up to the second; the fraction and Z follow.",
		set:  text(func(c *Config) *string { return &c.TimeKeyFormat })},
	{Name: "Time_Key_Nanos", Builtin: true, Default: "Off",
		Help: "Nine digits behind the second instead of three.",
		set:  boolean(func(c *Config) *bool { return &c.TimeKeyNanos })},
	{Name: "Include_Tag_Key", Builtin: true, Default: "Off",
		Help: "Add the tag to each document.",
		set:  func(*Config, string) error { return nil }},
	{Name: "Tag_Key", Builtin: true, Default: "flb-key",
		Help: "Field that gets the tag, with Include_Tag_Key On.",
		set:  text(func(c *Config) *string { return &c.TagKey })},
	{Name: "Replace_Dots", Builtin: true, Default: "Off",
		Help: "Turn dots in every key into underscores.",
		set:  boolean(func(c *Config) *bool { return &c.ReplaceDots })},

	{Name: "Dedot", Default: "On",
		Help: "Turn dots in the keys under kubernetes.labels and kubernetes.annotations into " +
			"underscores, so that app and app.kubernetes.io/name do not clash. Off, or other " +
			"paths with commas between them.",
		set: setDedot},

	{Name: "Compress", Builtin: true, Default: "none", Help: "gzip or none.", set: setCompress},
	{Name: "Max_Request_Size", Default: "5M",
		Help: "Largest request body before compression. The smallest domains refuse more than 10 " +
			"MiB.",
		set: size(func(c *Config) *int { return &c.MaxRequestSize }, 64<<10, 100<<20)},
	{Name: "Request_Timeout", Default: "25s",
		Help: "How long one attempt may take. Keep it below the service's Grace.",
		set: duration(func(c *Config) *timeDuration { return &c.RequestTimeout }, second,
			10*minute)},
	{Name: "Retry_Budget", Default: "4s",
		Help: "How long one flush sends again what failed before Fluent Bit keeps the chunk and " +
			"brings it back later.",
		set: duration(func(c *Config) *timeDuration { return &c.RetryBudget }, 0, 10*minute)},
	{Name: "Linger", Default: "20ms",
		Help: "How long a chunk waits for the chunks of other workers at most, to share a " +
			"request with them, where several came at once lately. 0 sends each at once.",
		set: duration(func(c *Config) *timeDuration { return &c.Linger }, 0, second)},
	{Name: "Memory_Limit", Default: "128M",
		Help: "Soft limit of the memory that the Go runtime takes for this section, from 32M; " +
			"Off for none. Sections add up. GOMEMLIMIT in the environment wins.",
		set: setMemoryLimit},

	{Name: "Dead_Letter_Index", Default: "<index>-dead-letter",
		Help: "Index that gets the records which the domain rejects, whole, with the reason.",
		set:  text(func(c *Config) *string { return &c.DeadLetterIndex })},
	{Name: "Dead_Letter_Path",
		Help: "File that gets them instead, as JSON lines.",
		set:  text(func(c *Config) *string { return &c.DeadLetterPath })},

	{Name: "HTTP_User", Builtin: true,
		Help: "User for basic authentication, with AWS_Auth Off.",
		set:  text(func(c *Config) *string { return &c.HTTPUser })},
	{Name: "HTTP_Passwd", Builtin: true,
		Help: "Password that goes with it.",
		set:  func(c *Config, v string) error { c.HTTPPasswd = Secret(v); return nil }},

	{Name: "AWS_Auth", Builtin: true, Default: "On",
		Help: "Sign requests with AWS Signature Version 4.",
		set:  boolean(func(c *Config) *bool { return &c.AWSAuth })},
	{Name: "AWS_Region", Builtin: true, Default: "from the endpoint's name, else AWS_REGION",
		Help: "Region that the signature is for.",
		set:  text(func(c *Config) *string { return &c.AWSRegion })},
	{Name: "AWS_Service_Name", Builtin: true, Default: "from the endpoint's name, else es",
		Help: "es for a domain, aoss for a Serverless collection.",
		set:  choice(func(c *Config) *string { return &c.AWSService }, "es", "aoss")},
	{Name: "AWS_Credentials", Default: "auto",
		Help: "Where credentials come from: auto (the pod's role by IRSA, else by EKS Pod " +
			"Identity, else the environment's keys, else AWS_Profile), or one of web_identity, " +
			"pod_identity, environment and profile alone. The node's role is used only with " +
			"default, the whole chain of AWS's SDKs.",
		set: choice(func(c *Config) *string { return &c.AWSCredentials }, "auto",
			"web_identity", "pod_identity", "environment", "profile", "default")},
	{Name: "AWS_Profile", Builtin: true,
		Help: "Profile of AWS's shared files (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE) for " +
			"a pod that has no role of its own; else the one that AWS_PROFILE names.",
		set: text(func(c *Config) *string { return &c.AWSProfile })},
	{Name: "AWS_Role_ARN", Builtin: true,
		Help: "Role to assume from the pod's own credentials, for a domain in another account.",
		set:  setRoleARN},
	{Name: "AWS_External_ID", Builtin: true,
		Help: "External id that goes with AWS_Role_ARN.",
		set:  text(func(c *Config) *string { return &c.AWSExternalID })},
	{Name: "AWS_STS_Endpoint", Builtin: true, Env: "AWS_ENDPOINT_URL_STS",
		Default: "the region's own",
		Help: "Where STS is: a host name or a URL. Else AWS_USE_FIPS_ENDPOINT and " +
			"AWS_USE_DUALSTACK_ENDPOINT choose the kind of the region's own.",
		set: setSTSEndpoint},

	{Name: "TLS_CA_File",
		Help: "Certificates (PEM) to trust besides the system's, for the domain and for STS.",
		set:  file(func(c *Config) *string { return &c.TLSCAFile })},
	{Name: "TLS_Client_Cert_File",
		Help: "Client certificate (PEM).",
		set:  file(func(c *Config) *string { return &c.TLSClientCertFile })},
	{Name: "TLS_Client_Key_File",
		Help: "Key of the client certificate (PEM).",
		set:  file(func(c *Config) *string { return &c.TLSClientKeyFile })},
	{Name: "TLS_Server_Name",
		Help: "Name to look for in the server's certificate instead of the endpoint's.",
		set:  text(func(c *Config) *string { return &c.TLSServerName })},
	{Name: "TLS_Verify", Default: "On",
		Help: "Off accepts any certificate of the domain: for a test only. STS's is always " +
			"checked.",
		set: boolean(func(c *Config) *bool { return &c.TLSVerify })},

	{Name: "Metrics_Listen",
		Help: "host:port that serves /metrics for Prometheus and /healthz, such as " +
			"127.0.0.1:2021; sections may share one.",
		set: setMetricsListen},

	{Name: "Trace_Output", Builtin: true, Default: "Off",
		Help: "Print each request, documents and all, to the standard output.",
		set:  boolean(func(c *Config) *bool { return &c.TraceOutput })},
	{Name: "Trace_Error", Builtin: true, Default: "Off",
		Help: "Write what the server answered for each failed item.",
		set:  boolean(func(c *Config) *bool { return &c.TraceError })},

	{Name: "Type", Builtin: true,
		Help: "Accepted, without effect: OpenSearch has no types.",
		set:  ignored},
	{Name: "Suppress_Type_Name", Builtin: true,
		Help: "Accepted, without effect: types are never sent.",
		set:  ignored},
	{Name: "Buffer_Size", Builtin: true,
		Help: "Accepted, without effect: answers are read whole, up to 64 MiB.",
		set:  ignored},
	{Name: "Drop_Unrecoverable_Records", Builtin: true,
		Help: "Accepted, without effect (of Fluent Bit 5.1.3 and later): what is refused for " +
			"good goes to the dead letters.",
		set: ignored},
}
