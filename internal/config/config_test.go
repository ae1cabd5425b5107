package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// load reads a section written as "Name value" lines; lines that start with $ are the environment.
func load(section string) (*Config, error) {
	options, env := map[string]string{}, map[string]string{}
	for line := range strings.Lines(section) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if e, ok := strings.CutPrefix(name, "$"); ok {
			env[e] = value
		} else {
			options[strings.ToLower(name)] = value
		}
	}
	return Load(func(name string) string { return options[strings.ToLower(name)] },
		func(name string) string { return env[name] })
}

func TestLoadSuccess(t *testing.T) {
	f := func(section, want string) {
		t.Helper()
		c, err := load(section)
		if err != nil {
			t.Fatalf("%s\n%v", section, err)
		}
		got := fmt.Sprintf("%s %s %s %s", c.Endpoint, c.Index, c.AWSRegion, c.AWSService)
		if got != want {
			t.Fatalf("%s\ngot  %s\nwant %s", section, got, want)
		}
	}
	f("Endpoint search-logs-abc.eu-west-1.es.amazonaws.com",
		"https://search-logs-abc.eu-west-1.es.amazonaws.com fluent-bit eu-west-1 es")
	f("Endpoint https://vpc-x-1.cn-north-1.es.amazonaws.com.cn/\nIndex eks-log-%Y.%m.%d",
		"https://vpc-x-1.cn-north-1.es.amazonaws.com.cn eks-log-%Y.%m.%d cn-north-1 es")
	f("Endpoint abc123.us-east-1.aoss.amazonaws.com",
		"https://abc123.us-east-1.aoss.amazonaws.com fluent-bit us-east-1 aoss")
	f("Endpoint abc123.aoss.eu-west-1.on.aws", "https://abc123.aoss.eu-west-1.on.aws fluent-bit "+
		"eu-west-1 aoss")
	f("Endpoint abc123.us-east-1.aoss-fips.amazonaws.com",
		"https://abc123.us-east-1.aoss-fips.amazonaws.com fluent-bit us-east-1 aoss")
	f("Endpoint search-x.us-gov-west-1.es.amazonaws.com",
		"https://search-x.us-gov-west-1.es.amazonaws.com fluent-bit us-gov-west-1 es")
	f("Endpoint search-x.aos.cn-north-1.on.amazonwebservices.com.cn",
		"https://search-x.aos.cn-north-1.on.amazonwebservices.com.cn fluent-bit cn-north-1 es")
	f("Endpoint search-x.aos.us-west-2.on.aws", "https://search-x.aos.us-west-2.on.aws "+
		"fluent-bit us-west-2 es")
	f("$OPENSEARCH_ENDPOINT logs.example.com:8443\n$AWS_REGION "+
		"ap-northeast-2\n$INDEX_NAME eks-log", "https://logs.example.com:8443 eks-log "+
		"ap-northeast-2 es")
	f("Endpoint logs.example.com\n$AWS_DEFAULT_REGION eu-north-1", "https://logs.example.com "+
		"fluent-bit eu-north-1 es")
	f("Endpoint search-x.eu-west-1.es.amazonaws.com\n$AWS_REGION us-east-1",
		"https://search-x.eu-west-1.es.amazonaws.com fluent-bit eu-west-1 es")
	f("Endpoint http://127.0.0.1:9200\nAWS_Region eu-west-1", "http://127.0.0.1:9200 fluent-bit "+
		"eu-west-1 es")
	f("Endpoint http://logs:9200\nAWS_Auth Off\nHTTP_User a\nHTTP_Passwd b",
		"http://logs:9200 fluent-bit  ")
}

func TestMemoryLimit(t *testing.T) {
	f := func(given string, want int) {
		t.Helper()
		c, err := load("Endpoint x\nAWS_Auth Off\n" + given)
		if err != nil || c.MemoryLimit != want {
			t.Errorf("%s: %d, not %d: %v", given, c.MemoryLimit, want, err)
		}
	}
	f("", 128<<20)
	f("Memory_Limit Off", 0)
	f("Memory_Limit 1g", 1<<30)
}

func TestLoadValues(t *testing.T) {
	c, err := load("Endpoint http://127.0.0.1:9200/logs\nAWS_Auth off\nCompress " +
		"GZIP\nMax_Request_Size 512k\nMemory_Limit 64M\nRetry_Budget 2\nRequest_Timeout " +
		"1m30s\nInclude_Tag_Key on\nWrite_Operation INDEX")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Gzip || c.MaxRequestSize != 512<<10 || c.MemoryLimit != 64<<20 ||
		c.RetryBudget != 2*time.Second || c.RequestTimeout != 90*time.Second ||
		c.TagKey != "flb-key" || c.Path != "/logs" || c.WriteOperation != "index" ||
		c.DeadLetterIndex != "fluent-bit-dead-letter" ||
		!c.GenerateID || !c.TLSVerify {
		t.Fatalf("%+v", c)
	}
}

func TestLoadIndexNames(t *testing.T) {
	f := func(section, index, fallback, dead string) {
		t.Helper()
		c, err := load("Endpoint x\nAWS_Auth Off\n" + section)
		if err != nil {
			t.Fatal(err)
		}
		if c.Index != index || c.FallbackIndex != fallback || c.DeadLetterIndex != dead {
			t.Fatalf("%s\ngot %q, %q, %q", section, c.Index, c.FallbackIndex, c.DeadLetterIndex)
		}
	}
	f("Logstash_Format On", "logstash-%Y.%m.%d", "fluent-bit", "logstash-%Y.%m.%d-dead-letter")
	f("Logstash_Format On\nLogstash_Prefix eks\nLogstash_Prefix_Separator _\nLogstash_DateFormat "+
		"%Y\nIndex unused", "eks_%Y", "fluent-bit", "eks_%Y-dead-letter")
	f("Logstash_Format On\nLogstash_Prefix_Key $kubernetes['namespace_name']",
		"$kubernetes['namespace_name']-%Y.%m.%d", "logstash-%Y.%m.%d", "$kubernetes['namespace_name']-%Y.%m.%d-dead-letter")
	for key, want := range map[string]string{
		"my-key": "$['my-key']", "$my-key": "$['my-key']", "a/b": "$['a/b']", "a.b": "$['a.b']", "a b": "$['a b']", "my-key['x'][0]": "$['my-key']['x'][0]",
		"TAG[1]": "$TAG[1]", "kubernetes['a-b']": "$kubernetes['a-b']", "$a.b": "$a.b", "$a-$b": "$a-$b", "주문": "$주문", "@app": "$@app",
	} {
		f("Logstash_Format On\nLogstash_Prefix_Key "+key, want+"-%Y.%m.%d", "logstash-%Y.%m.%d",
			want+"-%Y.%m.%d-dead-letter")
	}
	f("Logstash_Format On\nLogstash_Prefix_Key app", "$app-%Y.%m.%d", "logstash-%Y.%m.%d",
		"$app-%Y.%m.%d-dead-letter")
	f("Index a\nDead_Letter_Index dead\nFallback_Index other", "a", "other", "dead")
}

func TestLoadUnusedOptions(t *testing.T) {
	c, err := load("Endpoint x\nAWS_Auth Off\nType _doc\nBuffer_Size " +
		"4M\nDrop_Unrecoverable_Records On\nLogstash_Prefix eks\nDedot a.b, c\nGenerate_ID " +
		"Off\nOffset_Key offset")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Unused, " "); got != "Type Buffer_Size Drop_Unrecoverable_Records "+
		"Offset_Key Logstash_Prefix" {
		t.Fatalf("unused: %s", got)
	}
	if strings.Join(c.Dedot, "|") != "a.b|c" {
		t.Fatalf("Dedot: %q", c.Dedot)
	}
}

func TestLoadFailure(t *testing.T) {
	f := func(section string, wants ...string) {
		t.Helper()
		_, err := load(section)
		if err == nil {
			t.Fatalf("%s\nno error, want %q", section, wants)
		}
		if got := len(strings.Split(err.Error(), "\n")); got != len(wants) {
			t.Fatalf("%s\n%d mistakes, want %d:\n%v", section, got, len(wants), err)
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Fatalf("%s\ngot  %v\nwant %s", section, err, want)
			}
		}
	}
	f("Index x", "Endpoint: it is missing. Write Endpoint with the domain's host name, or set "+
		"OPENSEARCH_ENDPOINT. (Host, Port and TLS do not reach this plugin")
	f("Endpoint ftp://x\nAWS_Region eu-west-1",
		`Endpoint "ftp://x": the scheme ftp is not spoken here`)
	f("Endpoint https://\nAWS_Region eu-west-1", "write the domain's host name")
	f("$OPENSEARCH_ENDPOINT ${X}\nAWS_Region eu-west-1",
		`OPENSEARCH_ENDPOINT "${X}": write the domain's host name`)
	f("Endpoint https://u:p@x\nAWS_Region eu-west-1",
		`Endpoint "[redacted]@x": it holds a user: write HTTP_User and HTTP_Passwd instead`)
	f("Endpoint x:99999\nAWS_Region eu-west-1", "its port is not between 1 and 65535")
	f("Endpoint x/a\nPath b\nAWS_Region eu-west-1", "Endpoint holds a path too")
	f("Endpoint logs.example.com",
		`AWS_Region: it is missing and does not follow from the endpoint "logs.example.com"`)
	f("Endpoint search-x.eu-west-1.es.amazonaws.com\nAWS_Region us-east-1",
		`AWS_Region "us-east-1": the endpoint's name says eu-west-1`)
	f("Endpoint x\nAWS_Auth Off\nMultiline On",
		`Multiline "On": write the languages, such as go, java, python`)
	f("Endpoint x\nAWS_Auth Off\nMultiline go, perl",
		`Multiline "go, perl": write Off, or some of go, java, python and ruby`)
	f("Endpoint x\nAWS_Auth Off\nMultiline go,go", "each once")
	f("Endpoint x\nAWS_Auth Off\nMultiline_Continue ^x", "Multiline_Continue \"^x\": it goes "+
		"with Multiline_Start")
	f("Endpoint x\nAWS_Auth Off\nMultiline_Start (\nMultiline_Max_Lines 1\nMultiline_Max_Size 1",
		`Multiline_Start "(": write a regular expression as Go has them`,
		`Multiline_Max_Lines "1": write a number from 2 to 100000`, `Multiline_Max_Size "1": write a size from 1K to 16M`)
	f("Endpoint x\nAWS_Auth Off\nMultiline go\nWrite_Operation index",
		`Multiline "go": a trace that is read again in other pieces would overwrite its first copy, which may have more lines, with Write_Operation index: write create, or Generate_ID Off and no Id_Key`)
	f("Endpoint x\nAWS_Auth Off\nMultiline go\nWrite_Operation index\nGenerate_ID Off\nId_Key id",
		`Multiline "go": a trace that is read again`)
	f("Endpoint x\nAWS_Auth Off\nMultiline_Start a\nWrite_Operation upsert",
		"Multiline_Start \"a\": a trace that is read again")
	// An upsert without an id is a mistake of its own.
	if _, err := load("Endpoint x\nAWS_Auth Off\nMultiline go\nWrite_Operation upsert\n" +
		"Generate_ID Off\nId_Key a"); err == nil ||
		!strings.HasSuffix(err.Error(), "Write_Operation upsert: write create") {
		t.Errorf("got %v", err)
	}
	f("Endpoint x\nAWS_Auth Off\nMultiline Off\nMultiline_Start ^x\nWrite_Operation index",
		"Multiline_Start \"^x\": a trace that is read again")
	f("Endpoint http://logs.example.com\nAWS_Region eu-west-1", "must not travel in clear text")
	f("Endpoint x\nAWS_Region eu-west-1\nHTTP_User a\nHTTP_Passwd b", "write AWS_Auth Off, or "+
		"leave HTTP_User out")
	f("Endpoint x\nAWS_Auth Off\nHTTP_Passwd hunter2", `HTTP_Passwd "[redacted]": it has no user`)
	f("Endpoint x\nAWS_Auth Off\nGenerate_ID maybe\nCompress zstd\nMemory_Limit "+
		"8M\nMax_Request_Size 1\nRetry_Budget soon\nWrite_Operation delete\nInclude_Tag_Key 2",
		`Generate_ID "maybe": write On or Off`, `Compress "zstd": write gzip or none`,
		`Memory_Limit "8M": write a size from 32M to 64G, or Off`,
		`Max_Request_Size "1": write a size from 64K to 100M`,
		`Retry_Budget "soon": write a time such as 4s, 500ms or 1m`, `Write_Operation "delete": write create, index, update or upsert`, `Include_Tag_Key "2": write On or Off`)
	f("Endpoint x\nAWS_Auth Off\nTLS_CA_File /nonexistent/ca.pem",
		`TLS_CA_File "/nonexistent/ca.pem": it cannot be read`)
	f("Endpoint x\nAWS_Region eu-west-1\nAWS_Role_ARN log-writer", "write a role's ARN")
	f("Endpoint x\nAWS_Region eu-west-1\nAWS_External_ID 7", "it goes with AWS_Role_ARN")
	f("Endpoint x\nAWS_Region r\nAWS_Credentials imds", "write auto, web_identity, pod_identity, "+
		"environment, profile or default")
	f("Endpoint x\nAWS_Region r\nAWS_Credentials profile", "write AWS_Profile")
	f("Endpoint abc.eu-west-1.aoss.amazonaws.com\nMax_Request_Size 11M",
		`Max_Request_Size "11M": a Serverless collection takes 10 MiB at most`)
	f("Endpoint x\nAWS_Auth Off\nWrite_Operation update", "an update needs the id of the "+
		"document to update: write Id_Key")
	f("Endpoint x\nAWS_Auth Off\nWrite_Operation upsert\nGenerate_ID Off", "an upsert needs an id")
	f("Endpoint x\nAWS_Auth Off\nMetrics_Listen 2021", "write host:port, such as 127.0.0.1:2021")
	f("Endpoint x\nAWS_Auth Off\nDedot a[b]", "write On, Off, or paths")
	f("Endpoint x\nAWS_Auth Off\nLogstash_Format On\nLogstash_Prefix_Key k\nFallback_Index z",
		"leave Fallback_Index out")
	f("Endpoint x\nAWS_Auth Off\nDead_Letter_Index a\nDead_Letter_Path b", "Dead_Letter_Index is "+
		"given too: keep one of them")
}

func TestClientCertificateNeedsBothFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load("Endpoint x\nAWS_Auth Off\nTLS_Client_Cert_File " + path)
	if err == nil || !strings.Contains(err.Error(), "needs both") {
		t.Fatalf("got %v", err)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	c, err := load("Endpoint x\nAWS_Auth Off\nHTTP_User a\nHTTP_Passwd hunter2")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if out := fmt.Sprintf(format, *c); strings.Contains(out, "hunter2") {
			t.Fatalf("%s shows the password: %s", format, out)
		}
	}
	if c.HTTPPasswd.Reveal() != "hunter2" {
		t.Fatal("the password itself is lost")
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"a.eu-west-1.es.amazonaws.com", "https://[::1]:9200/x", "http://%zz",
		"://", "a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := parseEndpoint(s); err == nil && u.Hostname() == "" {
			t.Fatalf("%q has no host", s)
		}
	})
}

func TestMultiline(t *testing.T) {
	f := func(given, want string) {
		t.Helper()
		c, err := load("Endpoint x\nAWS_Auth Off\n" + given)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s %q %q %s %d %d %s", c.Multiline, c.MultilineStart,
			c.MultilineContinue, c.MultilineKey, c.MultilineMaxLines, c.MultilineMaxSize, c.Unused)
		if got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
	f("", `[] "" "" log 1000 262144 []`)
	c, err := load("Endpoint x\nAWS_Auth Off\nMultiline_Start (\nMultiline_Continue ^x")
	if err == nil || strings.Contains(err.Error(), "it goes with") || c.MultilineStart != "" {
		t.Errorf("a mistake that is said: %v, and kept for others to say it again: %q", err,
			c.MultilineStart)
	}
	f("Multiline Off\nMultiline_Key x", `[] "" "" x 1000 262144 [Multiline_Key]`)
	f("Multiline Go, PYTHON\nMultiline_Max_Lines 20", `[go python] "" "" log 20 262144 []`)
	f("Multiline_Start ^a\nMultiline_Continue ^b\nGenerate_ID Off\nWrite_Operation index",
		`[] "^a" "^b" log 1000 262144 []`)
}
