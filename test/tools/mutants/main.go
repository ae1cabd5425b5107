// Command mutants changes the code in one place at a time, runs the tests of the package, and
// prints the changes that no test noticed. Gremlins, a mutation tester, finds the places; what is
// done here is what it lacks: a sample drawn by seed, since all of it takes hours; changes in the
// conditions of a switch's cases, which it takes for code that no test runs; statements that are
// removed; and survivors that are known to change nothing, with the reason. The tree is left alone:
// go's -overlay puts the changed file in place of the file.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tested names the packages, and where the tests of one are that has none of its own: a file with
// cgo cannot be a test.
var tested = map[string]string{
	"deliver": "", "opensearch": "", "bulk": "", "deadletter": "", "document": "", "chunk": "", "multiline": "",
	"flb": "./test/suites/flb",
}

// equivalent.txt holds the survivors that are known to change nothing that matters: package/file,
// what was changed, the line, and why, with tabs between.
//
//go:embed equivalent.txt
var equivalent string

func main() {
	log.SetFlags(log.Ltime)
	gremlins := flag.String("gremlins", "gremlins", "the program")
	names := flag.String("packages",
		"deliver,opensearch,bulk,deadletter,chunk,document,multiline,flb", "packages below internal")
	files := flag.String("files", "*", "a pattern for the files")
	sample := flag.Int("sample", 0, "how many mutants of each package to draw; 0 for all")
	seed := flag.Uint64("seed", 1, "of the draw")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	survived := false
	for name := range strings.SplitSeq(*names, ",") {
		s, err := run(ctx, *gremlins, name, *files, *sample, *seed)
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		survived = survived || s
	}
	if survived {
		os.Exit(1)
	}
}

// run tries the mutants of one package and tells whether one survived that is not known.
func run(ctx context.Context, gremlins, name, files string, sample int, seed uint64) (bool, error) {
	where, ok := tested[name]
	if !ok {
		return false, errors.New("there is no such package here")
	}
	dir := "internal/" + name
	if where == "" {
		where = "./" + dir
	}
	all, err := find(ctx, gremlins, dir, files)
	if err != nil {
		return false, err
	}
	drawn := all
	if sample > 0 && sample < len(all) {
		drawn = nil
		for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(all))[:sample] {
			drawn = append(drawn, all[i])
		}
	}
	work, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	began := time.Now()
	if out, err := test(ctx, where, "", 20*time.Minute); err != nil {
		return false, fmt.Errorf("the tests fail without a change: %w\n%s", err, out)
	}
	limit := 20*time.Second + 3*time.Since(began) // the machine may get busier
	log.Printf("%s: %d of %d mutants, %s a run", name, len(drawn), len(all),
		time.Since(began).Round(time.Second))
	count := map[string]int{}
	var survivors []string
	for n, m := range drawn {
		outcome, err := m.try(ctx, work, where, limit)
		if err != nil {
			return false, err
		}
		if outcome == "survived" {
			if why := m.known(); why != "" {
				outcome = "equivalent: " + why
				count["equivalent"]++
			} else {
				survivors = append(survivors, m.String())
			}
		}
		count[outcome]++
		log.Printf("%s %d/%d %s: %s", name, n+1, len(drawn), m, outcome)
	}
	killed := count["killed"] + count["timed out"]
	log.Printf("%s: %d killed, %d of them by time, %d survived, %d equivalent, %d "+
		"did not build: %.0f %%", name,
		killed, count["timed out"], len(survivors), count["equivalent"], count["not built"],
		100*float64(killed)/float64(max(1, killed+len(survivors))))
	for _, s := range survivors {
		fmt.Println("survived:", s)
	}
	return len(survivors) > 0, nil
}

// try runs the tests with the mutant in place.
func (m *mutant) try(ctx context.Context, work, where string, limit time.Duration) (outcome string,
	err error) {
	changed, overlay := filepath.Join(work, "mutant.go"), filepath.Join(work, "overlay.json")
	file, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(changed, m.changed, 0o600),
		os.WriteFile(overlay, replace, 0o600)); err != nil {
		return "", err
	}
	out, err := test(ctx, where, overlay, limit)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return "survived", nil
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return "not built", nil
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "timed out", nil
	}
	return "killed", nil
}

// test runs a package's tests. The overlay goes by the environment, so that what a test builds has
// it too.
func test(ctx context.Context, where, overlay string, limit time.Duration) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-vet=off", "-failfast", "-timeout",
		limit.String(), where)
	flags := os.Getenv("GOFLAGS") + " -ldflags=-s" // linking takes most of the time
	if overlay != "" {
		flags += " -overlay=" + overlay
	}
	cmd.Env = append(os.Environ(), "GOFLAGS="+flags)
	return cmd.CombinedOutput()
}

// known tells why a mutant that survived changes nothing; "" if that is not known.
func (m *mutant) known() string {
	key := []string{strings.TrimPrefix(filepath.ToSlash(m.file), "internal/"), m.what, m.text}
	for line := range strings.Lines(equivalent) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 4 &&
			slices.Equal(fields[:3], key) {
			return fields[3]
		}
	}
	return ""
}
