package podmetadata

import (
	"bytes"
	"encoding/json"
	"log"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The names that the filter looks for, and our own.
const (
	podSuffix       = ".meta"           // NAMESPACE_POD.meta
	namespaceSuffix = ".namespace_meta" // NAMESPACE.namespace_meta
	readyName       = "ready"
)

// exclude is the annotation by which pods and namespaces opt out. The filter knows it of pods: a
// namespace's is written into its pods' files.
const exclude = "fluentbit.io/exclude"

// missing is the label of the lines of a pod of which the cluster knows nothing: it is gone, or
// somebody else made the log.
const missing = "opensearch-irsa/metadata"

// goneTime is how long the file of a pod stays that has no log any more: its last lines were read
// long before.
const goneTime = 10 * time.Minute

// keeper writes the files. Those of an earlier run stay until something better is known.
type keeper struct {
	dir   string // of the files
	links string // of links to those log files that the agent may read
	logs  string // of the node's own links to them
	log   *log.Logger

	hadFiles bool // from an earlier run

	// Of the goroutine that compares.
	isReady  bool
	askAgain time.Time       // not before
	waiting  map[string]bool // logs that were told of

	mu         sync.Mutex
	pods       map[string]object    // guarded by mu; by NAMESPACE_POD
	namespaces map[string]object    // guarded by mu; by name
	since      map[string]time.Time // guarded by mu; by file name: since when it belongs to nothing
}

func newKeeper(dir, links, logs string, logger *log.Logger) (*keeper, error) {
	k := &keeper{dir: dir, links: links, logs: logs, log: logger, waiting: map[string]bool{},
		pods: map[string]object{}, namespaces: map[string]object{}, since: map[string]time.Time{}}
	for _, path := range []string{dir, links} {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return nil, err
		}
	}
	if err := os.Remove(filepath.Join(dir, readyName)); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"+podSuffix))
	k.hadFiles = len(found) > 0
	return k, err
}

// ready lets the agent start, once.
func (k *keeper) ready(why string) {
	if !k.isReady {
		k.isReady = true
		k.log.Print(why)
		k.write(readyName, nil) // which a full disk takes too
	}
}

func (k *keeper) replacePods(all []object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.pods)
	for _, o := range all {
		k.pods[podKey(o)] = o
		k.writePod(o)
	}
}

func (k *keeper) changePod(o object, gone bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if gone { // its last lines are not read yet: compare removes the file
		delete(k.pods, podKey(o))
		return
	}
	k.pods[podKey(o)] = o
	k.writePod(o)
}

func (k *keeper) replaceNamespaces(all []object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.namespaces)
	for _, o := range all {
		k.putNamespace(o)
	}
}

func (k *keeper) changeNamespace(o object, gone bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if gone {
		delete(k.namespaces, o.Metadata.Name)
		return
	}
	k.putNamespace(o)
}

// putNamespace also writes the files of the namespace's pods, for which it may have opted out or
// in.
func (k *keeper) putNamespace(o object) {
	k.namespaces[o.Metadata.Name] = o
	o.Metadata.ResourceVersion = ""
	o.Spec, o.Status = nil, nil
	k.writeObject(o.Metadata.Name+namespaceSuffix, o)
	for _, pod := range k.pods {
		if pod.Metadata.Namespace == o.Metadata.Name {
			k.writePod(pod)
		}
	}
}

func podKey(o object) string { return o.Metadata.Namespace + "_" + o.Metadata.Name }

// writePod waits with a pod whose namespace is not known yet: it is new too, and may have opted
// out.
func (k *keeper) writePod(o object) {
	namespace, known := k.namespaces[o.Metadata.Namespace]
	if !known {
		return
	}
	if namespace.Metadata.Annotations[exclude] == "true" {
		annotations := map[string]string{}
		maps.Copy(annotations, o.Metadata.Annotations)
		annotations[exclude] = "true"
		o.Metadata.Annotations = annotations
	}
	o.Metadata.ResourceVersion = "" // changes when nothing does that is of interest
	k.writeObject(podKey(o)+podSuffix, o)
}

func (k *keeper) writeObject(name string, o object) {
	text, err := json.Marshal(o)
	if err != nil {
		k.log.Print(err)
		return
	}
	k.write(name, text)
}

// write replaces a file whole, since the filter may read it at any time.
func (k *keeper) write(name string, text []byte) {
	path := filepath.Join(k.dir, name)
	if had, err := os.ReadFile(path); err == nil && bytes.Equal(had, text) { //nolint:gosec // in our own folder
		return
	}
	temporary := filepath.Join(k.dir, ".new")
	err := os.WriteFile(temporary, text, 0o600)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		k.log.Printf("cannot write what is known: %v", err)
	}
}
