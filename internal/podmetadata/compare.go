package podmetadata

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// compare looks at the node's log files. One whose pod has a file gets a link, by which the agent
// reads it. One of a pod that has none waits until the API server tells of it, by the watch or when
// it is asked here: whether it has opted out is not known before. Links and files of what is gone
// are removed.
func (k *keeper) compare(ctx context.Context,
	ask func(ctx context.Context, namespace, name string) (object, error)) {
	logs, err := names(k.logs)
	if err != nil {
		k.log.Printf("cannot look at the node's log files: %v", err)
		return
	}
	links, err := names(k.links)
	if err != nil {
		k.log.Printf("cannot look at the links: %v", err)
		return
	}
	for link := range links {
		if !logs[link] {
			k.remove(filepath.Join(k.links, link))
		}
	}
	unknown := map[string]bool{}
	for log := range logs {
		namespace, name, is := podOf(log)
		switch {
		case !is || links[log]:
		case k.has(namespace + "_" + name + podSuffix):
			k.link(log)
		default:
			unknown[log] = true
		}
	}
	for log := range unknown {
		if time.Now().Before(k.askAgain) {
			break
		}
		namespace, name, _ := podOf(log)
		err := k.learn(ctx, namespace, name, ask)
		if k.has(namespace + "_" + name + podSuffix) {
			k.link(log)
			delete(unknown, log)
			continue
		}
		if err == nil { // the pod is known, and its file was not written
			err = errors.New("its namespace is not known yet, or its file cannot be written: see " +
				"the lines above; the service account has to list and watch namespaces")
		}
		k.askAgain = time.Now().Add(askPause)
		if !k.waiting[log] {
			k.waiting[log] = true
			k.log.Printf("the log of pod %s/%s waits, since nothing is known of it: %v",
				namespace, name, err)
		}
	}
	maps.DeleteFunc(k.waiting, func(log string, _ bool) bool { return !unknown[log] })
	k.removeFiles(logs)
}

// askPause is between two questions after one that did not help.
const askPause = 5 * time.Second

// podOf tells whose log this is: POD_NAMESPACE_CONTAINER-ID.log
func podOf(log string) (namespace, name string, is bool) {
	parts := strings.SplitN(log, "_", 3)
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[0], true
}

// learn asks for a pod by its name.
func (k *keeper) learn(ctx context.Context, namespace, name string,
	ask func(ctx context.Context, namespace, name string) (object, error)) error {
	o, err := ask(ctx, namespace, name)
	if errors.Is(err, fs.ErrNotExist) {
		k.log.Printf("the cluster knows no pod %s/%s: its lines have the label %s=missing",
			namespace, name, missing)
		o.Metadata.Name, o.Metadata.Namespace = name, namespace
		o.Metadata.Labels = map[string]string{missing: "missing"}
		k.writeObject(podKey(o)+podSuffix, o)
		return nil
	}
	if err == nil {
		k.changePod(o, false)
	}
	return err
}

func (k *keeper) link(log string) {
	target, err := os.Readlink(filepath.Join(k.logs, log))
	if err == nil {
		err = os.Symlink(target, filepath.Join(k.links, log))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.log.Printf("cannot link a log file: %v", err)
	}
}

// removeFiles removes the files of pods and namespaces that have had neither a log nor a place in
// the cluster for a while.
func (k *keeper) removeFiles(logs map[string]bool) {
	files, err := names(k.dir)
	if err != nil {
		k.log.Printf("cannot look at what was written: %v", err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	wanted := map[string]bool{}
	for log := range logs {
		if namespace, name, is := podOf(log); is {
			wanted[namespace+"_"+name+podSuffix], wanted[namespace+namespaceSuffix] = true, true
		}
	}
	for key := range k.pods {
		wanted[key+podSuffix] = true
	}
	for name := range k.namespaces {
		wanted[name+namespaceSuffix] = true
	}
	since := map[string]time.Time{}
	for file := range files {
		if wanted[file] || !strings.HasSuffix(file, podSuffix) &&
			!strings.HasSuffix(file, namespaceSuffix) {
			continue
		}
		began, is := k.since[file]
		if !is {
			began = time.Now()
		}
		if time.Since(began) >= goneTime {
			k.remove(filepath.Join(k.dir, file))
			continue
		}
		since[file] = began
	}
	k.since = since
}

func (k *keeper) has(file string) bool {
	_, err := os.Lstat(filepath.Join(k.dir, file))
	return err == nil
}

func (k *keeper) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.log.Print(err)
	}
}

func names(dir string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	all := map[string]bool{}
	for _, entry := range entries {
		all[entry.Name()] = true
	}
	return all, err
}
