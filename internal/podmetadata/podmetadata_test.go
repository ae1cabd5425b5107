package podmetadata

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cluster is an API server as far as lists and watches go: each watch gets what is sent after it
// began.
type cluster struct {
	mu      sync.Mutex
	lists   map[string]string        // by path
	watches map[string][]chan string // by path
	refused int                      // how many requests to refuse first
	asked   []string
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asked = append(c.asked, r.Header.Get("Authorization")+" "+r.URL.RequestURI())
	if c.refused > 0 {
		c.refused--
		c.mu.Unlock()
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	if r.URL.Query().Get("watch") == "" {
		_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"7"},"items":[%s]}`,
			c.lists[r.URL.Path])
		c.mu.Unlock()
		return
	}
	events := make(chan string, 10)
	c.watches[r.URL.Path] = append(c.watches[r.URL.Path], events)
	c.mu.Unlock()
	w.(http.Flusher).Flush()
	for {
		select {
		case event, more := <-events:
			if !more {
				return
			}
			_, _ = fmt.Fprintln(w, event)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// send waits until somebody watches.
func (c *cluster) send(t *testing.T, path, kind, object string) {
	t.Helper()
	await(t, "a watch of "+path, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		all := c.watches[path]
		if len(all) == 0 {
			return false
		}
		all[len(all)-1] <- fmt.Sprintf(`{"type":%q,"object":%s}`, kind, object)
		return true
	})
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("there is no %s", what)
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// start runs the command against a cluster, and returns what tells a file's content.
func start(t *testing.T, c *cluster, dir string) func(name string) string {
	t.Helper()
	links := t.TempDir()
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	files, logs := t.TempDir(), t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, text := range map[string][]byte{"ca.crt": ca, "token": []byte("secret\n")} {
		if err := os.WriteFile(filepath.Join(files, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		env := map[string]string{"KUBERNETES_SERVICE_HOST": at.Hostname(),
			"KUBERNETES_SERVICE_PORT": at.Port()}
		ended <- Run(ctx, []string{"-node", "node-1", "-dir", dir, "-links", links, "-logs", logs,
			"-files", files}, t.Output(), func(name string) string { return env[name] })
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("it ended with %d", code)
		}
	})
	return func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		return string(text)
	}
}

const (
	namespacesPath = "/api/v1/namespaces"
	podsPath       = "/api/v1/pods"
)

func newCluster() *cluster {
	return &cluster{watches: map[string][]chan string{}, lists: map[string]string{
		namespacesPath: namespaceOf("shop", ""),
		podsPath: `{"metadata":{"name":"cart","namespace":"shop","uid":"u1","resourceVersion":"3","labels":{"app":"cart"},"managedFields":[{"manager":"kubelet"}]},
"spec":{"nodeName":"node-1","containers":[{"name":"app"}]},"status":{"podIP":"10.0.0.7","conditions":[],"containerStatuses":[{"name":"app","image":"cart:1","imageID":"cart@sha256:0","ready":true}]}}`,
	}}
}

func namespaceOf(name, annotations string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"resourceVersion":"4","annotations":{%s}}}`, name,
		annotations)
}

func podText(namespace, name, annotations string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":%q,"uid":"u2","resourceVersion":"9","annotations":{%s}},"spec":{"nodeName":"node-1"},"status":{}}`, name, namespace, annotations)
}

const optedOut = `"fluentbit.io/exclude":"true"`

// TestFiles has what is listed and what changes in files, as the filter reads them.
func TestFiles(t *testing.T) {
	c, dir := newCluster(), t.TempDir()
	text := start(t, c, dir)
	await(t, "file ready", func() bool { return exists(dir, readyName) })
	want := `{"metadata":{"name":"cart","namespace":"shop","uid":"u1","labels":{"app":"cart"}},"spec":{"nodeName":"node-1"},` +
		`"status":{"podIP":"10.0.0.7","containerStatuses":[{"name":"app","image":"cart:1","imageID":"cart@sha256:0"}]}}`
	if got := text("shop_cart.meta"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, asked := range c.asked {
		if !strings.HasPrefix(asked, "Bearer secret /api/v1/") {
			t.Errorf("asked %q", asked)
		}
		if strings.Contains(asked, podsPath) &&
			!strings.Contains(asked, url.QueryEscape("spec.nodeName=node-1")) {
			t.Errorf("asked for the pods of other nodes: %q", asked)
		}
	}
	c.send(t, podsPath, "ADDED", podText("shop", "loud", optedOut))
	await(t, "annotation", func() bool {
		return strings.Contains(text("shop_loud.meta"),
			optedOut)
	})
	c.send(t, podsPath, "MODIFIED", podText("shop", "loud", ""))
	await(t, "file without the annotation", func() bool {
		return text("shop_loud.meta") != "" && !strings.Contains(text("shop_loud.meta"), optedOut)
	})
	c.send(t, podsPath, "BOOKMARK", `{"metadata":{"resourceVersion":"12"}}`)
	c.send(t, podsPath, "DELETED", podText("shop", "loud", ""))
	c.send(t, podsPath, "ADDED", podText("shop", "next", ""))
	await(t, "next pod", func() bool { return text("shop_next.meta") != "" })
	if text("shop_loud.meta") == "" {
		t.Error("the file of a pod is gone with the pod: its last lines are not read yet")
	}
}

// TestNamespace has a namespace opt out: before a pod, later, and again not.
func TestNamespace(t *testing.T) {
	c, dir := newCluster(), t.TempDir()
	c.lists[namespacesPath] += "," + namespaceOf("private", optedOut)
	c.lists[podsPath] += "," + podText("private", "web", `"a":"b"`)
	text := start(t, c, dir)
	await(t, "file ready", func() bool { return exists(dir, readyName) })
	if got := text("private_web.meta"); !strings.Contains(got, optedOut) ||
		!strings.Contains(got, `"a":"b"`) {
		t.Errorf("got %s", got)
	}
	if got := text("private.namespace_meta"); !strings.Contains(got, optedOut) {
		t.Errorf("got %s", got)
	}
	c.send(t, namespacesPath, "MODIFIED", namespaceOf("private", ""))
	await(t, "pod that is in again",
		func() bool { return !strings.Contains(text("private_web.meta"), optedOut) })
	c.send(t, namespacesPath, "MODIFIED", namespaceOf("shop", optedOut))
	await(t, "pod that is out", func() bool {
		return strings.Contains(text("shop_cart.meta"),
			optedOut)
	})
	// A pod of a namespace that is not known yet waits for it.
	c.send(t, podsPath, "ADDED", podText("new", "first", ""))
	c.send(t, podsPath, "ADDED", podText("shop", "second", ""))
	await(t, "second pod", func() bool { return text("shop_second.meta") != "" })
	if got := text("new_first.meta"); got != "" {
		t.Errorf("before its namespace was known: %s", got)
	}
	c.send(t, namespacesPath, "ADDED", namespaceOf("new", optedOut))
	await(t, "first pod", func() bool { return strings.Contains(text("new_first.meta"), optedOut) })
}

// TestAway has the API server refuse, end a watch, and say that a version is too old: all is listed
// again.
func TestAway(t *testing.T) {
	c, dir := newCluster(), t.TempDir()
	c.refused = 1
	text := start(t, c, dir)
	await(t, "file ready", func() bool { return exists(dir, readyName) })
	c.mu.Lock()
	c.lists[podsPath] = podText("shop", "other", "")
	c.mu.Unlock()
	c.send(t, podsPath, "ERROR", `{"code":410,"reason":"Expired"}`)
	await(t, "pod of the second list", func() bool { return text("shop_other.meta") != "" })
}

// TestReady has the agent wait where nothing is known, and not where an earlier run left files.
func TestReady(t *testing.T) {
	for name, files := range map[string][]string{"no files": nil, "files": {"shop_cart.meta"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range append(files, readyName) {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			links, logs := t.TempDir(), t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				k, err := newKeeper(dir, links, logs, log.New(t.Output(), "", 0))
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					k.run(ctx, &api{files: dir, log: k.log}, "node-1") // there is no token
					close(ended)
				}()
				is := func() bool {
					return Run(ctx, []string{"-ready", "-dir", dir}, t.Output(),
						os.Getenv) == 0
				}
				time.Sleep(patience - time.Second)
				if is() {
					t.Errorf("ready before %s", patience)
				}
				time.Sleep(time.Hour)
				if is() != (len(files) > 0) {
					t.Errorf("ready after an hour: %v", is())
				}
				stop()
				<-ended
			})
		})
	}
}

// TestCompare has logs of pods that are known, that the cluster knows nothing of, and of which
// nobody can tell.
func TestCompare(t *testing.T) {
	dir, links, logs := t.TempDir(), t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k, err := newKeeper(dir, links, logs, log.New(t.Output(), "", 0))
		if err != nil {
			t.Fatal(err)
		}
		var o object
		o.Metadata.Name = "shop"
		k.replaceNamespaces([]object{o})
		o.Metadata.Name, o.Metadata.Namespace = "known", "shop"
		k.replacePods([]object{o})
		for _, name := range []string{"shop_gone.meta", "left.namespace_meta"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		log := func(pod string) string {
			return pod + "_shop_app-" + strings.Repeat("0", 64) +
				".log"
		}
		for _, pod := range []string{"known", "new", "other"} {
			if err := os.Symlink("/var/log/pods/shop_"+pod+"_1/app/0.log",
				filepath.Join(logs, log(pod))); err != nil {
				t.Fatal(err)
			}
		}
		asked, away := 0, errors.New("no answer")
		ask := func(_ context.Context, namespace, name string) (object, error) {
			asked++
			switch {
			case away != nil:
				return object{}, away
			case namespace == "shop" && name == "new":
				var o object
				o.Metadata.Name, o.Metadata.Namespace, o.Metadata.UID = name, namespace, "u3"
				return o, nil
			}
			return object{}, fs.ErrNotExist
		}
		k.compare(t.Context(), ask)
		if target, err := os.Readlink(filepath.Join(links, log("known"))); err != nil ||
			target != "/var/log/pods/shop_known_1/app/0.log" {
			t.Errorf("the log of a known pod: %q: %v", target, err)
		}
		k.compare(t.Context(), ask)
		if exists(links, log("new")) || exists(links, log("other")) || asked != 1 {
			t.Errorf("nobody answers, and after %d questions there are links", asked)
		}
		away = nil
		time.Sleep(askPause)
		k.compare(t.Context(), ask)
		if !exists(links, log("new")) || !exists(links, log("other")) {
			t.Error("the cluster answers, and logs wait")
		}
		var got object
		if text, err := os.ReadFile(filepath.Join(dir, "shop_other.meta")); err != nil ||
			json.Unmarshal(text, &got) != nil || got.Metadata.Labels[missing] != "missing" ||
			got.Metadata.Name != "other" {
			t.Errorf("of a pod that the cluster does not know: %s: %v", text, err)
		}
		if text, _ := os.ReadFile(filepath.Join(dir,
			"shop_new.meta")); !strings.Contains(string(text), "u3") {
			t.Errorf("of a pod that was asked for: %s", text)
		}
		if err := os.Remove(filepath.Join(logs, log("other"))); err != nil {
			t.Fatal(err)
		}
		k.compare(t.Context(), ask)
		if exists(links, log("other")) || !exists(links, log("new")) {
			t.Error("the links are not those of the logs")
		}
		if !exists(dir, "shop_gone.meta") || !exists(dir, "left.namespace_meta") ||
			!exists(dir, "shop_other.meta") {
			t.Error("a file is gone too soon")
		}
		time.Sleep(goneTime)
		k.compare(t.Context(), ask)
		if exists(dir, "shop_gone.meta") || exists(dir, "left.namespace_meta") ||
			exists(dir, "shop_other.meta") || !exists(dir, "shop_known.meta") ||
			!exists(dir, "shop_new.meta") {
			t.Error("the files of what is gone stay, or another is gone")
		}
	})
}

// TestArguments has the command say what is wrong with how it is called.
// TestCompareWithoutNamespace has the API server know a pod and tell of no namespace: it is not asked
// again each second.
func TestCompareWithoutNamespace(t *testing.T) {
	dir, links, logs := t.TempDir(), t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		k, err := newKeeper(dir, links, logs, log.New(&said, "", 0))
		if err != nil {
			t.Fatal(err)
		}
		name := "new_shop_app-" + strings.Repeat("0", 64) + ".log"
		if err := os.Symlink("/var/log/pods/shop_new_1/app/0.log",
			filepath.Join(logs, name)); err != nil {
			t.Fatal(err)
		}
		asked := 0
		ask := func(_ context.Context, namespace, name string) (object, error) {
			asked++
			var o object
			o.Metadata.Name, o.Metadata.Namespace = name, namespace
			return o, nil
		}
		for range 10 {
			k.compare(t.Context(), ask)
			time.Sleep(every)
		}
		if asked != 2 || strings.Count(said.String(), "waits") != 1 || exists(links, name) {
			t.Errorf("asked %d times in ten seconds, and said %q", asked, said.String())
		}
		var o object
		o.Metadata.Name = "shop"
		k.replaceNamespaces([]object{o})
		k.compare(t.Context(), ask)
		if !exists(links, name) {
			t.Error("the namespace is known, and the log waits")
		}
	})
}

func TestArguments(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{{}, {"-node", "n", "more"}, {"-nod", "n"}, {"-node", "n"}} {
		var said strings.Builder
		if code := Run(t.Context(), args, &said, none); code != 2 || said.Len() == 0 {
			t.Errorf("%q: %d, %q", args, code, said.String())
		}
	}
}
