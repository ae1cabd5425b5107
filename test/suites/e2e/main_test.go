// Package e2e runs the agent with the shipped fluent-bit.conf and the built plugin against a real
// OpenSearch, STS and the domain's front door, and looks into the index for what arrived. It needs
// the environment that `make e2e` sets up; FLUENT_BIT or a fluent-bit on PATH is the agent, and
// else test/fixtures/fbhost, as each of the versions whose interface it speaks.
//
// All tests share one OpenSearch. Each has an index, log files and agent state of its own, so that
// they can run side by side.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

var (
	world     *stack.Stack        // nil if unmet says why
	host      stack.FluentBitHost // the agent under test
	pluginSO  string              // absolute path of the shared object
	moduleDir string
	unmet     string // what is missing on this machine
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if unmet = stack.Unmet("OPENSEARCH_HOME", "PLUGIN_SO"); unmet != "" {
		return stack.RunUnmet(m, unmet)
	}
	// The tests wait much more than they work: what bounds them is not the number of processors.
	if err := flag.Set("test.parallel", "20"); err != nil {
		fmt.Println("end-to-end tests:", err)
		return 1
	}
	if err := start(); err != nil {
		fmt.Println("end-to-end tests:", err)
		return 1
	}
	code := m.Run()
	if replayDir != "" {
		_ = os.RemoveAll(replayDir)
	}
	if err := leaks(); err != nil {
		fmt.Println("end-to-end tests:", err)
		code = 1
	}
	if only := flag.Lookup("test.run").Value.String(); code == 0 && only == "" {
		if err := symptoms(); err != nil {
			fmt.Println("end-to-end tests:", err)
			code = 1
		}
	}
	if err := world.Close(); err != nil {
		fmt.Println("end-to-end tests:", err)
		code = 1
	}
	return code
}

func start() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stack.Patience)
	defer cancel()
	if moduleDir, err = stack.ModuleRoot(); err != nil {
		return err
	}
	if pluginSO, err = filepath.Abs(os.Getenv("PLUGIN_SO")); err != nil {
		return err
	}
	if host, err = stack.FindFluentBit(ctx); err != nil {
		return err
	}
	world, err = stack.New(ctx, stack.Options{
		OpenSearchHome: os.Getenv("OPENSEARCH_HOME"), Heap: "1g",
		Settings: map[string]string{"cluster.max_shards_per_node": "3000"}, // an index for each test, and nothing ever deleted
	})
	if err == nil {
		clouds.add(world.IAM)
		token, readErr := os.ReadFile(world.TokenFile)
		clouds.addSecret(string(token))
		err = readErr
	}
	return err
}

// version is an agent as one test runs it.
type version struct {
	name string
	abi  string // of the test host; "" for a real Fluent Bit
}

// versions are all that the agent under test can be.
func versions() []version {
	if !host.TestHost {
		return []version{{name: strings.TrimPrefix(host.Version, "Fluent Bit v")}}
	}
	return []version{{"fbhost as 1.9", "1.9"}, {"fbhost as 4.2", "4.2"}, {"fbhost as 5.1", "5.1"}}
}

// newest is the one that tests run which do not depend on the version.
func newest() version {
	all := versions()
	return all[len(all)-1]
}

// is19 tells whether the agent is a Fluent Bit 1.9, or behaves as one.
func (v version) is19() bool { return v.abi == "1.9" || strings.HasPrefix(v.name, "1.9.") }
