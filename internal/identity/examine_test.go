package identity

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestToken(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		tk, err := irsa(t, &fakeSTS{}, tokenFile(t, content)).Token()
		if err != nil {
			t.Errorf("%q: %v", content, err)
			return
		}
		got := fmt.Sprintf("%s %s %v %d %d", tk.Issuer, tk.Subject, tk.Audience, unix(tk.Issued),
			unix(tk.Expires))
		if got != want || strings.Contains(fmt.Sprintf("%+v", tk), "c2lnbmF0dXJl") {
			t.Errorf("%q: got %s, want %s", content, got, want)
		}
	}
	f(jwt(`{"iss":"https://i","sub":"s","aud":["a","b"],"iat":1700000000,"exp":1700086400}`)+"\n",
		"https://i s [a b] 1700000000 1700086400")
	f(jwt(`{"sub":"s","exp":1700000000.5}`), " s [] 0 1700000000")
	f(jwt(`{"sub":"s","exp":"soon"}`), " s [] 0 0")
	f(jwt(`{"sub":"s","exp":1e300}`), " s [] 0 0")
	f("garbage", "  [] 0 0")

	if _, err := irsa(t, &fakeSTS{}, t.TempDir()).Token(); err == nil {
		t.Error("a folder was read")
	}
	i, err := New(Options{Region: "r",
		Getenv: environ("AWS_ACCESS_KEY_ID", "AKIA1", "AWS_SECRET_ACCESS_KEY", "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if tk, err := i.Token(); tk != nil || err != nil {
		t.Errorf("static keys have token %v, %v", tk, err)
	}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func TestCaller(t *testing.T) {
	const whole = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/eks-log/x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`
	f := func(answer, want, fails string) {
		t.Helper()
		sts := &fakeSTS{life: time.Hour}
		sts.fail = func(form url.Values) *http.Response {
			if form.Get("Action") != "GetCallerIdentity" {
				return nil
			}
			return sts.answer(200, answer)
		}
		i := irsa(t, sts, tokenFile(t, token),
			func(o *Options) { o.STSEndpoint = "https://sts.example.internal" })
		arn, err := i.Caller(t.Context())
		if arn != want || (err == nil) != (fails == "") ||
			err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("got %q, %v", arn, err)
		}
		if sts.hosts[1] != "sts.example.internal" ||
			!strings.Contains(sts.auth[1], "Credential=ASIA1/") {
			t.Errorf("asked at %v, signed %q", sts.hosts, sts.auth[1])
		}
	}
	f(whole, "arn:aws:sts::1:assumed-role/eks-log/x", "")
	f(strings.ReplaceAll(whole, "Arn>", "X>"), "", "AWS_STS_Endpoint")

	sts := &fakeSTS{}
	sts.refusal("", 403, "AccessDenied", "Not authorized")
	if _, err := irsa(t, sts, tokenFile(t, token)).Caller(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "trust policy") {
		t.Errorf("without credentials: %v", err)
	}
}
