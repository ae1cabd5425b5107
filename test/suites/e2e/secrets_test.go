package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// said is everything that any agent logged in this run, and whatever else a test adds that other
// people can see.
var said transcript

type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// clouds are the accounts whose secrets must not be in it.
var clouds accounts

type accounts struct {
	mu     sync.Mutex
	iams   []*localaws.IAM
	others []string // tokens and passwords
}

func (a *accounts) add(iam *localaws.IAM) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.iams = append(a.iams, iam)
}

func (a *accounts) addSecret(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.others = append(a.others, text)
}

// secrets are all that were ever given out. A token also counts by its signature alone.
func (a *accounts) secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	password := world.OpenSearch.Password
	all := append([]string{password,
		base64.StdEncoding.EncodeToString([]byte(world.OpenSearch.Username + ":" +
			password))}, a.others...)
	for _, iam := range a.iams {
		all = append(all, iam.Secrets()...)
	}
	return append(all, signatures(all)...)
}

// signatures are the parts of tokens that make them worth something.
func signatures(tokens []string) []string {
	var all []string
	for _, token := range tokens {
		if parts := strings.Split(token, "."); len(parts) == 3 {
			all = append(all, parts[2])
		}
	}
	return all
}

// leaks is an error if anything secret is in what was said.
func leaks() error {
	said.mu.Lock()
	defer said.mu.Unlock()
	text, secrets := said.text.Bytes(), clouds.secrets()
	fmt.Printf("looked for %d secrets in %d bytes of logs and metrics\n", len(secrets), len(text))
	return leak(text, secrets)
}

func leak(text []byte, secrets []string) error {
	for _, secret := range secrets {
		if len(secret) < 12 {
			return fmt.Errorf("a secret of %d characters would be found by chance", len(secret))
		}
		if at := bytes.Index(text, []byte(secret)); at >= 0 {
			line := text[bytes.LastIndexByte(text[:at], '\n')+1:]
			line, _, _ = bytes.Cut(line, []byte("\n"))
			return fmt.Errorf("a secret is in the log: %s",
				bytes.ReplaceAll(line, []byte(secret), []byte("[it is here]")))
		}
	}
	return nil
}

// TestIdentityLeak wants the search to find what is there, and not to show it.
func TestIdentityLeak(t *testing.T) {
	c := accounts{others: []string{"head.claims.signature-of-it"}}
	secrets := append(c.others, signatures(c.others)...)
	for _, text := range []string{"a\nX-Amz-Security-Token: head.claims.signature-of-it\nb",
		"x signature-of-it"} {
		if err := leak([]byte(text), secrets); err == nil ||
			strings.Contains(err.Error(), "signature-of-it") ||
			!strings.Contains(err.Error(), "[it is here]") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if err := leak([]byte("nothing"), secrets); err != nil {
		t.Error(err)
	}
}
