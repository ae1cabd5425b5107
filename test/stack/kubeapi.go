package stack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"out_opensearch_irsa/test/localaws"
)

// KubeAPI is as much of a cluster's API server as Fluent Bit's kubernetes filter asks for: GET of a pod and of a namespace, over TLS,
// for whoever shows the service account's token and has a right to it.
type KubeAPI struct {
	Server *localaws.Server
	Files  string // a folder with ca.crt and token, as a pod has it in /var/run/secrets/kubernetes.io/serviceaccount

	mu      sync.Mutex
	token   string                     // guarded by mu
	rules   []Rule                     // guarded by mu
	objects map[string]json.RawMessage // guarded by mu; by path
	asked   map[string]int             // guarded by mu; by path: how often that was answered with 200
	refused []string                   // guarded by mu; what was answered with 401 or 403
}

// Rule is what a ClusterRole allows, of the core API group.
type Rule struct {
	Verbs, Resources []string
}

// Pod is what the API server says of a pod, as far as it is of interest.
type Pod struct {
	Namespace, Name     string
	Node                string
	Labels, Annotations map[string]string
	Containers          map[string]string // image by name
}

// StartKubeAPI starts a server that knows nothing yet; dir gets its Files. The rules are those of the agent's service account.
func StartKubeAPI(ca *localaws.CA, dir string, rules ...Rule) (*KubeAPI, error) {
	k := &KubeAPI{Files: dir, token: rand.Text(), rules: rules, objects: map[string]json.RawMessage{}, asked: map[string]int{}}
	for name, content := range map[string][]byte{"ca.crt": ca.PEM(), "token": []byte(k.token)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("cannot write the service account's files: %w", err)
		}
	}
	certificates, err := ca.ServerTLS()
	if err != nil {
		return nil, err
	}
	k.Server, err = localaws.Serve(k, certificates)
	return k, err
}

// Env is what the image's environment says otherwise in a cluster.
func (k *KubeAPI) Env() []string {
	return []string{"FLUENT_BIT_KUBE_URL=" + k.Server.URL(), "FLUENT_BIT_KUBE_FILES=" + k.Files, "FLUENT_BIT_KUBE_TTL=0"}
}

// PutPod makes a pod known, or another one of the same name.
func (k *KubeAPI) PutPod(p Pod) error {
	type object = map[string]any
	meta := object{"name": p.Name, "namespace": p.Namespace, "uid": "8d1f0c5e-5b1c-4d5a-9f3e-000000000001"}
	if len(p.Labels) > 0 {
		meta["labels"] = p.Labels
	}
	if len(p.Annotations) > 0 {
		meta["annotations"] = p.Annotations
	}
	var containers, statuses []object
	for name, image := range p.Containers {
		containers = append(containers, object{"name": name, "image": image})
		statuses = append(statuses, object{"name": name, "image": image, "imageID": image + "@sha256:" + strings.Repeat("0", 64), "containerID": "containerd://" + strings.Repeat("0", 64)})
	}
	return k.put("/api/v1/namespaces/"+p.Namespace+"/pods/"+p.Name, object{
		"kind": "Pod", "apiVersion": "v1",
		"metadata": meta,
		"spec":     object{"nodeName": p.Node, "containers": containers},
		"status":   object{"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": statuses},
	})
}

// PutPods makes pods known that NewPods makes logs for.
func (k *KubeAPI) PutPods(namespace string, names ...string) error {
	for _, name := range names {
		app, _, _ := strings.Cut(name, "-")
		if err := k.PutPod(Pod{
			Namespace: namespace, Name: name, Node: "ip-10-0-0-1.eu-central-1.compute.internal",
			Labels:     map[string]string{"app": app, "app.kubernetes.io/name": app},
			Containers: map[string]string{"app": "registry.example.com/" + app + ":1.0.0"},
		}); err != nil {
			return err
		}
	}
	return k.PutNamespace(namespace, nil)
}

// PutNamespace makes a namespace known. The API server labels each with its name.
func (k *KubeAPI) PutNamespace(name string, annotations map[string]string) error {
	meta := map[string]any{"name": name, "labels": map[string]string{"kubernetes.io/metadata.name": name}}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
	return k.put("/api/v1/namespaces/"+name, map[string]any{
		"kind": "Namespace", "apiVersion": "v1", "metadata": meta,
		"status": map[string]any{"phase": "Active"},
	})
}

func (k *KubeAPI) put(path string, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("cannot write the object %q: %w", path, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[path] = text
	return nil
}

// Asked returns how often each path was asked for and answered with 200.
func (k *KubeAPI) Asked() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := map[string]int{}
	for path, n := range k.asked {
		asked[path] = n
	}
	return asked
}

// Refused returns each request that had no right to its answer.
func (k *KubeAPI) Refused() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.refused...)
}

// ServeHTTP answers as the API server does.
func (k *KubeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	status, answer := k.answer(r)
	if status == http.StatusOK {
		k.asked[r.URL.Path]++
	} else {
		answer, _ = json.Marshal(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}) // of strings and a number
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		k.refused = append(k.refused, fmt.Sprintf("%d %s %s", status, r.Method, r.URL.Path))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // whoever asked may be gone
}

func (k *KubeAPI) answer(r *http.Request) (int, []byte) {
	if r.Header.Get("Authorization") != "Bearer "+k.token {
		return http.StatusUnauthorized, nil
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Method != http.MethodGet || len(parts) < 4 || parts[0] != "api" || parts[1] != "v1" || parts[2] != "namespaces" {
		return http.StatusForbidden, nil
	}
	resource := "namespaces"
	if len(parts) > 4 {
		resource = parts[4]
	}
	if !k.allows("get", resource) {
		return http.StatusForbidden, nil
	}
	if object, known := k.objects[r.URL.Path]; known {
		return http.StatusOK, object
	}
	return http.StatusNotFound, nil
}

func (k *KubeAPI) allows(verb, resource string) bool {
	for _, rule := range k.rules {
		for _, v := range rule.Verbs {
			for _, r := range rule.Resources {
				if v == verb && r == resource {
					return true
				}
			}
		}
	}
	return false
}

// Close ends the server and leaves its files.
func (k *KubeAPI) Close() error { return k.Server.Close() }

// NewNodeDir makes a folder that stands for a node's /var/log: what Fluent Bit makes a tag of, the path, is as long. For the kubernetes
// filter cuts as many characters off a tag as "kube.var.log.containers." has, whatever they are.
func NewNodeDir() (string, error) {
	for range 1000 {
		dir := "/tmp/" + strings.ToLower(rand.Text()[:len("log")])
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return "", fmt.Errorf("cannot make a folder for a node: %w", err)
		}
	}
	return "", errors.New("cannot make a folder for a node: 1000 names of three letters are taken in /tmp")
}
