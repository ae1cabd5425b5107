package localaws

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/golang-jwt/jwt/v5"
)

// client is the SDK's, as whoever has the credentials; it tries once.
func (a *account) client(c aws.CredentialsProvider) *sts.Client {
	return sts.New(sts.Options{Region: testRegion, BaseEndpoint: aws.String(a.stsAt.URL), Credentials: c, Retryer: aws.NopRetryer{}})
}

func (a *account) assumeWithToken(token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return a.client(aws.AnonymousCredentials{}).AssumeRoleWithWebIdentity(context.Background(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &a.roleARN, RoleSessionName: aws.String("pod"), WebIdentityToken: &token,
	})
}

func (a *account) token(t *testing.T, asked ServiceAccountToken) string {
	t.Helper()
	if asked.Namespace == "" {
		asked.Namespace, asked.ServiceAccount = "logging", "fluent-bit"
	}
	token, err := a.issuer.Mint(asked)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAssumeRoleWithWebIdentitySuccess(t *testing.T) {
	a := newAccount(t)
	output, err := a.assumeWithToken(a.token(t, ServiceAccountToken{}))
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(output.AssumedRoleUser.Arn); got != "arn:aws:sts::123456789012:assumed-role/fluent-bit/pod" {
		t.Errorf("assumed %q", got)
	}
	if got := aws.ToString(output.SubjectFromWebIdentityToken); got != "system:serviceaccount:logging:fluent-bit" {
		t.Errorf("subject %q", got)
	}
	if left := time.Until(*output.Credentials.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the session lives for %s", left)
	}
	given := credentials.NewStaticCredentialsProvider(*output.Credentials.AccessKeyId, *output.Credentials.SecretAccessKey, *output.Credentials.SessionToken)
	if !strings.HasPrefix(*output.Credentials.AccessKeyId, "ASIA") || len(*output.Credentials.AccessKeyId) != 20 {
		t.Errorf("access key %q", *output.Credentials.AccessKeyId)
	}
	who, err := a.client(given).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != *output.AssumedRoleUser.Arn || *who.Account != testAccount || *who.UserId != *output.AssumedRoleUser.AssumedRoleId {
		t.Errorf("the caller is %s in %s as %s", *who.Arn, *who.Account, *who.UserId)
	}

	a.sts.SetLifetime(3 * time.Second)
	output, err = a.assumeWithToken(a.token(t, ServiceAccountToken{}))
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*output.Credentials.Expiration); left > 3*time.Second {
		t.Errorf("a short session lives for %s", left)
	}
	if n := a.sts.Requests(); n != 3 {
		t.Errorf("counted %d requests, want 3", n)
	}
}

func TestAssumeRoleWithWebIdentityFailure(t *testing.T) {
	f := func(name string, status int, code, message string, prepare func(a *account) string) {
		t.Helper()
		a := newAccount(t)
		_, err := a.assumeWithToken(prepare(a))
		check(t, name, err, status, code, message)
	}
	notAuthorized := "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	f("another service account", 403, "AccessDenied", notAuthorized, func(a *account) string {
		return a.token(t, ServiceAccountToken{Namespace: "logging", ServiceAccount: "default"})
	})
	f("another namespace", 403, "AccessDenied", notAuthorized, func(a *account) string {
		return a.token(t, ServiceAccountToken{Namespace: "default", ServiceAccount: "fluent-bit"})
	})
	f("no such role", 403, "AccessDenied", notAuthorized, func(a *account) string {
		a.roleARN += "2"
		return a.token(t, ServiceAccountToken{})
	})
	f("audience that the provider does not have", 400, "InvalidIdentityToken", "Incorrect token audience", func(a *account) string {
		return a.token(t, ServiceAccountToken{Audience: []string{"https://kubernetes.default.svc"}})
	})
	f("audience that the role does not trust", 403, "AccessDenied", notAuthorized, func(a *account) string {
		a.iam.AddIdentityProvider(a.issuer.URL(), "sts.amazonaws.com", "vault")
		return a.token(t, ServiceAccountToken{Audience: []string{"vault"}})
	})
	f("expired", 400, "ExpiredTokenException", "Token expired: current date/time ", func(a *account) string {
		return a.token(t, ServiceAccountToken{Lifetime: -time.Minute})
	})
	f("from the future", 400, "InvalidIdentityToken", "not valid yet", func(a *account) string {
		return a.token(t, ServiceAccountToken{IssuedAt: time.Now().Add(time.Hour)})
	})
	f("unknown issuer", 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for http://127.0.0.1:1", func(*account) string {
		stranger, err := NewIssuer("http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		token, err := stranger.Mint(ServiceAccountToken{Namespace: "logging", ServiceAccount: "fluent-bit"})
		if err != nil {
			t.Fatal(err)
		}
		return token
	})
	f("signed by another key", 400, "InvalidIdentityToken", "could not be validated", func(a *account) string {
		impostor, err := NewIssuer(a.issuer.URL())
		if err != nil {
			t.Fatal(err)
		}
		impostor.keyID = a.issuer.keyID
		token, err := impostor.Mint(ServiceAccountToken{Namespace: "logging", ServiceAccount: "fluent-bit"})
		if err != nil {
			t.Fatal(err)
		}
		return token
	})
	f("key that the issuer does not serve", 400, "InvalidIdentityToken", "Couldn't retrieve verification key", func(a *account) string {
		token := a.token(t, ServiceAccountToken{})
		a.issuer.keyID = "another"
		return token
	})
	f("unsigned", 400, "InvalidIdentityToken", "could not be validated", func(a *account) string {
		token := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": a.issuer.URL(), "aud": "sts.amazonaws.com",
			"sub": "system:serviceaccount:logging:fluent-bit", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
		token.Header["kid"] = a.issuer.keyID
		text, err := token.SignedString(jwt.UnsafeAllowNoneSignatureType)
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
	f("changed", 400, "InvalidIdentityToken", "could not be validated", func(a *account) string {
		parts := strings.Split(a.token(t, ServiceAccountToken{Namespace: "logging", ServiceAccount: "default"}), ".")
		parts[1] = strings.Split(a.token(t, ServiceAccountToken{}), ".")[1]
		return strings.Join(parts, ".")
	})
	f("no token at all", 400, "InvalidIdentityToken", "not a valid JWT", func(*account) string { return "not a token" })
	f("issuer out of reach", 400, "IDPCommunicationError", "could not be reached", func(a *account) string {
		token := a.token(t, ServiceAccountToken{})
		a.issuerAt.Close()
		return token
	})
	f("outage", 503, "ServiceUnavailable", "try again", func(a *account) string {
		a.sts.SetOutage(true)
		return a.token(t, ServiceAccountToken{})
	})
}

func TestSTSValidation(t *testing.T) {
	a := newAccount(t)
	token := a.token(t, ServiceAccountToken{})
	f := func(name, code, message string, change url.Values) {
		t.Helper()
		form := url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {a.roleARN}, "RoleSessionName": {"pod"}, "WebIdentityToken": {token},
		}
		for name, values := range change {
			form[name] = values
		}
		response, err := http.PostForm(a.stsAt.URL, form)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var refused errorResponse
		if err := xml.NewDecoder(response.Body).Decode(&refused); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 400 || refused.Code != code || refused.Type != "Sender" || refused.RequestID == "" || !strings.Contains(refused.Message, message) {
			t.Errorf("%s: got %d %+v", name, response.StatusCode, refused)
		}
	}
	f("no role", "ValidationError", "Value null at 'roleArn' failed to satisfy constraint: Member must not be null", url.Values{"RoleArn": nil})
	f("no token", "ValidationError", "'webIdentityToken'", url.Values{"WebIdentityToken": nil})
	f("odd session name", "ValidationError", "Member must satisfy regular expression pattern", url.Values{"RoleSessionName": {"a b"}})
	f("short session name", "ValidationError", "greater than or equal to 2", url.Values{"RoleSessionName": {"a"}})
	f("long session name", "ValidationError", "less than or equal to 64", url.Values{"RoleSessionName": {strings.Repeat("a", 65)}})
	f("short session", "ValidationError", "greater than or equal to 900", url.Values{"DurationSeconds": {"899"}})
	f("long session", "ValidationError", "less than or equal to 43200", url.Values{"DurationSeconds": {"43201"}})
	f("longer than the role's", "ValidationError", "exceeds the MaxSessionDuration set for this role", url.Values{"DurationSeconds": {"3601"}})
	f("no number", "MalformedInput", "", url.Values{"DurationSeconds": {"soon"}})
	f("no such action", "InvalidAction", "Could not find operation Assume for version 2011-06-15", url.Values{"Action": {"Assume"}})
}

func TestAssumeRole(t *testing.T) {
	a := newAccount(t)
	policy := []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"es:*","Resource":"*"}}`)
	trust := func(principal, condition string) []byte {
		return []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"` + condition + `}]}`)
	}
	withID := `,"Condition":{"StringEquals":{"sts:ExternalId":"cluster-1"}}`
	f := func(name string, trustDocument []byte, externalID, code string) {
		t.Helper()
		target, err := a.iam.PutRole("writer", trustDocument, policy)
		if err != nil {
			t.Fatal(err)
		}
		c := a.open()
		input := &sts.AssumeRoleInput{RoleArn: &target, RoleSessionName: aws.String("chained")}
		if externalID != "" {
			input.ExternalId = &externalID
		}
		output, err := a.client(credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)).AssumeRole(t.Context(), input)
		if code != "" {
			check(t, name, err, 403, code, "User: arn:aws:sts::123456789012:assumed-role/fluent-bit/test is not authorized to perform: sts:AssumeRole on resource: "+target)
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if got := *output.AssumedRoleUser.Arn; got != "arn:aws:sts::123456789012:assumed-role/writer/chained" {
			t.Errorf("%s: assumed %s", name, got)
		}
	}
	f("by the role's name", trust(a.roleARN, ""), "", "")
	f("with the external id", trust(a.roleARN, withID), "cluster-1", "")
	f("without the external id", trust(a.roleARN, withID), "", "AccessDenied")
	f("with another external id", trust(a.roleARN, withID), "cluster-2", "AccessDenied")
	f("by another role", trust(a.roleARN+"2", ""), "", "AccessDenied")
	// Trusting the account leaves it to the caller's own policy, which speaks of es: only.
	f("by the account", trust("arn:aws:iam::123456789012:root", ""), "", "AccessDenied")

	forged := credentials.NewStaticCredentialsProvider(a.open().AccessKeyID, "secret", "token")
	_, err := a.client(forged).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	check(t, "forged", err, 403, "InvalidClientTokenId", "The security token included in the request is invalid")
	c := a.open()
	a.iam.ExpireSessions()
	expired := credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	_, err = a.client(expired).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	check(t, "expired", err, 403, "ExpiredToken", "The security token included in the request is expired")
	c = a.open()
	wrong := credentials.NewStaticCredentialsProvider(c.AccessKeyID, "wrong", c.SessionToken)
	_, err = a.client(wrong).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	check(t, "wrong secret", err, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
}

// check looks at an error as the SDK understood it.
func check(t *testing.T, name string, err error, status int, code, message string) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Errorf("%s: got %v, want %s", name, err, code)
		return
	}
	if api.ErrorCode() != code || response.HTTPStatusCode() != status || !strings.Contains(api.ErrorMessage(), message) {
		t.Errorf("%s: got %d %s: %s\nwant %d %s: %s", name, response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
}
