package localaws

import (
	"strings"
	"testing"
)

func TestPolicyDecides(t *testing.T) {
	f := func(statements, action, resource string, want decision) {
		t.Helper()
		p, err := parsePolicy([]byte(`{"Version":"2012-10-17","Statement":` + statements + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.decide(action, resource); got != want {
			t.Errorf("%s on %s under %s: got %d, want %d", action, resource, statements, got, want)
		}
	}
	all := `{"Effect":"Allow","Action":"es:ESHttp*","Resource":"` + testDomain + `/*"}`
	f(all, "es:ESHttpPost", testDomain+"/_bulk", allowed)
	f(all, "es:ESHttpPost", testDomain+"/a/b/_bulk", allowed)
	f(all, "es:eshttppost", testDomain+"/_bulk", allowed)
	f(all, "es:ESHttpPost", strings.ToUpper(testDomain)+"/_bulk", notAllowed)
	f(all, "es:DeleteDomain", testDomain+"/_bulk", notAllowed)
	f(all, "es:ESHttpPost", testDomain, notAllowed)
	f(all, "es:ESHttpPost", testDomain+"2/_bulk", notAllowed)
	f(`[`+all+`,{"Effect":"Deny","Action":["es:ESHttpPut","es:ESHttpPost"],"Resource":"*/_bulk"}]`, "es:ESHttpPost", testDomain+"/_bulk", denied)
	f(`{"Effect":"Allow","Action":"es:ESHttp?et","Resource":"*"}`, "es:ESHttpGet", "x", allowed)
	f(`{"Effect":"Allow","Action":"es.ESHttpGet","Resource":"*"}`, "es:ESHttpGet", "x", notAllowed)
}

func TestPolicyFailure(t *testing.T) {
	f := func(document, want string) {
		t.Helper()
		if _, err := parsePolicy([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", document, err, want)
		}
	}
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	f(``, "cannot read the policy")
	f(`{}`, `policy version ""`)
	f(`{"Version":"2008-10-17","Statement":[]}`, "only 2012-10-17")
	f(`{"Version":"2012-10-17","Statement":[]}`, "no statement")
	f(statement(`{"Effect":"allow","Action":"a","Resource":"b"}`), "must be Allow or Deny")
	f(statement(`{"Effect":"Allow","Action":"a"}`), "needs both Action and Resource")
	f(statement(`{"Effect":"Allow","NotAction":"a","Resource":"b"}`), "NotAction")
	f(statement(`{"Effect":"Allow","Action":"a","Resource":"b","Condition":{}}`), "Condition")
	f(statement(`{"Effect":"Allow","Action":{"a":1},"Resource":"b"}`), "cannot unmarshal object")
	f(statement(`{"Effect":"Allow","Action":null,"Resource":"b"}`), "null where a value is needed")
	f(statement(`{"Effect":"Allow","Action":"a","Resource":"${OPENSEARCH_ARN}/*"}`), "${OPENSEARCH_ARN} is not filled in")
	f(statement(`{"Effect":"Allow","Action":"a","Resource":"b"}`)+"x", "something follows")
}

func TestTrustFailure(t *testing.T) {
	f := func(document, want string) {
		t.Helper()
		if _, err := parseTrust([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", document, err, want)
		}
	}
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	f(statement(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "needs both Principal and Action")
	f(statement(`{"Effect":"Allow","Principal":{"CanonicalUser":"x"},"Action":"sts:AssumeRole"}`), "CanonicalUser")
	f(statement(`{"Effect":"Maybe","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), "must be Allow or Deny")
	f(statement(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:x":"true"}}}`), `condition operator "Bool"`)
}

func TestTrustAdmits(t *testing.T) {
	f := func(statements string, want bool) {
		t.Helper()
		p, err := parseTrust([]byte(`{"Version":"2012-10-17","Statement":[` + statements + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		c := claimant{action: "sts:AssumeRoleWithWebIdentity", federated: "provider", keys: map[string][]string{
			"p:aud": {"sts.amazonaws.com"}, "p:sub": {"system:serviceaccount:logging:fluent-bit"},
		}}
		if got := p.admits(c); got != want {
			t.Errorf("%s: got %t", statements, got)
		}
	}
	with := func(effect, condition string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":"provider"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}`
	}
	f(with("Allow", `{}`), true)
	f(with("Allow", `{"StringEquals":{"p:aud":"sts.amazonaws.com","p:sub":"system:serviceaccount:logging:fluent-bit"}}`), true)
	f(with("Allow", `{"StringEquals":{"p:aud":"sts.amazonaws.com","p:sub":"system:serviceaccount:logging:*"}}`), false)
	f(with("Allow", `{"StringLike":{"p:sub":["a","system:serviceaccount:logging:*"]}}`), true)
	f(with("Allow", `{"StringEquals":{"p:other":"x"}}`), false)
	f(with("Allow", `{}`)+","+with("Deny", `{"StringEquals":{"p:aud":"sts.amazonaws.com"}}`), false)
	f(`{"Effect":"Allow","Principal":{"Federated":"another"},"Action":"sts:*"}`, false)
	f(`{"Effect":"Allow","Principal":{"Federated":"provider"},"Action":"sts:AssumeRole"}`, false)
}

func TestFill(t *testing.T) {
	got, err := Fill([]byte(`"${A}:${AB}"`), map[string]string{"A": "1", "AB": "2"})
	if err != nil || string(got) != `"1:2"` {
		t.Errorf("got %s (%v)", got, err)
	}
	if _, err := Fill([]byte(`${A}${B}`), map[string]string{"A": "1"}); err == nil || !strings.Contains(err.Error(), "${B}") {
		t.Errorf("a placeholder without a value: %v", err)
	}
	if _, err := Fill([]byte(`${A}`), map[string]string{"A": "1", "B": "2"}); err == nil || !strings.Contains(err.Error(), "${B}") {
		t.Errorf("a value without a placeholder: %v", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"es:*","Resource":["*"]}}`))
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"a":"b"}}}]}`))
	f.Fuzz(func(_ *testing.T, document []byte) {
		if p, err := parsePolicy(document); err == nil {
			p.decide("es:ESHttpPost", "arn")
		}
		if p, err := parseTrust(document); err == nil {
			p.admits(claimant{action: "sts:AssumeRole", arns: []string{"arn"}})
		}
	})
}
