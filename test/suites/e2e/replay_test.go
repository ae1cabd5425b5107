package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/test/fixtures/stack"
)

// replayDir is a folder that is removed when the tests are over.
var replayDir string

// replayCommand builds the command under test, once.
var replayCommand = sync.OnceValues(func() (string, error) {
	var err error
	if replayDir, err = os.MkdirTemp("", "replay-"); err != nil {
		return "", err
	}
	path := filepath.Join(replayDir, "opensearch-irsa-replay")
	command := exec.Command("go", "build", "-o", path, "./deploy/replay")
	command.Dir = moduleDir
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build deploy/replay: %w: %s", err, out)
	}
	return path, nil
})

// replayer is a person who may do what a replay needs, and nothing else.
type replayer struct {
	t              *testing.T
	target, letter string // the index of documents, and the one of dead letters
	user           string
	password       string
}

// security is held while users and roles are made: OpenSearch keeps them in one document of each
// kind.
var security sync.Mutex

func newReplayer(t *testing.T) *replayer {
	t.Helper()
	if unmet != "" {
		t.Skip(unmet)
	}
	name := fmt.Sprintf("eks-log-%s-%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")),
		serial.Add(1))
	r := &replayer{t: t, target: name, letter: name +
		"-dead-letter", user: name, password: "Replay-3-dead-letters!"}
	security.Lock()
	defer security.Unlock()
	admin(t, "PUT", "/_plugins/_security/api/roles/"+r.user, `{
		"cluster_permissions": ["indices:data/write/bulk", "indices:data/read/scroll", "indices:data/read/scroll/clear", "indices:data/read/mget"],
		"index_permissions": [
			{"index_patterns": ["`+r.target+`", "`+r.target+`-fixed"], "allowed_actions": ["indices:data/write/bulk*", "indices:data/write/index", "indices:data/read/mget*", "indices:admin/mapping/put", "indices:admin/create"]},
			{"index_patterns": ["`+r.letter+`"], "allowed_actions": ["indices:data/read/search*", "indices:data/write/bulk*", "indices:data/write/delete"]}
		]}`)
	admin(t, "PUT", "/_plugins/_security/api/internalusers/"+r.user,
		`{"password": "`+r.password+`"}`)
	admin(t, "PUT", "/_plugins/_security/api/rolesmapping/"+r.user, `{"users": ["`+r.user+`"]}`)
	admin(t, "PUT", "/"+r.target, `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"integer"}}}}`)
	return r
}

// command is the command with what it needs to reach the domain.
func (r *replayer) command(args ...string) *exec.Cmd {
	r.t.Helper()
	path, err := replayCommand()
	if err != nil {
		r.t.Fatal(err)
	}
	args = append([]string{"-o", "Endpoint=" +
		world.OpenSearch.URL, "-o", "AWS_Auth=Off", "-o", "HTTP_User=" + r.user,
		"-o", "HTTP_Passwd=" + r.password, "-o", "TLS_CA_File=" + world.CAFile}, args...)
	return exec.CommandContext(r.t.Context(), path, args...)
}

// run runs the command, and fails unless it exits with that status and says what is wanted.
func (r *replayer) run(code int, says string, args ...string) {
	r.t.Helper()
	var text bytes.Buffer
	command := r.command(args...)
	command.Stdout, command.Stderr = &text, &text
	began := time.Now()
	_ = command.Run() // the exit status says more
	r.t.Logf("%s after %s", strings.TrimSpace(text.String()),
		time.Since(began).Round(time.Millisecond))
	if command.ProcessState.ExitCode() != code ||
		!regexp.MustCompile(says).MatchString(text.String()) {
		r.t.Errorf("exit status %d, want %d; it does not say %s", command.ProcessState.ExitCode(),
			code, says)
	}
}

// record is a dead letter about line n.
func (r *replayer) record(n int) deadletter.Record {
	return deadletter.Record{
		Time: time.Unix(0, 0), Tag: "kube.shop.cart", Index: r.target,
		ID: fmt.Sprintf("AAAAAAAA%012d", n), Status: 400,
		Type: "mapper_parsing_exception", Reason: "failed to parse field [n]", Attempts: 1,
		Document: fmt.Appendf(nil, `{"@timestamp":"1970-01-01T00:00:00.000Z","log":"line %d","n":%d}`, n, n),
	}
}

// odd are dead letters that stay: refused ones, cut ones, one without a document, and what is no
// dead letter.
func (r *replayer) odd() (lines [][]byte) {
	bad, cut, raw := r.record(-1), r.record(-2), r.record(-3)
	for n := range 3 {
		bad.ID = fmt.Sprintf("AAAAAAAA-bad%08d", n)
		bad.Document = []byte(`{"n":"no number"}`)
		lines = append(lines, bad.AppendJSON(nil, 0))
	}
	cut.Document = []byte(`{"log":"` + strings.Repeat("x", 5000) + `"}`)
	raw.Document, raw.Raw = nil, []byte{0xc1}
	return append(lines, cut.AppendJSON(nil, 2000), raw.AppendJSON(nil, 0),
		[]byte(`{"log":"what is this?"}`))
}

// store stores lines as documents of an index of dead letters with the shipped template's mapping.
func (r *replayer) store(index string, lines [][]byte) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleDir, "deploy", "opensearch",
		"dead-letter-template.json"))
	if err != nil {
		r.t.Fatal(err)
	}
	var template struct {
		Template struct{ Mappings json.RawMessage }
	}
	if err := json.Unmarshal(text, &template); err != nil {
		r.t.Fatal(err)
	}
	admin(r.t, "PUT", "/"+index, `{"settings":{"number_of_replicas":0,"number_of_shards":2},"mappings":`+string(template.Template.Mappings)+`}`)
	var body bytes.Buffer
	for n, line := range lines {
		fmt.Fprintf(&body, `{"create":{"_index":"%s","_id":"%d"}}`+"\n%s\n", index, n, line)
	}
	status, answer, err := world.OpenSearch.Do(r.t.Context(), "POST",
		"/_bulk?refresh=true&filter_path=errors", body.String())
	if err != nil || status != 200 || string(answer) != `{"errors":false}` {
		r.t.Fatalf("cannot plant dead letters: %d %s, %v", status, answer, err)
	}
}

// check wants lines 0 to n in the target, each once and whole.
func (r *replayer) check(n int) {
	r.t.Helper()
	if err := world.OpenSearch.Refresh(r.t.Context(), r.target); err != nil {
		r.t.Fatal(err)
	}
	seen := map[int]int{}
	for _, d := range documents(r.t, r.target) {
		number, err := strconv.Atoi(strings.TrimPrefix(d.Source.Log, "line "))
		if err != nil {
			r.t.Errorf("a document of log %q", d.Source.Log)
		}
		seen[number]++
	}
	wrong := 0
	for line := range n {
		if seen[line] != 1 {
			wrong++
		}
	}
	if wrong > 0 || len(seen) != n {
		r.t.Errorf("%d lines stored, want %d; %d of them not once", len(seen), n, wrong)
	}
}

// lines are dead letters about lines 0 to n.
func (r *replayer) lines(n int) (all [][]byte) {
	for line := range n {
		record := r.record(line)
		all = append(all, record.AppendJSON(nil, 0))
	}
	return all
}

const replayed = 10_000

// TestReplayIndex plants dead letters in an index, ends a replay of them by kill -9 in its middle,
// and wants a second one to end it: each document there once, and no dead letter left but those
// that cannot go in.
func TestReplayIndex(t *testing.T) {
	t.Parallel()
	r := newReplayer(t)
	r.store(r.letter, append(r.lines(replayed), r.odd()...))
	r.run(1, `10003 would be sent; 1 damaged, 1 truncated, 1 without a document would stay`,
		"-dry-run", "-index", r.letter)
	r.check(0)
	r.killAfter(func() bool { return count(t, r.target) > 0 }, "-index", r.letter)
	if stored := count(t, r.target); stored == replayed {
		t.Error("all was stored before the kill")
	}
	r.run(1, `\d+ replayed, \d+ existed, 3 refused again, 1 damaged, 1 truncated, 1 without a document; 6 stay in the index`, "-index", r.letter)
	r.check(replayed)
	if letters := count(t, r.letter); letters != 6 {
		t.Errorf("%d dead letters stay, want 6", letters)
	}
	// Where the field is a text, those that were refused go in.
	admin(t, "PUT", "/"+r.target+"-fixed",
		`{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"keyword"}}}}`)
	admin(t, "POST", "/"+r.letter+"/_refresh", "")
	r.run(1, `3 replayed, 0 existed, 0 refused again, .* 3 stay in the index`, "-to",
		r.target+"-fixed", "-index", r.letter)
}

// TestReplayFile is the same for a file with rotated ones, to which a plugin goes on writing.
func TestReplayFile(t *testing.T) {
	t.Parallel()
	r := newReplayer(t)
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	all := r.lines(replayed)
	for name, lines := range map[string][][]byte{path + ".2": all[:4000], path +
		".1": all[4000:8000], path: append(all[8000:], r.odd()...)} {
		if err := os.WriteFile(name, append(bytes.Join(lines, []byte{'\n'}), '\n'),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.killAfter(func() bool { return count(t, r.target) > 0 }, path)
	plugin, err := deadletter.OpenFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plugin.Close() }()
	if err := plugin.Write(t.Context(), []deadletter.Record{r.record(replayed)}); err != nil {
		t.Fatal(err)
	}
	r.run(1, `\d+ replayed, \d+ existed, 3 refused again, 1 damaged, 1 truncated, 1 without a document; 6 stay in `+path+`.replay`, path)
	r.check(replayed + 1)
	r.run(1, `0 replayed, 0 existed, 3 refused again`, path)
	r.check(replayed + 1)
}

// killAfter kills the command once something is so.
func (r *replayer) killAfter(so func() bool, args ...string) {
	r.t.Helper()
	command := r.command(args...)
	if err := command.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(stack.Patience); !so() && time.Now().Before(end); {
		continue
	}
	_ = command.Process.Kill() // it may have ended
	_ = command.Wait()
	r.t.Logf("killed with %d documents stored", count(r.t, r.target))
}

// TestReplayDataStream replays from one data stream to another.
func TestReplayDataStream(t *testing.T) {
	t.Parallel()
	r := newReplayer(t)
	admin(t, "DELETE", "/"+r.target, "")
	admin(t, "PUT", "/_index_template/"+r.target,
		`{"index_patterns":["`+r.target+`*"],"priority":900,"data_stream":{},"template":{"settings":{"number_of_replicas":0}}}`)
	r.run(2, "no such index", "-index", r.letter)
	admin(t, "PUT", "/_data_stream/"+r.letter, "")
	var body strings.Builder
	for n, line := range r.lines(100) {
		fmt.Fprintf(&body, `{"create":{"_id":"%d"}}`+"\n%s\n", n, line)
	}
	admin(t, "POST", "/"+r.letter+"/_bulk?refresh=true", body.String())
	security.Lock()
	admin(t, "PUT", "/_plugins/_security/api/roles/"+r.user, `{
		"cluster_permissions": ["indices:data/write/bulk", "indices:data/read/scroll", "indices:data/read/scroll/clear"],
		"index_permissions": [
			{"index_patterns": ["`+r.target+`", ".ds-`+r.target+`-*"], "allowed_actions": ["indices:data/write/bulk*", "indices:data/write/index", "indices:admin/*", "indices:data/read/search*", "indices:data/write/delete"]},
			{"index_patterns": ["`+r.letter+`"], "allowed_actions": ["indices:data/read/search*"]}
		]}`)
	security.Unlock()
	r.run(0, `100 replayed, 0 existed`, "-index", r.letter)
	r.check(100)
	if letters := count(t, r.letter); letters != 0 {
		t.Errorf("%d dead letters stay", letters)
	}
}
