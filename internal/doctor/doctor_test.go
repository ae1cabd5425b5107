package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"out_opensearch_irsa/internal/identity"
)

// doctor runs the command on a configuration, with an environment given in pairs.
func doctor(t *testing.T, conf string, env []string, args ...string) (code int, out, errs string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fluent-bit.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for i := 0; i < len(env); i += 2 {
		vars[env[i]] = env[i+1]
	}
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), append([]string{"-config", path}, args...), &stdout, &stderr,
		func(name string) string { return vars[name] })
	return code, strings.ReplaceAll(stdout.String(), filepath.Dir(path), "DIR"), stderr.String()
}

func TestUsage(t *testing.T) {
	f := func(want int, says string, args ...string) {
		t.Helper()
		code, out, errs := doctor(t, "", nil, args...)
		if code != want || !strings.Contains(errs, says) || out != "" && want == 2 {
			t.Errorf("%q: exit status %d, printed %q and %q", args, code, out, errs)
		}
	}
	f(0, "usage: opensearch-irsa-doctor", "-h")
	f(2, "usage: opensearch-irsa-doctor", "--wrong")
	f(2, `there is no argument "fluent-bit.conf": the file goes with -config`, "fluent-bit.conf")
	f(2, "write Name=value", "-o", "Index")
	f(2, "there is no option Indx; did you mean Index?", "-o", "Indx=x")
	f(2, "-timeout of 1s or more", "-timeout", "1ms")
	f(2, "-max-age above 0", "-max-age", "0s")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := Run(ctx, []string{"-config", "../../../fluent-bit.conf"}, &out, &errs,
		func(string) string { return "x" }); code != 2 ||
		!strings.Contains(errs.String(), "interrupted") {
		t.Errorf("interrupted: exit status %d, %q", code, errs.String())
	}
}

func TestConfiguration(t *testing.T) {
	f := func(conf string, env []string, wants ...string) {
		t.Helper()
		code, out, errs := doctor(t, conf, env)
		if code != 1 || errs != "" {
			t.Errorf("%q: exit status %d, %s", conf, code, errs)
		}
		flat := strings.Join(strings.Fields(out), " ")
		for _, want := range wants {
			if !strings.Contains(flat, want) {
				t.Errorf("%q: it does not say %q:\n%s", conf, want, out)
			}
		}
	}
	f("[OUTPUT\n", nil, "✗ configuration DIR/fluent-bit.conf:1: the section's header has no ]")
	f("[OUTPUT]\n  Name stdout\n[OUTPUT]\n  Name es\n", nil, "✗ configuration "+
		"DIR/fluent-bit.conf has no output with Name opensearch_irsa; its outputs are stdout, es")
	f("[SERVICE]\n  Flush ${F}\n[OUTPUT]\n  Name opensearch_irsa\n  Endpoint x\n  Compress x\n", nil,
		"! environment not set: ${F} in flush (fluent-bit.conf:2)", `✗ options Compress "x": write gzip or none ✗ options AWS_Region: it is missing`,
		"– not checked token, trust policy, AWS_Role_ARN, identity, name, connection, TLS, "+
			"answer, signature, clock, IAM, security role, index, dead letters, time field, "+
			"canary, arrival: options comes first")
	f("[OUTPUT]\n  Name opensearch_irsa\n  Index Up%Q\n",
		[]string{"OPENSEARCH_ENDPOINT", "logs.eu-west-1.es.amazonaws.com"}, "✗ options Index: ")
	f("[OUTPUT]\n  Name opensearch_irsa\n  HTTP_Passwd hunter2-hunter2\n  AWS_Auth maybe\n  "+
		"Endpoint https://me:letmein-letmein@x\n", nil, "[redacted]@x", "it holds a user")
}

func TestOverridesAndJSON(t *testing.T) {
	code, out, _ := doctor(t, "[OUTPUT]\n  Name opensearch_irsa\n  Alias logs\n  Index ${I}\n", nil,
		"-o", "Index=eks", "-o", "endpoint=127.0.0.1:1", "-o", "AWS_Auth=Off", "--json", "-timeout", "1s")
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 1 ||
		strings.Count(out, "\n") != 1 {
		t.Fatalf("exit status %d, %v in %s", code, err, out)
	}
	got := map[string]Check{}
	for _, c := range r.Checks {
		got[c.ID] = c
	}
	if c := got["options"]; c.Status != OK || c.Summary != "to https://127.0.0.1:1, index eks" ||
		c.Output != "logs (fluent-bit.conf:1)" {
		t.Errorf("options: %+v", c)
	}
	if c := got["environment"]; c.Status != Warning { // what -o replaces is not used
		t.Errorf("environment: %+v", c)
	}
	if c := got["tcp"]; c.Status != Broken ||
		!strings.Contains(c.Remedy, "check host and port of Endpoint") {
		t.Errorf("tcp: %+v", c)
	}
	if c := got["tls"]; c.Status != Skipped || c.BlockedBy != "tcp" {
		t.Errorf("tls: %+v", c)
	}
	if r.Result != Broken || r.Counts[Broken] != 1 || r.Config == "" || r.Version == "" {
		t.Errorf("%+v", r)
	}
}

func TestTraps(t *testing.T) {
	const sound = "[SERVICE]\n Grace 30\n storage.path /s\n[INPUT]\n Name tail\n storage.type " +
		"filesystem\n[OUTPUT]\n Name opensearch_irsa\n Endpoint logs.eu-west-1.es.amazonaws.com\n" +
		" Match *\n Workers 16\n Retry_Limit no_limits\n storage.total_limit_size 5G\n"
	f := func(conf string, wants ...string) {
		t.Helper()
		_, out, _ := doctor(t, conf, nil, "--json", "-timeout", "1s", "-o", "Endpoint=127.0.0.1:1",
			"-o", "AWS_Auth=Off")
		var r Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range r.Checks {
			if strings.HasPrefix(c.ID, "around.") && c.Status != OK {
				got = append(got, strings.TrimPrefix(c.ID,
					"around.")+" "+string(c.Status)+": "+c.Summary+" → "+c.Remedy)
			}
		}
		if len(got) != len(wants) {
			t.Errorf("%q: got\n%s", conf, strings.Join(got, "\n"))
			return
		}
		for i, want := range wants {
			for part := range strings.SplitSeq(want, " … ") {
				if !strings.Contains(got[i], part) {
					t.Errorf("%q: %q does not say %q", conf, got[i], part)
				}
			}
		}
	}
	instead := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sound) }
	f(sound)
	f(instead(" Endpoint logs.eu-west-1.es.amazonaws.com\n", " Host x\n Port 9200\n"),
		"host warning: Host does not reach the plugin … write Endpoint")
	f(instead(" Match *\n", " Tls on\n Match *\n"), "tls broken: TLS On keeps")
	f(instead(" Match *\n", " tls.verify off\n Match *\n"), "tls warning: tls.verify does not "+
		"reach … TLS_Verify")
	f(instead(" Match *\n", ""), "match warning")
	f(instead(" Workers 16\n", ""), "workers warning … write Workers 16")
	f(instead(" Workers 16\n", " Workers 2\n"), "workers warning … with "+
		"Workers 2 … write Workers 16")
	f(instead("no_limits", "5"), "retry_limit warning: Retry_Limit is 5 … no_limits")
	f(instead(" Retry_Limit no_limits\n", ""), "Retry_Limit is 1, its default")
	f(instead(" storage.path /s\n", ""), "storage warning: there is no storage.path")
	f(instead(" storage.type filesystem\n", ""), "storage warning … tail (fluent-bit.conf:4)")
	f(instead(" storage.total_limit_size 5G\n", ""), "total_limit_size warning")
	f(instead("Grace 30", "Grace 1"), "grace warning: Grace of 1s is not longer than "+
		"Request_Timeout of 1s")
	f(instead(" Match *\n", " Match *\n Indx x\n net.keepalive on\n"), "option warning: line 11: "+
		"there is no option indx … take it out; did you mean Index?")
	f(instead(" Match *\n", " Match *\n Index a\n index b\n"), "option warning: line 12: Index "+
		"is given twice, and the first counts")
}

func TestJudgeToken(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	token := func(change func(*identity.Token)) *identity.Token {
		tk := &identity.Token{Path: "/t", Issuer: "https://i", Subject: "system:serviceaccount:a:b",
			Audience: []string{"sts.amazonaws.com"}, Issued: now.Add(-time.Hour), Expires: now.Add(23 * time.Hour)}
		change(tk)
		return tk
	}
	f := func(tk *identity.Token, podIdentity bool, status Status, words string) {
		t.Helper()
		o := tokenOutcome(tk, podIdentity, now)
		if o.status != status || !strings.Contains(o.summary+" → "+o.remedy, words) {
			t.Errorf("%+v: %s %s → %s", tk, o.status, o.summary, o.remedy)
		}
	}
	f(token(func(*identity.Token) {}), false, OK, "system:serviceaccount:a:b, for "+
		"sts.amazonaws.com, issued by https://i, good for 23 h")
	f(token(func(tk *identity.Token) { tk.Audience = []string{"pods.eks.amazonaws.com"} }), true,
		OK, "good for")
	f(token(func(*identity.Token) {}), true, Warning, "AWS's own audience is "+
		"pods.eks.amazonaws.com")
	f(token(func(tk *identity.Token) { tk.Subject = "" }), false, Broken,
		"holds no service account's token")
	f(token(func(tk *identity.Token) { tk.Expires = now.Add(-time.Minute) }), false, Broken,
		"expired 60 s ago")
	f(token(func(tk *identity.Token) { tk.Expires = now.Add(time.Minute) }), false, Warning,
		"only 60 s left")
	f(token(func(tk *identity.Token) { tk.Expires, tk.Issued = time.Time{}, time.Time{} }), false,
		OK, "issued by")
}

func TestFieldTypes(t *testing.T) {
	f := func(body, field, want string) {
		t.Helper()
		types, err := fieldTypes([]byte(body), field)
		got, _ := json.Marshal(types)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", body, got, err)
		}
	}
	f(`{"a":{"mappings":{"properties":{"@timestamp":{"type":"date"},"log":{"type":"text"}}}},"b":{"mappings":{"properties":{"@timestamp":{"type":"text"}}}},"c":{"mappings":{}}}`, "@timestamp", `{"a":"date","b":"text"}`)
	f(`{"a":{"mappings":{"properties":{"event":{"properties":{"time":{"type":"date_nanos"}}}}}}}`,
		"event.time", `{"a":"date_nanos"}`)
	f(`{}`, "x", `{}`)
	if _, err := fieldTypes([]byte(`<html>`), "x"); err == nil {
		t.Error("HTML was read")
	}
}

func TestTable(t *testing.T) {
	r := &Report{}
	r.hide("", "abc", "hunter2")
	r.add(Check{ID: "a", Title: "first", Status: OK, Summary: "abc hunter2 " +
		strings.Repeat("word ", 30)})
	r.add(Check{ID: "b", Output: "o", Title: "a title that is long", Status: Broken, Summary: "s",
		Remedy: "do hunter2 this"})
	r.add(Check{ID: "c", Output: "o", Title: "c", Status: Skipped,
		Summary: "not checked: b comes first", BlockedBy: "b"})
	r.add(Check{ID: "d", Output: "o", Title: "d", Status: Skipped,
		Summary: "not checked: b comes first", BlockedBy: "b"})
	r.add(Check{ID: "e", Output: "o", Title: "e", Status: Warning, Summary: "w"})
	r.finish()
	var plain, coloured bytes.Buffer
	if err := r.WriteTable(&plain, false); err != nil {
		t.Fatal(err)
	}
	const want = `✓ first          abc [redacted] word word word word word word word word word word word word word word word
                 word word word word word word word word word word word word word word word

o
✗ a title that is long s
                 → do [redacted] this
– not checked    c, d: b comes first
! e              w

1 passed, 1 broken, 1 warnings, 2 not checked
`
	if plain.String() != want {
		t.Errorf("got\n%s", &plain)
	}
	if err := r.WriteTable(&coloured, true); err != nil ||
		!strings.Contains(coloured.String(), "\x1b[31m✗\x1b[0m a title") ||
		strings.Contains(plain.String(), "\x1b") {
		t.Errorf("colours: %v, %q", err, coloured.String())
	}
	if isTerminal(&plain) {
		t.Error("a buffer is taken for a terminal")
	}
	if f, err := os.Open("doctor_test.go"); err != nil || isTerminal(f) {
		t.Errorf("a file is taken for a terminal (%v)", err)
	}
}

// TestWait has a link that stays broken: it is looked at again every ten seconds, for as long as
// was said.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var out, errs bytes.Buffer
		code := Run(t.Context(), []string{"-config", "/nowhere/fluent-bit.conf", "-wait", "65s"},
			&out, &errs, func(string) string { return "" })
		if took := time.Since(began); code != 1 || took != time.Minute ||
			strings.Count(errs.String(), "configuration is broken: looking again in 10s\n") != 6 {
			t.Errorf("exit status %d after %s: %s", code, took, &errs)
		}
		if strings.Count(out.String(), "✗ configuration") != 1 {
			t.Errorf("it reports %s", &out)
		}
	})
}
