package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// check asks for credentials and wants an error of that kind, in one line, that names the words and
// no secret.
func check(t *testing.T, i *Identity, kind Kind, words ...string) {
	t.Helper()
	_, err := i.Credentials(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("got %v, want kind %s", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not name %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), token) ||
		strings.Contains(err.Error(), "c2lnbmF0dXJl") {
		t.Errorf("several lines, or the token: %q", err)
	}
}

func TestIdentitySTSRefusals(t *testing.T) {
	f := func(status int, code, message string, kind Kind, words ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { // the SDK pauses before its second call
			sts := &fakeSTS{}
			sts.refusal("", status, code, message)
			check(t, irsa(t, sts, tokenFile(t, token)), kind, append(words, message)...)
		})
	}
	issuer := "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
	f(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", Denied, role,
		`"system:serviceaccount:logging:fluent-bit"`, `"sts.amazonaws.com"`, issuer, "trust policy")
	f(400, "InvalidIdentityToken",
		"No OpenIDConnect provider found in your account for https://"+issuer, TokenInvalid, "identity provider", issuer)
	f(400, "InvalidIdentityToken", "Incorrect token audience", TokenInvalid, "sts.amazonaws.com")
	f(400, "ExpiredTokenException", "Token expired: current date/time 1 must be before the "+
		"expiration date/time 0", TokenExpired, "kubelet")
	f(400, "ValidationError", "Request ARN is invalid", BadRole, role, "AWS_Role_ARN")
	f(400, "IDPCommunicationError", "An error occurred.", Unreachable, issuer)
	f(403, "RegionDisabledException", "STS is not activated in this region", RegionOff,
		"AWS_STS_Endpoint")
	f(400, "Throttling", "Rate exceeded", Throttled)
	f(503, "ServiceUnavailable", "Try later", Unreachable)
	f(400, "SomethingNew", "whatever", Unknown)
}

func TestIdentitySTSUnreachable(t *testing.T) {
	f := func(err error, words ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			check(t, irsa(t, &fakeSTS{failErr: err}, tokenFile(t, token)), Unreachable, words...)
		})
	}
	f(&net.OpError{Op: "dial", Net: "tcp",
		Err: &net.DNSError{Err: "no such host", Name: "sts.eu-west-1.amazonaws.com",
			IsNotFound: true}}, "does not resolve", "sts.eu-west-1.amazonaws.com", "interface endpoint")
	f(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "cannot be reached",
		"sts.eu-west-1.amazonaws.com")
	f(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}, "in time")
	f(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "not trusted")
}

func TestIdentityHollowAnswer(t *testing.T) {
	sts := &fakeSTS{}
	sts.fail = func(form url.Values) *http.Response {
		a := form.Get("Action")
		return sts.answer(200, "<"+a+"Response><"+a+"Result></"+a+"Result></"+a+"Response>")
	}
	check(t, irsa(t, sts, tokenFile(t, token)), Unknown, "no credentials", "AWS_STS_Endpoint")
	sts.fail = func(form url.Values) *http.Response {
		if a := form.Get("Action"); a == "AssumeRole" {
			return sts.answer(200, "<"+a+"Response><"+a+"Result><Credentials></Credentials></"+a+"Result></"+a+"Response>")
		}
		return nil
	}
	sts.life = time.Hour
	check(t, irsa(t, sts, tokenFile(t, token),
		func(o *Options) { o.RoleARN = "arn:aws:iam::2:role/w" }), Unknown, "no credentials")
}

func TestIdentityTokenFileErrors(t *testing.T) {
	check(t, irsa(t, &fakeSTS{}, tokenFile(t, " \n")), TokenFile, "is empty", "kubelet")
	dir := t.TempDir()
	check(t, irsa(t, &fakeSTS{}, dir), TokenFile, dir)
	sts := &fakeSTS{}
	sts.refusal("", 403, "AccessDenied", "Not authorized")
	check(t, irsa(t, sts, tokenFile(t, "not-a-jwt")), Denied, "(not readable in the token)")
	sts.refusal("", 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT")
	check(t, irsa(t, sts, tokenFile(t, "not-a-jwt")), TokenInvalid, "AWS_WEB_IDENTITY_TOKEN_FILE")
}
