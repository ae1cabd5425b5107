package opensearch

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	f := func(method, path, query, body string, status int, answer string, kind Kind) {
		t.Helper()
		var signed string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if r.Method != method || r.URL.Path != "/base"+path || r.URL.RawQuery != query ||
				string(got) != body || (r.Header.Get("Content-Type") != "") != (body != "") {
				t.Errorf("got %s %s %q", r.Method, r.URL, got)
			}
			signed = r.Header.Get("Authorization")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
		}))
		defer server.Close()
		c := client(t, server.URL+"/base", func(o *Options) { o.Signer = fakeSigner{} })
		var b []byte
		if body != "" {
			b = []byte(body)
		}
		a := c.Do(t.Context(), method, path, query, b)
		if a.Status != status || string(a.Body) != answer {
			t.Errorf("%s: answer %d %q", path, a.Status, a.Body)
		}
		if kind == None && a.Failure != nil ||
			kind != None && (a.Failure == nil || a.Failure.Kind != kind) {
			t.Errorf("%s: failure %v, want %s", path, a.Failure, kind)
		}
		if sum := sha256.Sum256(b); !strings.HasSuffix(signed, "="+hex.EncodeToString(sum[:])) {
			t.Errorf("%s: signed for %q", path, signed)
		}
	}
	f("GET", "/eks-log*/_mapping", "a=b", "", 200, `{"a":1}`, None)
	f("POST", "/x/_search", "", `{"size":0}`, 200, `{}`, None)
	f("GET", "/x/_mapping", "", "", 404, `{}`, WrongEndpoint)
	f("POST", "/x/_search", "", `{}`, 403,
		`{"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/search] and User [name=x]"},"status":403}`, RoleNotMapped)

	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if a := client(t, server.URL).Do(t.Context(), "GET", "/", "", nil); a.Status != 0 ||
		a.Failure == nil || a.Failure.Kind != ConnectRefused {
		t.Errorf("nobody answered: %+v", a)
	}
}
