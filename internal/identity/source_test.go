package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestIdentityNewSuccess(t *testing.T) {
	irsaEnv := []string{"AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"}
	podEnv := []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/pod"}
	keys := []string{"AWS_ACCESS_KEY_ID", "AKIA1", "AWS_SECRET_ACCESS_KEY", "s3cret"}
	all := append(append(append([]string{}, keys...), podEnv...), irsaEnv...)
	f := func(env []string, o Options, source, arn string) {
		t.Helper()
		o.Region, o.Getenv = "eu-west-1", environ(env...)
		i, err := New(o)
		if err != nil {
			t.Errorf("%v %+v: %v", env, o, err)
			return
		}
		defer i.Close()
		if i.Source() != source || i.RoleARN() != arn {
			t.Errorf("%v: got %q, %q; want %q, %q", env, i.Source(), i.RoleARN(), source, arn)
		}
		if strings.Contains(i.Source(), "s3cret") {
			t.Errorf("the source names the secret: %s", i.Source())
		}
	}
	f(irsaEnv, Options{}, "web identity (IRSA) role "+role, role)
	f(podEnv, Options{}, "EKS Pod Identity (the role of the pod's association)", "")
	f([]string{"HOME", profileHome(t)}, Options{Profile: "keys"},
		"profile keys, access key AKIAFILE", "")
	f([]string{"HOME", profileHome(t), "AWS_PROFILE", "chained"}, Options{},
		"profile keys, access key AKIAFILE, then role arn:aws:iam::2:role/writer", "arn:aws:iam::2:role/writer")
	f(append([]string{"HOME", profileHome(t), "AWS_PROFILE", "keys"}, all...),
		Options{Credentials: "default"}, "environment, access key AKIA1", "")
	f(append([]string{"HOME", profileHome(t)}, all...),
		Options{Credentials: "default", Profile: "keys"}, "profile keys, access key AKIAFILE", "")
	f(append([]string{"HOME", profileHome(t)}, irsaEnv...), Options{Credentials: "default"},
		"web identity (IRSA) role "+role, role)
	f([]string{"HOME", profileHome(t)}, Options{Credentials: "default"}, "profile default, "+
		"access key AKIADEFAULT", "")
	f(append([]string{"HOME", "/nowhere"}, podEnv...), Options{Credentials: "default"},
		"the container's role, from http://169.254.170.23/v1/credentials", "")
	f([]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"}, Options{Credentials: "default"},
		"the container's role, from http://169.254.170.2/v2/x", "")
	f(nil, Options{Credentials: "default"}, "the node's role (EC2 metadata)", "")
	f(keys, Options{Credentials: "auto"}, "environment, access key AKIA1", "")
	f(all, Options{}, "web identity (IRSA) role "+role, role)
	f(all, Options{Credentials: "pod_identity"}, "EKS Pod Identity (the role of the pod's "+
		"association)", "")
	f(all, Options{Credentials: "environment"}, "environment, access key AKIA1", "")
	f(all, Options{RoleARN: "arn:aws:iam::2:role/writer"},
		"web identity (IRSA) role "+role+", then role arn:aws:iam::2:role/writer", "arn:aws:iam::2:role/writer")
	// The role of the service account, named once more as with the built-in output, is not assumed
	// by itself.
	f(all, Options{RoleARN: role}, "web identity (IRSA) role "+role, role)
}

func TestIdentityNewFailure(t *testing.T) {
	f := func(o Options, kind Kind, words ...string) {
		t.Helper()
		if o.Getenv == nil {
			o.Getenv = environ()
		}
		_, err := New(o)
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%+v: got %v, want kind %s", o, err, kind)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not name %q", err, w)
			}
		}
		if strings.Contains(err.Error(), "\n") || e.Remedy == "" {
			t.Errorf("want one line with a remedy: %q", err)
		}
	}
	f(Options{}, RegionMissing, "AWS_Region", "AWS_REGION")
	f(Options{Region: "r"}, NoCredentials, "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "eks.amazonaws.com/role-arn", "delete the pod")
	f(Options{Region: "r", Credentials: "imds"}, BadOption, `"imds"`, "web_identity")
	f(Options{Region: "r", Credentials: "web_identity"}, NoCredentials,
		"AWS_WEB_IDENTITY_TOKEN_FILE")
	f(Options{Region: "r", Credentials: "pod_identity"}, NoCredentials,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI")
	f(Options{Region: "r", Credentials: "environment"}, NoCredentials, "AWS_SECRET_ACCESS_KEY")
	f(Options{Region: "r", Getenv: environ("AWS_ACCESS_KEY_ID", "AKIA")}, NoCredentials,
		"AWS_SECRET_ACCESS_KEY")
	f(Options{Region: "r", Getenv: environ("AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"http://169.254.170.23/")}, NoCredentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	f(Options{Region: "r", Credentials: "profile", Profile: "keys"}, NoCredentials, `"keys"`,
		"AWS_Profile")
	f(Options{Region: "r", Credentials: "default",
		Getenv: environ("AWS_EC2_METADATA_DISABLED",
			"true")}, NoCredentials, "AWS_EC2_METADATA_DISABLED")
	f(Options{Region: "r", Credentials: "default",
		Getenv: environ("AWS_EC2_METADATA_SERVICE_ENDPOINT",
			"http://example.com")}, BadOption, "169.254.169.254")
	f(Options{Region: "r", Getenv: environ("AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"http://example.com/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "f")}, BadOption, "clear text")
	f(Options{Region: "r", STSEndpoint: "sts.eu-west-1.amazonaws.com"}, BadOption,
		"AWS_STS_Endpoint", "https://")
}

func TestIdentityWebIdentity(t *testing.T) {
	sts := &fakeSTS{life: time.Hour}
	i := irsa(t, sts, tokenFile(t, token+"\n"),
		func(o *Options) { o.STSEndpoint = "https://sts.example.internal" })
	c, err := i.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID != "ASIA1" || c.SecretAccessKey != "secret1" || c.SessionToken != "session1" ||
		!c.Expires.Equal(i.Expires()) {
		t.Errorf("got %s until %s, Expires says %s", c.AccessKeyID, c.Expires, i.Expires())
	}
	form := sts.forms[0]
	if form.Get("WebIdentityToken") != token || form.Get("RoleArn") != role ||
		!strings.HasPrefix(form.Get("RoleSessionName"), "opensearch-irsa-") {
		t.Errorf("STS was asked for role %q and session %q", form.Get("RoleArn"),
			form.Get("RoleSessionName"))
	}
	if sts.hosts[0] != "sts.example.internal" || sts.auth[0] != "" {
		t.Errorf("STS was asked at %q with authorization %q", sts.hosts[0], sts.auth[0])
	}
}

func TestIdentityRegionalEndpoint(t *testing.T) {
	f := func(want string, change func(*Options)) {
		t.Helper()
		sts := &fakeSTS{life: time.Hour}
		i := irsa(t, sts, tokenFile(t, token), change)
		if _, err := i.Credentials(t.Context()); err != nil || sts.hosts[0] != want {
			t.Errorf("asked %v (%v), want %q", sts.hosts, err, want)
		}
	}
	f("sts.eu-west-1.amazonaws.com", func(*Options) {})
	f("sts.us-east-1.amazonaws.com", func(o *Options) { o.Region = "us-east-1" })
	f("sts.cn-north-1.amazonaws.com.cn", func(o *Options) { o.Region = "cn-north-1" })
	f("sts.us-gov-west-1.amazonaws.com", func(o *Options) { o.Region = "us-gov-west-1" })
	with := func(region string, pairs ...string) func(*Options) {
		return func(o *Options) {
			o.Region = region
			env, more := o.Getenv, environ(pairs...)
			o.Getenv = func(k string) string { return cmp.Or(more(k), env(k)) }
		}
	}
	f("sts-fips.us-east-1.amazonaws.com", with("us-east-1", "AWS_USE_FIPS_ENDPOINT", "true"))
	f("sts.eu-west-1.api.aws", with("eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "true"))
	f("sts-fips.us-east-2.api.aws",
		with("us-east-2", "AWS_USE_DUALSTACK_ENDPOINT", "TRUE", "AWS_USE_FIPS_ENDPOINT", "true"))
	f("sts.us-gov-west-1.amazonaws.com", with("us-gov-west-1", "AWS_USE_FIPS_ENDPOINT", "true"))
	f("sts.cn-north-1.api.amazonwebservices.com.cn",
		with("cn-north-1", "AWS_USE_DUALSTACK_ENDPOINT", "true"))
	f("sts.eu-central-1.amazonaws.com", with("eu-west-1", "AWS_REGION", "eu-central-1")) // the pod's region, not the domain's
	f("vpce.example", with("us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", "AWS_ENDPOINT_URL_STS",
		"https://vpce.example"))
	f("vpce.example", func(o *Options) {
		env := o.Getenv
		o.Getenv = func(k string) string {
			if k == "AWS_ENDPOINT_URL_STS" {
				return "https://vpce.example"
			}
			return env(k)
		}
	})
}

func TestIdentityChainedRole(t *testing.T) {
	sts := &fakeSTS{life: time.Hour}
	i := irsa(t, sts, tokenFile(t, token),
		func(o *Options) { o.RoleARN, o.ExternalID = "arn:aws:iam::2:role/writer", "ext" })
	c, err := i.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID != "ASIA2" || len(sts.forms) != 2 {
		t.Fatalf("got %s after %d calls", c.AccessKeyID, len(sts.forms))
	}
	form := sts.forms[1]
	if form.Get("Action") != "AssumeRole" || form.Get("RoleArn") != "arn:aws:iam::2:role/writer" ||
		form.Get("ExternalId") != "ext" || form.Get("DurationSeconds") != "3600" {
		t.Errorf("STS was asked %v", form)
	}
	if !strings.Contains(sts.auth[1], "Credential=ASIA1/") {
		t.Errorf("signed with %q, want the first role's key", sts.auth[1])
	}

	sts.refusal("AssumeRole", 403, "AccessDenied", "User is not authorized to perform: "+
		"sts:AssumeRole")
	i.Invalidate("ASIA2")
	_, err = i.Credentials(t.Context())
	if err == nil || !strings.Contains(err.Error(), "arn:aws:iam::2:role/writer") ||
		!strings.Contains(err.Error(), "AWS_External_ID") {
		t.Errorf("got %v", err)
	}
}

func TestIdentityPodIdentity(t *testing.T) {
	status, body := 200, `{"AccessKeyId":"ASIAP","SecretAccessKey":"s","Token":"tok","Expiration":"2100-01-01T00:00:00Z","AccountId":"123456789012"}`
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != token {
			status, body = 401, "no token"
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer agent.Close()
	file := tokenFile(t, token+"\n")
	get := func() (string, error) {
		i, err := New(Options{Region: "eu-west-1",
			Getenv: environ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL,
				"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		c, err := i.Credentials(t.Context())
		return c.AccessKeyID + c.SessionToken, err
	}
	if got, err := get(); got != "ASIAPtok" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}

	failure := func(newStatus int, newBody string, kind Kind, word string) {
		t.Helper()
		status, body = newStatus, newBody
		_, err := get()
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), word) {
			t.Errorf("%d %s: got %v", newStatus, newBody, err)
		}
	}
	failure(400, `{"code":"AccessDeniedException","message":"Unauthorized Exception! EKS does not have permissions to assume the associated role."}`, Denied, "pods.eks.amazonaws.com")
	failure(200, `{}`, Unknown, "no credentials")
	agent.Close()
	failure(0, "", Unreachable, "eks-pod-identity-agent")
}

func TestIdentityStaticKeys(t *testing.T) {
	i, err := New(Options{Region: "eu-west-1",
		Getenv: environ("AWS_ACCESS_KEY_ID", "AKIA1", "AWS_SECRET_ACCESS_KEY", "s",
			"AWS_SESSION_TOKEN", "t")})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for range 3 { // a refusal does not make them unusable
		c, err := i.Credentials(t.Context())
		if err != nil || c.AccessKeyID != "AKIA1" || c.SessionToken != "t" ||
			!i.Expires().IsZero() {
			t.Errorf("got %v, %v", c.AccessKeyID, err)
		}
		if i.Invalidate("AKIA1") {
			t.Error("other keys are promised, and there are none")
		}
	}
}

func TestIdentitySessionName(t *testing.T) {
	f := func(given string, c claims, want string, env ...string) {
		t.Helper()
		if got := sessionName(given, c, environ(env...)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("", claims{Pod: "fluent-bit-x7k2p", Node: "ip-10-0-1-2.eu-west-1.compute.internal"},
		"fluent-bit-x7k2p@ip-10-0-1-2.eu-west-1.compute.internal", "HOSTNAME", "other", "NODE_NAME", "other")
	f("", claims{}, "fluent-bit-x7k2p@node-1", "HOSTNAME", "fluent-bit-x7k2p", "NODE_NAME",
		"node-1")
	f("", claims{}, "opensearch-irsa-fluent-bit-x7k2p", "HOSTNAME", "fluent-bit-x7k2p")
	f("", claims{Pod: strings.Repeat("p", 40),
		Node: "ip-10-0-123-234.ap-southeast-2.compute.internal"}, strings.Repeat("p", 40)+"@ip-10-0-123-234")
	f("", claims{Pod: strings.Repeat("p", 80), Node: strings.Repeat("n", 80)},
		strings.Repeat("p", 32)+"@"+strings.Repeat("n", 31))
	f("a b", claims{Pod: "p", Node: "n"}, "a-b")
}

func TestIdentitySanitize(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := sanitize(in); got != want {
			t.Errorf("sanitize(%q) = %q, want %q", in, got, want)
		}
	}
	f("opensearch-irsa-ip-10-0-0-1.ec2.internal", "opensearch-irsa-ip-10-0-0-1.ec2.internal")
	f("opensearch-irsa-a b/c:d", "opensearch-irsa-a-b-c-d")
	f("opensearch-irsa-é", "opensearch-irsa--")
	f(strings.Repeat("x", 70), strings.Repeat("x", 64))
}

func TestIdentityReadClaims(t *testing.T) {
	f := func(in, sub, aud string) {
		t.Helper()
		got := readClaims(in)
		if got.Subject != sub || strings.Join(got.Audience, ",") != aud {
			t.Errorf("%q: got %+v", in, got)
		}
	}
	f(token, "system:serviceaccount:logging:fluent-bit", "sts.amazonaws.com")
	f(jwt(`{"sub":"s","aud":"one"}`), "s", "one")
	f(jwt(`{"sub":"s","aud":["a","b"]}`), "s", "a,b")
	f(jwt(`{"sub":"s","aud":7}`), "s", "")
	f(jwt(`{"sub":"s"}`), "s", "")
	f(jwt(`{`), "", "")
	f("", "", "")
	f("a.b", "", "")
	f("a.%%%.c", "", "")
}

func FuzzReadClaims(f *testing.F) {
	f.Add(token)
	f.Add("a..c")
	f.Add(jwt(`{"aud":[1]}`))
	f.Fuzz(func(t *testing.T, s string) {
		c := readClaims(s)
		parts := strings.Split(s, ".")
		if (c.Subject != "" || c.Issuer != "" || c.Audience != nil) && len(parts) != 3 {
			t.Errorf("%q has claims %+v", s, c)
		}
		// The claims written into a token again are read again.
		payload, err := json.Marshal(map[string]any{"iss": c.Issuer, "sub": c.Subject,
			"aud": c.Audience})
		if err != nil {
			t.Fatal(err)
		}
		if again := readClaims(jwt(string(payload))); again.Issuer != c.Issuer ||
			again.Subject != c.Subject ||
			strings.Join(again.Audience, ",") != strings.Join(c.Audience, ",") {
			t.Errorf("%+v became %+v", c, again)
		}
	})
}

func TestIdentityCanceledWait(t *testing.T) {
	sts := &fakeSTS{life: time.Hour, block: make(chan struct{})}
	i := irsa(t, sts, tokenFile(t, token))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Credentials(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(sts.block)
	if c, err := i.Credentials(t.Context()); err != nil || c.AccessKeyID != "ASIA1" {
		t.Errorf("the refresh ended with its first caller: %v, %v", c.AccessKeyID, err)
	}
}
