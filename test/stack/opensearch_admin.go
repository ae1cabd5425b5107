package stack

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"out_opensearch_irsa/test/localaws"
)

// adminClient talks to a node as its admin.
type adminClient struct {
	url, username, password string
	client                  *http.Client
}

func newAdminClient(url, username, password string, ca *localaws.CA) adminClient {
	return adminClient{url: url, username: username, password: password, client: &http.Client{
		Timeout:   60 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}},
	}}
}

// forget drops connections that a killed server left.
func (c adminClient) forget() {
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}

// Do sends one request as admin, past the front door, and returns the answer whatever its status. An empty body sends none;
// any other is JSON, or NDJSON where the path is _bulk's.
func (s *OpenSearch) Do(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.client.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("cannot ask OpenSearch for %q: %w", path, err)
	}
	request.SetBasicAuth(s.client.username, s.client.password)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("cannot ask OpenSearch for %q: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("cannot read OpenSearch's answer to %q: %w", path, err)
	}
	return response.StatusCode, answer, nil
}

// must is Do for requests whose only good answer is 2xx. The answer is decoded into result unless that is nil.
func (s *OpenSearch) must(ctx context.Context, method, path, body string, result any) error {
	status, answer, err := s.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("cannot %s %s: OpenSearch answered %d: %.1024s", method, path, status, answer)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("cannot read OpenSearch's answer to %q: %w", path, err)
	}
	return nil
}

// Refresh makes everything written so far visible to searches. The index may have wildcards; one that is not there is no error.
func (s *OpenSearch) Refresh(ctx context.Context, index string) error {
	return s.must(ctx, "POST", "/"+index+"/_refresh?ignore_unavailable=true&allow_no_indices=true", "", nil)
}

// Count returns how many documents an index holds after a refresh; the name may have wildcards. An index that is not there holds none.
func (s *OpenSearch) Count(ctx context.Context, index string) (int, error) {
	if err := s.Refresh(ctx, index); err != nil {
		return 0, err
	}
	var counted struct {
		Count int `json:"count"`
	}
	err := s.must(ctx, "GET", "/"+index+"/_count?ignore_unavailable=true&allow_no_indices=true", "", &counted)
	return counted.Count, err
}

// MapWriter makes the given IAM roles, and no others, writers. None at all takes the permission from everybody.
func (s *OpenSearch) MapWriter(ctx context.Context, roleARNs ...string) error {
	if roleARNs == nil {
		roleARNs = []string{}
	}
	mapping, err := json.Marshal(map[string]any{"backend_roles": roleARNs})
	if err != nil {
		return fmt.Errorf("cannot encode the role mapping: %w", err)
	}
	return s.must(ctx, "PUT", "/_plugins/_security/api/rolesmapping/"+WriterRole, string(mapping), nil)
}
