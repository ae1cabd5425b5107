package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"out_opensearch_irsa/internal/config"
)

// signFunc is a Signer that writes what it signs into a header.
type signFunc func(req *http.Request, sum string) error

func (f signFunc) Sign(_ context.Context, req *http.Request,
	sum string) error {
	return f(req, sum)
}

func TestDoWithSignsWhatIsSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		if r.Method != "POST" || r.URL.RequestURI() != "/base/api?overwrite=true" ||
			r.Header.Get("Content-Type") != "text/x" || r.Header.Get("Osd-Xsrf") != "true" ||
			r.Header.Get("Signed") != "text/x "+hex.EncodeToString(sum[:]) {
			t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL + "/base")
	c, err := New(Options{Endpoint: u, Signer: signFunc(func(req *http.Request, sum string) error {
		req.Header.Set("Signed", req.Header.Get("Content-Type")+" "+sum)
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	header := http.Header{"Content-Type": {"text/x"}, "Osd-Xsrf": {"true"}}
	a := c.DoWith(t.Context(), "POST", "/api", "overwrite=true", header, []byte("body"))
	if a.Status != http.StatusTeapot || string(a.Body) != "short and stout" || a.Failure == nil ||
		a.Failure.Status != http.StatusTeapot {
		t.Errorf("got %+v", a)
	}
	if len(header) != 2 {
		t.Errorf("the caller's headers were changed: %v", header)
	}
}

func TestDoWithoutAnswer(t *testing.T) {
	u, _ := url.Parse("http://127.0.0.1:1")
	c, err := New(Options{Endpoint: u, Username: "u", Password: config.Secret("p")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if a := c.DoWith(t.Context(), "GET", "/", "", nil, nil); a.Status != 0 || a.Failure == nil ||
		a.Failure.Kind != ConnectRefused {
		t.Errorf("got %+v", a)
	}
}
