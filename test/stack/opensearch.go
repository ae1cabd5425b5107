// Package stack starts the real things that the plugin works with, on loopback: an OpenSearch with
// its security plugin, a Fluent Bit or the test host that stands in for it, and, composed, all that
// a pod on EKS has around it: issuer, STS, the domain's front door and the environment that IRSA
// injects. Its input is options; its output is handles with URLs and a Close that leaves no process
// and no file behind. It does not know of package testing, since the demonstration uses it as the
// tests do.
package stack

import (
	"context"
	"crypto/rand"
	_ "embed" // java-home.sh
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"out_opensearch_irsa/test/localaws"
	"out_opensearch_irsa/test/ports"
)

// unprivileged is nobody on Linux: OpenSearch refuses to run as root, so root's tests run it as this user.
const unprivileged = 65534

// OpenSearchOptions describes a node. Home and CA are required.
type OpenSearchOptions struct {
	Home           string            // where install-opensearch.sh put the distribution
	CA             *localaws.CA      // signs the node's certificates
	Heap           string            // JVM heap, as -Xmx takes it; "" means 1g
	Optimize       bool              // let the JVM compile for speed, as a benchmark wants; else it starts with half the CPU time
	WriterRoleARNs []string          // IAM roles mapped to the security role WriterRole; none means nobody may write
	IndexPatterns  []string          // the indices that WriterRole reaches; nil means eks-log*
	Settings       map[string]string // more lines of opensearch.yml, or other values for ours
	Log            io.Writer         // gets the server's log; nil means nobody does
}

// OpenSearch is a node that runs, or that was killed and can be started again.
type OpenSearch struct {
	URL      string // https://127.0.0.1:PORT
	Username string // the admin
	Password string

	options OpenSearchOptions
	dir     string // configuration, data, temporary files
	java    string
	process *process
	client  adminClient
}

// StartOpenSearch starts a node with empty data on free ports and returns once it is ready and its security is initialised. The
// context bounds the start only.
func StartOpenSearch(ctx context.Context, o OpenSearchOptions) (*OpenSearch, error) {
	if o.Heap == "" {
		o.Heap = "1g"
	}
	if o.IndexPatterns == nil {
		o.IndexPatterns = []string{"eks-log*"}
	}
	if o.WriterRoleARNs == nil {
		o.WriterRoleARNs = []string{}
	}
	home, err := filepath.Abs(o.Home)
	if err != nil {
		return nil, fmt.Errorf("cannot find the OpenSearch distribution %q: %w", o.Home, err)
	}
	o.Home = home
	java, err := javaFor(ctx, o.Home)
	if err != nil {
		return nil, err
	}
	// Between our choice of a port and the server's use of it, somebody else may take it.
	for attempt := 1; ; attempt++ {
		s, err := startNode(ctx, o, java)
		if err == nil || attempt == 3 || !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
}

var errPortTaken = errors.New("a port was taken meanwhile")

func startNode(ctx context.Context, o OpenSearchOptions, java string) (*OpenSearch, error) {
	dir, err := os.MkdirTemp("", "opensearch-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory for OpenSearch: %w", err)
	}
	s := &OpenSearch{Username: adminUser, Password: rand.Text(), options: o, dir: dir, java: java}
	port, err := ports.Free()
	transport, terr := ports.Free()
	if err = errors.Join(err, terr); err == nil {
		s.URL = "https://127.0.0.1:" + port
		s.client = newAdminClient(s.URL, s.Username, s.Password, o.CA)
		err = s.prepare(port, transport)
	}
	if err == nil {
		err = s.Restart(ctx)
	}
	if err != nil {
		if s.process != nil && strings.Contains(s.process.tail(linesKept), "Address already in use") {
			err = fmt.Errorf("%w: %w", errPortTaken, err)
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare writes all files that the server needs, and gives them to the user it will run as.
func (s *OpenSearch) prepare(port, transport string) error {
	if err := writeOpenSearchConfig(filepath.Join(s.dir, "config"), s.options, s.Password, port, transport); err != nil {
		return err
	}
	for _, name := range []string{"data", "logs", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			return fmt.Errorf("cannot make a directory for OpenSearch: %w", err)
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	for place := s.options.Home; place != "/"; place = filepath.Dir(place) {
		info, err := os.Stat(place)
		if err != nil {
			return fmt.Errorf("cannot find the OpenSearch distribution: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("cannot run OpenSearch as user %d (it refuses to run as root), who may not enter %q: "+
				"put the distribution elsewhere, or do not run as root", unprivileged, place)
		}
	}
	return filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, unprivileged, unprivileged)
	})
}

// Restart starts the server again after Kill, with the same ports and data, and returns once it is ready.
func (s *OpenSearch) Restart(ctx context.Context) error {
	if s.process != nil && !s.process.exited() {
		return fmt.Errorf("cannot restart OpenSearch: it runs")
	}
	command := exec.Command(filepath.Join(s.options.Home, "bin", "opensearch"))
	command.Dir = s.dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "OPENSEARCH_JAVA_HOME=" + s.java,
		"OPENSEARCH_PATH_CONF=" + filepath.Join(s.dir, "config"), "OPENSEARCH_TMPDIR=" + filepath.Join(s.dir, "tmp"),
	}
	if os.Geteuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	}
	started, err := startProcess(command, s.options.Log)
	if err != nil {
		return err
	}
	s.process = started
	if err := s.waitReady(ctx); err != nil {
		return fmt.Errorf("%w; its last lines:\n%s", err, started.tail(20))
	}
	return nil
}

// waitReady polls until the security plugin knows the admin and the cluster has its shards.
func (s *OpenSearch) waitReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot wait any longer for OpenSearch on %s: %w", s.URL, ctx.Err())
		case <-s.process.done:
			return fmt.Errorf("cannot start OpenSearch: it ended with status %d", s.process.exitCode())
		case <-tick.C:
			status, _, err := s.Do(ctx, "GET", "/_cluster/health?wait_for_status=yellow&timeout=1s", "")
			if err == nil && status == 200 {
				return nil
			}
		}
	}
}

// Pid returns the server's process id, for what /proc tells of it.
func (s *OpenSearch) Pid() int { return s.process.command.Process.Pid }

// Kill ends the server as a crash does. Its data stay.
func (s *OpenSearch) Kill() {
	if s.process != nil {
		s.process.kill()
	}
	s.client.forget()
}

// Close kills the server and removes its data.
func (s *OpenSearch) Close() error {
	s.Kill()
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("cannot remove OpenSearch's data: %w", err)
	}
	return nil
}

//go:embed java-home.sh
var javaHomeScript string

// javaFor finds a Java that is new enough for the distribution.
func javaFor(ctx context.Context, home string) (string, error) {
	jars, err := filepath.Glob(filepath.Join(home, "lib", "opensearch-[0-9]*.jar"))
	if err != nil || len(jars) != 1 {
		return "", fmt.Errorf("cannot find an OpenSearch distribution in %q: put it there with test/stack/install-opensearch.sh", home)
	}
	least := "21"
	if name := filepath.Base(jars[0]); strings.HasPrefix(name, "opensearch-1.") || strings.HasPrefix(name, "opensearch-2.") {
		least = "17"
	}
	find := exec.CommandContext(ctx, "sh", "-s", least)
	find.Stdin = strings.NewReader(javaHomeScript)
	output, err := find.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot find a Java for OpenSearch: %s", strings.TrimSpace(string(output)))
	}
	return strings.TrimSpace(string(output)), nil
}
