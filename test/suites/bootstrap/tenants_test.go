package bootstrap

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTenants has a file of indexes: each gets what it says of it, and its reader reads it and
// nothing else.
func TestTenants(t *testing.T) {
	d := newDomain(t)
	t.Cleanup(func() { forget(t, "tenant-shop"); forget(t, "tenant-bank") })
	file := filepath.Join(t.TempDir(), "indexes.json")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := append(asMaster(d.url), "PREFIX=tenant")
	put(`{"indexes": [
		{"index": "${PREFIX}-shop", "no_role": true, "shards": 2, "replicas": 0, "retention": "7d", "readers": ["` + world.RoleARN + `"]},
		{"index": "${PREFIX}-bank", "role_arn": "arn:aws:iam::123456789012:role/bank", "replicas": 0, "readers": ["bank-people", "auditors"]}]}`)
	out, code := bootstrap(t, env, "-file", file, "-retention", "90d", "-no-dashboards")
	if code != 0 {
		t.Fatalf("status %d", code)
	}
	says(t, out, map[string]string{
		"index template tenant-shop": "created", "lifecycle policy tenant-shop": "created", "role tenant-shop-reader": "created",
		"index template tenant-bank": "created", "lifecycle policy tenant-bank": "created", "role tenant-bank-writer": "created", "role mapping tenant-bank-reader": "created",
	})
	if strings.Contains(out, "tenant-shop-writer") {
		t.Error("there is a writer's role that nobody asked for")
	}
	for index, want := range map[string][]string{"tenant-shop": {`number_of_shards:2`, "7d"},
		"tenant-bank": {`number_of_shards:1`, "90d"}} {
		if template := fmt.Sprint(do(t, "GET", "/_index_template/"+index,
			"")); !strings.Contains(template, want[0]) {
			t.Errorf("%s: the template has not %s: %s", index, want[0], template)
		}
		do(t, "PUT", "/"+index+"-2026.11.01", "")
		if again, code := bootstrap(t, env, "-file", file, "-retention", "90d",
			"-no-dashboards"); code != 0 {
			t.Fatalf("status %d: %s", code, again)
		}
		if _, body := d.ism.Following(index +
			"-2026.11.01"); !strings.Contains(string(body), `"`+want[1]+`"`) {
			t.Errorf("%s follows %s, want a retention of %s", index, body, want[1])
		}
	}
	// This role is the shop's reader.
	pod := newPod(t)
	read := func(index string) int {
		return pod.client.Do(t.Context(), http.MethodPost, "/"+index+"/_search", "",
			[]byte(`{"size":1}`)).Status
	}
	if status := read("tenant-shop-2026.11.01"); status != http.StatusOK {
		t.Errorf("the reader of the shop's index gets %d", status)
	}
	if status := read("tenant-bank-2026.11.01"); status != http.StatusForbidden {
		t.Errorf("the reader of the shop's index gets %d from the bank's", status)
	}
	if why := pod.deliver("tenant-shop-2026.11.01"); !strings.Contains(why, "no permissions") {
		t.Errorf("the reader writes: %q", why)
	}
	for text, want := range map[string]string{
		`{"indexes": []}`:               "lists no indexes",
		`{"indexes": [{"indx": "a"}]}`:  `unknown field "indx"`,
		`{"indexes": [{"index": "A"}]}`: "write lower case letters",
		`{"indexes": [{"index": "a", "no_role": true}, {"index": "a", "no_role": true}]}`: `lists "a" twice`,
	} {
		put(text)
		if out, code := bootstrap(t, env, "-file", file); code != 2 ||
			!strings.Contains(out, want) {
			t.Errorf("%s: status %d, %s; want %q", text, code, out, want)
		}
	}
}

// TestDeleteOlder deletes what a first install made for days that are over, by the date in the
// name.
func TestDeleteOlder(t *testing.T) {
	d := newDomain(t)
	t.Cleanup(func() { forget(t, "older") })
	day := func(ago int) string {
		return "older-" +
			time.Now().UTC().AddDate(0, 0, -ago).Format("2006.01.02")
	}
	kept := []string{day(0), day(1), day(6), "older-forever", "older-2026"}
	gone := []string{day(8), day(400), day(40) + "-dead-letter"}
	for _, name := range append(append([]string{}, kept...), gone...) {
		do(t, "PUT", "/"+name, "")
		t.Cleanup(func() { _, _, _ = world.OpenSearch.Do(t.Context(), "DELETE", "/"+name, "") })
	}
	arguments := []string{"-index", "older", "-no-role", "-no-dashboards", "-retention", "7d",
		"-delete-older"}
	out, code := bootstrap(t, asMaster(d.url), append(arguments, "-dry-run")...)
	if code != 0 || !strings.Contains(out, "would be deleted") {
		t.Errorf("status %d: %s", code, out)
	}
	if out, code = bootstrap(t, asMaster(d.url), arguments...); code != 0 {
		t.Fatalf("status %d: %s", code, out)
	}
	for _, name := range kept {
		if status := statusOf(t, "/"+name); status != http.StatusOK {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range gone {
		if status := statusOf(t, "/"+name); status != http.StatusNotFound {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestCompatibilityMode has a domain that says it is version 7.10.2 for the sake of old clients, as
// Amazon's may.
func TestCompatibilityMode(t *testing.T) {
	d := newDomain(t)
	const setting = `{"persistent":{"compatibility.override_main_response_version":%s}}`
	do(t, "PUT", "/_cluster/settings", fmt.Sprintf(setting, "true"))
	t.Cleanup(func() { do(t, "PUT", "/_cluster/settings", fmt.Sprintf(setting, "null")) })
	version, _ := do(t, "GET", "/", "")["version"].(map[string]any)
	if version["number"] != "7.10.2" || version["distribution"] != nil {
		t.Fatalf("the server is not in compatibility mode: %v", version)
	}
	out, code := bootstrap(t, asMaster(d.url), "-index", "compatible", "-no-role", "-no-dashboards")
	t.Cleanup(func() { forget(t, "compatible") })
	if code != 0 {
		t.Errorf("status %d: %s", code, out)
	}
}
