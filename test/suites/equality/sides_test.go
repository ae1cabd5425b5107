package equality

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

// The sides, as the first part of their rooms.
const (
	builtIn = "builtin"
	plugin  = "plugin" // ours in a Fluent Bit
	direct  = "direct" // ours without
)

// deadLetters is the file for what is not stored of a room. An index would take longer; other tests
// have one.
func deadLetters(room string) string { return filepath.Join(scratch, room+".dead") }

// deliverDirectly puts the corpus through internal/deliver, once for each section.
func deliverDirectly(t *testing.T, entries []entry) {
	t.Helper()
	t.Run("deliver", func(t *testing.T) { // returns when all of its parallel tests have
		for i := range matrix {
			s := &matrix[i]
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				out, log := deliverer(t, append(s.lines(),
					append(s.ours, "Path /"+s.room(direct),
						"Dead_Letter_Path "+deadLetters(s.room(direct)))...)...)
				defer out.Close()
				chunks(entries, false, func(tag string, records []byte) {
					if !out.Flush(tag, records) {
						t.Errorf("the records of tag %s are not settled\n%s", tag,
							strings.Join(log.lines, "\n"))
					}
				})
			})
		}
	})
}

// logged keeps what an instance logs. It is used by one goroutine.
type logged struct{ lines []string }

// deliverer makes an instance that sends to the front door; options are "Name value".
func deliverer(t *testing.T, options ...string) (*deliver.Deliverer, *logged) {
	t.Helper()
	given := map[string]string{"endpoint": front.URL, "aws_auth": "Off"}
	for _, o := range options {
		name, value, _ := strings.Cut(o, " ")
		given[strings.ToLower(name)] = value
	}
	cfg, err := config.Load(func(name string) string { return given[strings.ToLower(name)] },
		func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	out, err := deliver.New(cfg, logging.New(func(level logging.Level, line string) {
		log.lines = append(log.lines, level.String()+" "+line)
	}, logging.Info, "test"))
	if err != nil {
		t.Fatal(err)
	}
	return out, log
}

// runFluentBit puts the corpus through a Fluent Bit with an output for each section and side.
func runFluentBit(t *testing.T, entries []entry, sides ...string) {
	t.Helper()
	so, err := filepath.Abs(os.Getenv("PLUGIN_SO"))
	if err == nil {
		_, err = os.Stat(so)
	}
	if err != nil {
		t.Fatalf("PLUGIN_SO does not name what make build puts there: %v", err)
	}
	port := ports.For(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "fluent-bit.conf")
	if err := os.WriteFile(path, []byte(configuration(port, sides)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := stack.StartFluentBit(agent,
		stack.FluentBitOptions{Config: path, Plugins: []string{so}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = f.Close()
		if t.Failed() {
			lines := f.Log()
			t.Logf("Fluent Bit's last lines:\n%s",
				strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	}()
	chunks(entries, true, func(tag string,
		records []byte) {
		forward(t, "127.0.0.1:"+port, tag, records)
	})
	if err := f.Stop(250 * time.Second); err != nil {
		t.Fatal(err)
	}
	// 1.9 frees once for each instance of a Go plugin what they share, and does not survive its end
	// with two of them.
	if status := f.ExitStatus(); status != 0 && !strings.Contains(agent.Version, "v1.9.") {
		t.Errorf("Fluent Bit ended with status %d", status)
	}
}

// configuration is the same section for both sides but for the name, and for where the server is,
// which Fluent Bit keeps from plugins.
func configuration(port string, sides []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[SERVICE]\n    Flush 1\n    Grace 240\n    Log_Level info\n\n[INPUT]\n    "+
		"Name forward\n    Listen 127.0.0.1\n    Port %s\n", port)
	host, to, _ := strings.Cut(strings.TrimPrefix(front.URL, "http://"), ":")
	for _, side := range sides {
		for i := range matrix {
			s := &matrix[i]
			head := []string{"Name opensearch", "Host " + host, "Port " + to}
			if side == plugin {
				head = append([]string{"Name opensearch_irsa", "Endpoint " +
					front.URL, "AWS_Auth Off", "Dead_Letter_Path " +
					deadLetters(s.room(side)), "Request_Timeout 2m", "Workers 1"}, s.ours...)
			}
			fmt.Fprintf(&b, "\n[OUTPUT]\n    %s\n",
				strings.Join(append(append(head, "Match *", "Retry_Limit no_retries",
					"Path /"+s.room(side)), s.lines()...), "\n    "))
		}
	}
	return b.String()
}

// seed puts a document there for each record with an id, in the sections that change documents.
func seed(t *testing.T, entries []entry, side string) {
	t.Helper()
	var b strings.Builder
	for i := range matrix {
		s := &matrix[i]
		if !s.seeded {
			continue
		}
		for _, e := range entries {
			if e.id == "" || strings.HasPrefix(e.name, "key ") {
				continue // these are not there before
			}
			fmt.Fprintf(&b, "{\"index\":{\"_index\":%q,\"_id\":%s}}\n{\"record\":%s,\"seeded\":{\"a\":1}}\n", s.room(side)+"--fluent-bit", marshal(e.id), marshal(e.name))
		}
	}
	ask(t, "POST", "/_bulk", b.String())
}
