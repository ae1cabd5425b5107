package stack

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/localaws"
)

func TestKubeAPI(t *testing.T) {
	ca, err := localaws.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	k, err := StartKubeAPI(ca, t.TempDir(), Rule{Verbs: []string{"get"}, Resources: []string{"pods"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	if err := k.PutPod(Pod{Namespace: "shop", Name: "web-1", Labels: map[string]string{"app": "web"}}); err != nil {
		t.Fatal(err)
	}
	if err := k.PutNamespace("shop", nil); err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(k.Files, "token"))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	for _, c := range []struct {
		path, token string
		want        int
	}{
		{"/api/v1/namespaces/shop/pods/web-1", string(token), 200},
		{"/api/v1/namespaces/shop/pods/web-1", "another", 401},
		{"/api/v1/namespaces/shop/pods/web-2", string(token), 404},
		{"/api/v1/namespaces/shop", string(token), 403}, // no rule
		{"/api/v1/nodes", string(token), 403},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.Server.URL()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+c.token)
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Kind     string
			Metadata struct{ Labels map[string]string }
		}
		err = json.NewDecoder(answer.Body).Decode(&object)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != c.want || (c.want == 200) != (object.Metadata.Labels["app"] == "web") {
			t.Errorf("%s: %d %+v (%v), want %d", c.path, answer.StatusCode, object, err, c.want)
		}
	}
	if got := k.Asked(); len(got) != 1 || got["/api/v1/namespaces/shop/pods/web-1"] != 1 {
		t.Errorf("asked %v", got)
	}
	if got := strings.Join(k.Refused(), ", "); got != "401 GET /api/v1/namespaces/shop/pods/web-1, 403 GET /api/v1/namespaces/shop, 403 GET /api/v1/nodes" {
		t.Errorf("refused %s", got)
	}
}

func TestNewNodeDir(t *testing.T) {
	dir, err := NewNodeDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if len(dir) != len("/var/log") {
		t.Errorf("%q is not as long as /var/log", dir)
	}
}
