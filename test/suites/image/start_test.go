package image

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

// entrypoint is what the base's /entrypoint.sh starts, 2.x and 3.x alike.
const entrypoint = "/fluent-bit/bin/fluent-bit -e /fluent-bit/firehose.so -e " +
	"/fluent-bit/cloudwatch.so -e /fluent-bit/kinesis.so -c /fluent-bit/etc/fluent-bit.conf"

// testStart starts the image as containers do, and has it deliver.
func testStart(t *testing.T, image built) {
	host, err := stack.FindFluentBit(t.Context())
	if err != nil {
		stack.Missing(t, err.Error())
	}
	abis := []string{""}
	if host.TestHost {
		abis = []string{"1.9", "4.2", "5.1"}
	}
	standIns(t, image)
	for name, command := range map[string]string{
		"entrypoint":   entrypoint,
		"bare command": "/fluent-bit/bin/fluent-bit -c /fluent-bit/etc/fluent-bit.conf",
	} {
		for _, abi := range abis {
			t.Run(strings.TrimSpace(name+" "+abi),
				func(t *testing.T) { start(t, image, host, abi, command) })
		}
	}
}

// standIns puts three Go plugins where the base has its own: not those, but as many more Go
// runtimes in the process.
func standIns(t *testing.T, image built) {
	t.Helper()
	for _, name := range []string{"firehose", "cloudwatch", "kinesis"} {
		path := filepath.Join(image.dir, "fluent-bit", name+".so")
		build := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-ldflags",
			"-s -w -X main.name="+name, "-o", path, "./testdata/standin")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
}

// start runs a command line of the image with / being the image's folder, which nothing may change:
// a root file system may be read-only. The state's volume and the logs are elsewhere, as mounts
// are.
func start(t *testing.T, image built, host stack.FluentBitHost, abi, line string) {
	const lines = 2000
	outside, err := os.MkdirTemp("", "node-") // t.TempDir is named for the test, and a comma or a space would part tail's Path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(outside) })
	s := newSink(t)
	pods, err := stack.NewPods(filepath.Join(outside, "log"), "shop", "cart-7d4b9c6f5-x2x9p",
		"checkout-5f6c8d7b9-q8k2m")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pods.Close() }()
	o, plugins := commandLine(t, image, outside, line)
	o.ABI, o.Dir = abi, filepath.Join(outside, "cwd")
	for _, dir := range []string{"state", "cwd", "tmp"} {
		if err := os.Mkdir(filepath.Join(outside, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o.Env = agentEnv(t, s)
	t.Setenv("TMPDIR", filepath.Join(outside, "tmp")) // from here on it is the agent's alone
	for name, value := range image.env {
		switch name {
		case "FLUENT_BIT_LOGS":
			value = strings.Replace(value, "/var/log", filepath.Join(outside, "log"), 1)
		case "FLUENT_BIT_STATE":
			value = filepath.Join(outside, "state")
		case "FLUENT_BIT_PLUGINS":
			value = plugins
		case "FLUENT_BIT_HTTP_PORT", "FLUENT_BIT_METRICS_PORT", "FLUENT_BIT_KUBE_URL", "FLUENT_BIT_KUBE_FILES", "FLUENT_BIT_KUBE_TTL":
			continue // agentEnv has those of here
		}
		o.Env = append(o.Env, name+"="+value)
	}

	before := snapshot(t, image.dir)
	agent, err := stack.StartFluentBit(host, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.Close() }()
	log := func() string { return strings.Join(agent.Log(), "\n") }
	if err := pods.WriteLines(lines); err != nil {
		t.Fatal(err)
	}
	s.wait(t, lines, log)
	if err := agent.Stop(45 * time.Second); err != nil {
		t.Errorf("%v\n%s", err, log())
	}
	s.check(t, lines)
	for _, name := range o.Plugins {
		if want := "loaded stand-in " +
			strings.TrimSuffix(filepath.Base(name), ".so"); !strings.Contains(log(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log())
		}
	}
	if after := snapshot(t, image.dir); !maps.Equal(before, after) {
		t.Errorf("a read-only root file system would not do: before %v, after %v", before, after)
	}
	for _, dir := range []string{"cwd", "tmp"} {
		if written := snapshot(t, filepath.Join(outside, dir)); len(written) > 0 {
			t.Errorf("files outside of the state: %v", written)
		}
	}
	if _, ok := snapshot(t, filepath.Join(outside, "state"))["tail.db"]; !ok {
		t.Errorf("no tail.db in the state: %v",
			slices.Collect(maps.Keys(snapshot(t, filepath.Join(outside, "state")))))
	}
}

// commandLine turns an image's command line into one for here, and returns a plugins file whose
// paths are those of here too.
func commandLine(t *testing.T, image built, outside, line string) (o stack.FluentBitOptions,
	plugins string) {
	t.Helper()
	words := strings.Fields(line)
	for i := 1; i+1 < len(words); i += 2 {
		file := filepath.Join(image.dir, words[i+1])
		switch words[i] {
		case "-e":
			o.Plugins = append(o.Plugins, file)
		case "-c":
			o.Config = file
		default:
			t.Fatalf("this test does not know %s of %q", words[i], line)
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	inside := filepath.Join(image.dir, image.env["FLUENT_BIT_PLUGINS"])
	plugins = filepath.Join(outside, "plugins.conf")
	text := strings.ReplaceAll(read(t, inside), " /", " "+image.dir+"/")
	if err := os.WriteFile(plugins, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return o, plugins
}

// agentEnv is what the DaemonSet gives, for a sink; ports that are free, and an API server that
// knows of no pod.
func agentEnv(t *testing.T, s *sink) []string {
	t.Helper()
	ca, err := localaws.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := stack.StartKubeAPI(ca, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	return append(cluster.Env(),
		"OPENSEARCH_ENDPOINT="+s.url, "INDEX_NAME=eks-log", "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"FLUENT_BIT_HTTP_LISTEN=127.0.0.1", "FLUENT_BIT_HTTP_PORT="+ports.For(t), "FLUENT_BIT_METRICS_PORT="+ports.For(t))
}

// snapshot is each file below a folder, with its mode and content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if files[name] = entry.Type().String(); entry.Type().IsRegular() {
			files[name] = fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, path))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
