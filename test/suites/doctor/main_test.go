// Package doctor breaks every link that opensearch-irsa-doctor looks at, one at a time, against a
// real OpenSearch with its security plugin, STS and the domain's front door, and reads what it
// says. It needs the environment that `make e2e` sets up.
//
// The tests share one domain, and change its roles: they run one after the other.
package doctor

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

var (
	world     *stack.Stack // nil if unmet says why
	moduleDir string
	unmet     string // what is missing on this machine
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if unmet = stack.Unmet("OPENSEARCH_HOME", "DOCTOR_BIN"); unmet != "" {
		return stack.RunUnmet(m, unmet)
	}
	if err := start(); err != nil {
		fmt.Println("the doctor's tests:", err)
		return 1
	}
	code := m.Run()
	if err := world.Close(); err != nil {
		fmt.Println("the doctor's tests:", err)
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
	if world, err = stack.New(ctx,
		stack.Options{OpenSearchHome: os.Getenv("OPENSEARCH_HOME")}); err != nil {
		return err
	}
	// The doctor runs in this process, which reads its roots from here the first time that it needs
	// them.
	return os.Setenv("SSL_CERT_FILE", world.CAFile)
}
