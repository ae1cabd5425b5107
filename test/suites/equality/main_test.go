// Package equality holds the promise that a section moves over by changing its Name: the same odd
// records go through Fluent Bit's own opensearch output and through ours into one real OpenSearch,
// with the same options, and what is stored is compared. It needs the environment that `make e2e`
// sets up. FLUENT_BIT, or a fluent-bit on PATH, gives both sides if it is the version that testdata
// was recorded with, and our side if it is another; without one our side is driven through
// internal/deliver and compared with the recording. The differences that are wanted are a table, in
// differences_test.go.
//
// It also tries on the server what the built-in output has not: data streams, routing, and names
// made of what records say.
package equality

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

var record = flag.Bool("record", false, "write testdata from what the built-in output of "+
	"FLUENT_BIT stores")

var (
	server *stack.OpenSearch   // nil if unmet says why
	agent  stack.FluentBitHost // a real Fluent Bit; its Path is empty where there is none
	front  *door
	// scratch is a directory for files; its name has nothing in it that a configuration file takes
	// for more than a name.
	scratch string
	unmet   string // what is missing on this machine
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if unmet = stack.Unmet("OPENSEARCH_HOME"); unmet != "" {
		return stack.RunUnmet(m, unmet)
	}
	if err := start(); err != nil {
		fmt.Println("equality tests:", err)
		return 1
	}
	code := m.Run()
	front.Close()
	if err := errors.Join(server.Close(), os.RemoveAll(scratch)); err != nil {
		fmt.Println("equality tests:", err)
		code = 1
	}
	return code
}

func start() error {
	ctx, cancel := context.WithTimeout(context.Background(), stack.Patience)
	defer cancel()
	host, err := stack.FindFluentBit(ctx)
	if err == nil && !host.TestHost {
		agent = host
	} else if os.Getenv("FLUENT_BIT") != "" {
		return fmt.Errorf("FLUENT_BIT is no Fluent Bit: %w", err)
	}
	ca, err := localaws.NewCA()
	if err != nil {
		return err
	}
	server, err = stack.StartOpenSearch(ctx, stack.OpenSearchOptions{
		Home: os.Getenv("OPENSEARCH_HOME"), CA: ca,
		// Hundreds of small indices are made and nothing is ever deleted.
		Settings: map[string]string{"cluster.max_shards_per_node": "5000"},
	})
	if err != nil {
		return err
	}
	if scratch, err = os.MkdirTemp("", "equality-"); err != nil {
		return errors.Join(err, server.Close())
	}
	front = openDoor(server, ca)
	return nil
}

// requireServer skips a test on a machine without OpenSearch.
func requireServer(t *testing.T) {
	t.Helper()
	if unmet != "" {
		t.Skip(unmet)
	}
}

// ask sends a request as admin and fails unless the answer is 2xx.
func ask(t *testing.T, method, path, body string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stack.Patience)
	defer cancel()
	status, answer, err := server.Do(ctx, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if status/100 != 2 {
		t.Fatalf("%s %s: OpenSearch answered %d: %.1000s", method, path, status, answer)
	}
	return answer
}
