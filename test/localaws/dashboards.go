package localaws

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"sync"
)

// Dashboards is the part of a domain's Dashboards that imports saved objects and gives them back.
type Dashboards struct {
	mu      sync.Mutex
	objects map[string]map[string]any // guarded by mu; by type/id
	imports int                       // guarded by mu
}

// Imports returns how many imports there were.
func (f *Dashboards) Imports() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.imports
}

// Objects returns what was imported, by type/id.
func (f *Dashboards) Objects() map[string]map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.objects)
}

// ServeHTTP answers the two requests.
func (f *Dashboards) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects == nil {
		f.objects = map[string]map[string]any{}
	}
	refuse := func(status int, why string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "error": http.StatusText(status), "message": why})
	}
	switch {
	case r.Header.Get("Osd-Xsrf") == "":
		refuse(400, "Request must contain a osd-xsrf header.")
	case r.Header.Get("Securitytenant") != "global":
		refuse(400, "the objects would go to a private tenant")
	case r.URL.Path == "/api/saved_objects/_bulk_get" && r.Header.Get("Content-Type") == "application/json":
		f.get(w, r)
	case r.URL.Path == "/api/saved_objects/_import" && r.URL.RawQuery == "overwrite=true":
		f.imports++
		f.take(w, r, refuse)
	default:
		refuse(404, "Not Found")
	}
}

func (f *Dashboards) get(w http.ResponseWriter, r *http.Request) {
	var asked []struct{ Type, ID string }
	_ = json.NewDecoder(r.Body).Decode(&asked)
	answer := []any{}
	for _, a := range asked {
		o := f.objects[a.Type+"/"+a.ID]
		if o == nil {
			o = map[string]any{"id": a.ID, "type": a.Type, "error": map[string]any{"statusCode": 404, "error": "Not Found"}}
		}
		answer = append(answer, o)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"saved_objects": answer})
}

func (f *Dashboards) take(w http.ResponseWriter, r *http.Request, refuse func(int, string)) {
	file, _, err := r.FormFile("file")
	if err != nil {
		refuse(400, err.Error())
		return
	}
	lines, _ := io.ReadAll(file)
	taken := 0
	for line := range bytes.Lines(lines) {
		var o map[string]any
		if err := json.Unmarshal(line, &o); err != nil {
			refuse(400, err.Error())
			return
		}
		if o["type"] == "index-pattern" { // as the real one does once it has looked at the indexes
			o["attributes"].(map[string]any)["fields"] = `[{"name":"@timestamp"}]`
		}
		o["version"], o["updated_at"] = "WzEsMV0=", "2026-11-24T00:00:00.000Z"
		f.objects[o["type"].(string)+"/"+o["id"].(string)] = o
		taken++
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "successCount": taken})
}
