package stack

import (
	"context"
	"os"
	"testing"
	"time"

	"out_opensearch_irsa/test/localaws"
)

// openSearchHome is the distribution that make put in place: without it, the test is skipped, or fails where nothing may be skipped.
func openSearchHome(t *testing.T) string {
	t.Helper()
	home := os.Getenv("OPENSEARCH_HOME")
	if home == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("OPENSEARCH_HOME is not set")
		}
		t.Skip("OPENSEARCH_HOME is not set: install a distribution with test/stack/install-opensearch.sh")
	}
	return home
}

func TestOpenSearchKeepsDataOverKill(t *testing.T) {
	home := openSearchHome(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
	defer cancel()
	ca, err := localaws.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s, err := StartOpenSearch(ctx, OpenSearchOptions{Home: home, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("data left in %s", s.dir)
		}
	}()
	t.Logf("started in %s", time.Since(began))
	if err := s.must(ctx, "PUT", "/eks-log/_doc/1", `{"log":"one"}`, nil); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if _, _, err := s.Do(ctx, "GET", "/", ""); err == nil {
		t.Error("a killed server answers")
	}
	began = time.Now()
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("restarted in %s", time.Since(began))
	if n, err := s.Count(ctx, "eks-log*"); err != nil || n != 1 {
		t.Errorf("got %d documents (%v) after the restart, want 1", n, err)
	}
	if err := s.MapWriter(ctx, "arn:aws:iam::123456789012:role/x"); err != nil {
		t.Error(err)
	}
	if n, err := s.Count(ctx, "no-such-index"); err != nil || n != 0 {
		t.Errorf("got %d documents (%v) in an index that is not there", n, err)
	}
}
