package podmetadata

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// api is the cluster's API server, asked by the pod's own service account.
type api struct {
	url   string
	files string // folder with ca.crt and token
	log   *log.Logger
}

// object is as much of a pod or a namespace as anybody here wants.
type object struct {
	Metadata struct {
		Name            string            `json:"name"`
		Namespace       string            `json:"namespace,omitempty"`
		UID             string            `json:"uid,omitempty"`
		Labels          map[string]string `json:"labels,omitempty"`
		Annotations     map[string]string `json:"annotations,omitempty"`
		OwnerReferences json.RawMessage   `json:"ownerReferences,omitempty"`
		ResourceVersion string            `json:"resourceVersion,omitempty"`
	} `json:"metadata"`
	Spec *struct {
		NodeName string `json:"nodeName,omitempty"`
	} `json:"spec,omitempty"`
	Status *struct {
		PodIP                 string   `json:"podIP,omitempty"`
		ContainerStatuses     []status `json:"containerStatuses,omitempty"`
		InitContainerStatuses []status `json:"initContainerStatuses,omitempty"`
	} `json:"status,omitempty"`
}

// status is of a container.
type status struct {
	Name        string `json:"name"`
	Image       string `json:"image"`
	ImageID     string `json:"imageID"`
	ContainerID string `json:"containerID,omitempty"`
}

// Nobody is asked more often than this after a failure, and a watch ends after at most so long,
// since a connection can be dead without anybody being told.
const (
	leastPause = time.Second
	mostPause  = 30 * time.Second
	watchTime  = 4 * time.Minute
	listTime   = 30 * time.Second
)

// follow lists and watches until its context ends: replace gets all there are, change each that
// becomes another one; gone says that it is no more. synced is called after each list.
func (a *api) follow(ctx context.Context, path, selector string, replace func([]object),
	change func(o object, gone bool), synced func()) {
	pause := leastPause
	for ctx.Err() == nil {
		began := time.Now()
		err := a.listAndWatch(ctx, path, selector, replace, change, synced)
		if time.Since(began) > listTime {
			pause = leastPause
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			a.log.Printf("%s: %v; asking again in %s", path, err, pause)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, mostPause)
	}
}

func (a *api) listAndWatch(ctx context.Context, path, selector string, replace func([]object),
	change func(o object, gone bool), synced func()) error {
	client, token, err := a.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	query := url.Values{"fieldSelector": {selector}, "resourceVersion": {"0"}} // 0: as the API server has it in memory
	listing, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	body, err := a.get(listing, client, token, path, query)
	if err != nil {
		return err
	}
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []object `json:"items"`
	}
	err = json.NewDecoder(body).Decode(&list)
	_ = body.Close()
	if err != nil {
		return fmt.Errorf("cannot read the list: %w", err)
	}
	replace(list.Items)
	synced()
	version := list.Metadata.ResourceVersion
	for ctx.Err() == nil {
		query.Set("watch", "true")
		query.Set("allowWatchBookmarks", "true")
		query.Set("resourceVersion", version)
		query.Set("timeoutSeconds", fmt.Sprint(int(watchTime.Seconds())))
		if version, err = a.watch(ctx, client, token, path, query, change); err != nil {
			return err
		}
		if token, err = a.token(); err != nil { // the kubelet renews it
			return err
		}
	}
	return nil
}

// watch passes on what changes until the API server ends it, and returns up to where that was.
func (a *api) watch(ctx context.Context, client *http.Client, token, path string, query url.Values,
	change func(o object, gone bool)) (string, error) {
	version := query.Get("resourceVersion")
	watching, cancel := context.WithTimeout(ctx, watchTime+listTime)
	defer cancel()
	body, err := a.get(watching, client, token, path, query)
	if err != nil {
		return version, err
	}
	defer func() { _ = body.Close() }()
	for events := json.NewDecoder(body); ; {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if err := events.Decode(&event); errors.Is(err, io.EOF) {
			return version, nil
		} else if err != nil {
			return version, fmt.Errorf("the watch broke off: %w", err)
		}
		var o object
		if event.Type == "ERROR" { // mostly that the version is too old: list again
			return version, fmt.Errorf("the watch ended: %.200s", event.Object)
		}
		if err := json.Unmarshal(event.Object, &o); err != nil {
			return version, fmt.Errorf("cannot read what changed: %w", err)
		}
		version = o.Metadata.ResourceVersion
		if event.Type != "BOOKMARK" {
			change(o, event.Type == "DELETED")
		}
	}
}

// pod asks for one by its name. fs.ErrNotExist says that there is none.
func (a *api) pod(ctx context.Context, namespace, name string) (object, error) {
	var o object
	client, token, err := a.client()
	if err != nil {
		return o, err
	}
	defer client.CloseIdleConnections()
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := a.get(asking, client, token,
		"/api/v1/namespaces/"+url.PathEscape(namespace)+"/pods/"+url.PathEscape(name), nil)
	if err != nil {
		return o, err
	}
	defer func() { _ = body.Close() }()
	return o, json.NewDecoder(body).Decode(&o)
}

// get asks and returns the answer's body.
func (a *api) get(ctx context.Context, client *http.Client, token, path string,
	query url.Values) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		_ = response.Body.Close()
		if response.StatusCode == http.StatusNotFound {
			return nil, fs.ErrNotExist
		}
		return nil, fmt.Errorf("the API server answers %s: %s", response.Status, text)
	}
	return response.Body, nil
}

func (a *api) token() (string, error) {
	text, err := os.ReadFile(filepath.Join(a.files, "token"))
	return strings.TrimSpace(string(text)), err
}

func (a *api) client() (*http.Client, string, error) {
	token, err := a.token()
	if err != nil {
		return nil, "", err
	}
	ca, err := os.ReadFile(filepath.Join(a.files, "ca.crt"))
	if err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, "", fmt.Errorf("%s holds no certificate", filepath.Join(a.files, "ca.crt"))
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// A watch whose other end is gone is noticed within a minute.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}}, token, nil
}
