package identity

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIdentityRegionOf(t *testing.T) {
	f := func(endpoint, want string) {
		t.Helper()
		if got := regionOf(endpoint); got != want {
			t.Errorf("%s is of region %q, want %q", endpoint, got, want)
		}
	}
	f("https://sts.eu-west-1.amazonaws.com", "eu-west-1")
	f("https://STS.eu-west-1.amazonaws.com:443/", "eu-west-1")
	f("https://sts-fips.us-east-1.amazonaws.com", "us-east-1")
	f("https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1")
	f("https://sts.eu-west-1.api.aws", "eu-west-1")
	f("https://vpce-0a1b-2c3d.sts.eu-north-1.vpce.amazonaws.com", "eu-north-1")
	f("https://sts.amazonaws.com", "us-east-1")
	f("https://sts.example.com", "")
	f("http://127.0.0.1:8080", "")
	f("", "")
}

// TestIdentityChainedSignsForTheEndpointsRegion has AWS_STS_Endpoint in another region than the
// domain and the pod.
func TestIdentityChainedSignsForTheEndpointsRegion(t *testing.T) {
	sts := &fakeSTS{life: time.Hour}
	i := irsa(t, sts, tokenFile(t, token), func(o *Options) {
		o.RoleARN, o.STSEndpoint = "arn:aws:iam::2:role/writer",
			"https://sts.us-west-2.amazonaws.com"
	})
	if _, err := i.Credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "/us-west-2/sts/aws4_request"; len(sts.auth) != 2 ||
		!strings.Contains(sts.auth[1], want) {
		t.Errorf("signed with %q, want %s", sts.auth, want)
	}
}

// TestIdentitySTSTrusts has TLS_CA_File's certificates count for STS, and nobody else's.
func TestIdentitySTSTrusts(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := (&fakeSTS{life: time.Hour}).RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.Copy(w, res.Body)
		_ = res.Body.Close()
	}))
	defer server.Close()
	identity := func(roots *x509.CertPool) *Identity {
		return irsa(t, nil, tokenFile(t, token),
			func(o *Options) { o.HTTPClient, o.STSEndpoint, o.RootCAs = nil, server.URL, roots })
	}
	check(t, identity(nil), Unreachable, "not trusted", "TLS_CA_File")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}))
	if _, err := identity(roots).Credentials(t.Context()); err != nil {
		t.Error(err)
	}
}

// metadata is EC2's metadata service with one role, in its second version only.
func metadata(t *testing.T, role string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "":
			_, _ = w.Write([]byte("tok"))
		case r.Header.Get("X-aws-ec2-metadata-token") != "tok":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/" && role != "":
			_, _ = w.Write([]byte(role))
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/"+role && role != "":
			_, _ = w.Write([]byte(`{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIANODE","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestIdentityNodesRole(t *testing.T) {
	get := func(endpoint, credentials string) (*Identity, error) {
		return New(Options{Region: "eu-west-1", Credentials: credentials,
			Getenv: environ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)})
	}
	if _, err := get(metadata(t, "node"), "auto"); err == nil {
		t.Error("auto took the node's role")
	}
	i, err := get(metadata(t, "node"), "default")
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	c, err := i.Credentials(t.Context())
	if err != nil || c.AccessKeyID != "ASIANODE" || c.SessionToken != "t" || !c.CanExpire {
		t.Errorf("got %s, %v", c.AccessKeyID, err)
	}
	none, err := get(metadata(t, ""), "default")
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	check(t, none, Unknown, "404", "instance profile")
	gone, err := get("http://127.0.0.1:1", "default")
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	check(t, gone, Unreachable, "HttpPutResponseHopLimit", "IRSA")
}

// TestIdentityProfileKeysAreReadAgain has somebody change the keys in the file, after the server
// refused the old ones.
func TestIdentityProfileKeysAreReadAgain(t *testing.T) {
	home := profileHome(t)
	i, err := New(Options{Region: "eu-west-1", Profile: "keys", Getenv: environ("HOME", home)})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if c, err := i.Credentials(t.Context()); err != nil || c.AccessKeyID != "AKIAFILE" {
		t.Fatalf("got %s, %v", c.AccessKeyID, err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(text),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[keys]\naws_access_key_id = AKIANEW\naws_secret_access_key = n\n")
	if !i.Invalidate("AKIAFILE") {
		t.Error("no other keys are promised")
	}
	if c, err := i.Credentials(t.Context()); err != nil || c.AccessKeyID != "AKIANEW" {
		t.Fatalf("got %s, %v", c.AccessKeyID, err)
	}
	i.dropped = time.Time{}
	write("[keys]\n")
	i.Invalidate("AKIANEW")
	var e *Error
	if _, err := i.Credentials(t.Context()); !errors.As(err, &e) || e.Kind != NoCredentials {
		t.Errorf("got %v", err)
	}
}
