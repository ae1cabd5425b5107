package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
	"out_opensearch_irsa/test/fixtures/stack"
)

// benchStart measures how long an instance takes to be made, and tells what the shared object is
// made of.
func benchStart(ctx context.Context, s settings) error {
	first, usual, err := initTime()
	if err != nil {
		return err
	}
	info, err := os.Stat(s.plugin)
	if err != nil {
		return fmt.Errorf("cannot find the shared object: %w", err)
	}
	fmt.Printf("\nThe start: an instance is made in %s (the first one, %s), without the network; "+
		"the shared object has %.1f MB\n\n",
		usual.Round(time.Microsecond), first.Round(time.Microsecond), float64(info.Size())/1e6)
	parts, err := sizes(ctx)
	if err != nil {
		return err
	}
	rest := info.Size()
	for _, size := range parts {
		rest -= size
	}
	parts["tables of functions, lines, types and relocations"] += rest
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer func() { _ = w.Flush() }()
	fmt.Fprintln(w, "MB\tof\t")
	names := slices.SortedFunc(maps.Keys(parts),
		func(a, b string) int { return cmp.Compare(parts[b], parts[a]) })
	for _, name := range names {
		fmt.Fprintf(w, "%.2f\t%s\t\n", float64(parts[name])/1e6, name)
	}
	return nil
}

// initTime is how long the first instance took, and the median.
func initTime() (first, usual time.Duration, err error) {
	for _, pair := range keys {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return 0, 0, fmt.Errorf("cannot set the environment: %w", err)
		}
	}
	options := map[string]string{"Endpoint": "https://search-logs-abc123.eu-west-1.es.amazonaws.com", "Index": "eks-log-%Y.%m.%d", "Compress": "gzip"}
	silent := logging.New(func(logging.Level, string) {}, logging.Error, "bench")
	var took []float64
	for range 51 {
		began := time.Now()
		cfg, err := config.Load(func(name string) string { return options[name] },
			func(string) string { return "" })
		if err != nil {
			return 0, 0, fmt.Errorf("cannot load the options: %w", err)
		}
		d, err := deliver.New(cfg, silent)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot make an instance: %w", err)
		}
		took = append(took, float64(time.Since(began)))
		d.Close()
	}
	return time.Duration(took[0]), time.Duration(middle(took)), nil
}

// sizes is how many bytes of the shared object each module's symbols take.
func sizes(ctx context.Context) (map[string]int64, error) {
	root, err := stack.ModuleRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plugin-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tool := func(arguments ...string) ([]byte, error) {
		command := exec.CommandContext(ctx, "go", arguments...)
		command.Dir = root
		out, err := command.Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("cannot run go %s: %w: %s", arguments[0], err, failed.Stderr)
		}
		return out, err
	}
	so := filepath.Join(dir, "plugin.so") // with its symbols
	if _, err := tool("build", "-trimpath", "-buildmode=c-shared", "-o", so,
		"./plugin"); err != nil {
		return nil, err
	}
	listed, err := tool("list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}",
		"./plugin")
	if err != nil {
		return nil, err
	}
	symbols, err := tool("tool", "nm", "-size", so)
	if err != nil {
		return nil, err
	}
	return shares(symbols, listed), nil
}

// shares adds up the code and constants (as go tool nm -size prints them) of each module (as go
// list names them).
func shares(symbols, listed []byte) map[string]int64 {
	modules := map[string]string{}
	for line := range bytes.Lines(listed) {
		path, module, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		top, _, _ := strings.Cut(path, "/")
		modules[path] = cmp.Or(module, "standard library: "+top)
	}
	parts := map[string]int64{}
	for line := range bytes.Lines(symbols) {
		fields := strings.Fields(string(line))
		if len(fields) < 4 || !strings.ContainsAny(fields[2], "TtRr") { // code and constants; of data, most is zeros that are not in the file
			continue
		}
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		name := strings.Join(fields[3:], " ")
		if module := modules[packageOf(name)]; module != "" {
			parts[module] += size
		}
	}
	const other = "all that is less than 20 kB"
	for name, size := range parts {
		if size < 20_000 && name != other {
			parts[other] += size
			delete(parts, name)
		}
	}
	return parts
}

// packageOf is the package in a symbol's name: up to the first dot behind the last slash that is
// not inside brackets.
func packageOf(symbol string) string {
	if at := strings.IndexAny(symbol, "[("); at >= 0 {
		symbol = symbol[:at]
	}
	slash := strings.LastIndexByte(symbol, '/') + 1
	name, _, _ := strings.Cut(symbol[slash:], ".")
	return strings.ReplaceAll(symbol[:slash]+name, "%2e", ".")
}
