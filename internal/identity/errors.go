package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"out_opensearch_irsa/internal/neterror"
	"out_opensearch_irsa/internal/quote"

	"github.com/aws/smithy-go"
)

// A Kind is the cause of an Error.
type Kind string

// The causes.
const (
	Unknown       Kind = "unknown"
	BadOption     Kind = "bad_option"
	RegionMissing Kind = "region_missing"
	RegionOff     Kind = "region_disabled"
	NoCredentials Kind = "no_credentials"
	TokenFile     Kind = "token_file"
	TokenInvalid  Kind = "token_invalid"
	TokenExpired  Kind = "token_expired"
	Denied        Kind = "access_denied"
	BadRole       Kind = "bad_role"
	Throttled     Kind = "throttled"
	Unreachable   Kind = "unreachable"
	Expired       Kind = "expired"
	Closed        Kind = "closed"
)

// An Error says why there are no credentials, and what a person can do about it. It holds no
// secret.
type Error struct {
	Kind    Kind
	Summary string // one line
	Remedy  string // one line; "" where nothing can be done
	Err     error  // the error below, if any
}

func (e *Error) Error() string {
	summary, remedy := e.Explain()
	if remedy == "" {
		return summary
	}
	return summary + "; " + remedy
}

func (e *Error) Unwrap() error { return e.Err }

// Explain gives what happened, with the error below, and the remedy, each in one line.
func (e *Error) Explain() (summary, remedy string) {
	if e.Err == nil {
		return e.Summary, e.Remedy
	}
	return e.Summary + ": " + quote.Line(e.Err.Error()), e.Remedy
}

// classify makes an *Error of anything.
func classify(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Kind: Unknown, Summary: "no credentials", Err: err}
}

// stsError says what a failed call to STS means.
func stsError(err error, call, role string, token claims) *Error {
	e := &Error{Kind: Unknown,
		Summary: fmt.Sprintf("STS %s for role %s failed", call, role), Err: err}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unreachable(e, err, "STS", "let the pod reach it: give the VPC an interface "+
			"endpoint com.amazonaws.<region>.sts or a NAT gateway, with a security group and a "+
			"network policy that allow port 443; or set AWS_STS_Endpoint")
	}
	code := api.ErrorCode()
	e.Err = fmt.Errorf("%s: %s", code, api.ErrorMessage())
	switch code {
	case "AccessDenied", "AccessDeniedException":
		e.Kind = Denied
		e.Remedy = fmt.Sprintf("the role's trust policy must allow sts:%s: check "+
			"that role %s exists", call, role)
		if call == "AssumeRoleWithWebIdentity" {
			e.Remedy += fmt.Sprintf(", that the Federated principal is the OIDC provider of "+
				"issuer %s, and that the conditions ask for sub %q and aud %q, which this pod's "+
				"token carries",
				orUnknown(strings.TrimPrefix(token.Issuer,
					"https://")), token.Subject, strings.Join(token.Audience, ","))
		} else {
			e.Remedy += ", that it trusts the pod's own role and that that role's policy allows " +
				"the call; an external id must match AWS_External_ID"
		}
	case "InvalidIdentityToken", "IDPRejectedClaim":
		e.Kind = TokenInvalid
		if token.Issuer == "" {
			e.Remedy = "the file that AWS_WEB_IDENTITY_TOKEN_FILE names holds no service " +
				"account's token: let the kubelet project it (delete the pod), and " +
				"mount nothing over it"
			break
		}
		e.Remedy = fmt.Sprintf("register the cluster's OIDC issuer %s as an identity provider in "+
			"the role's account, with audience sts.amazonaws.com (this token's aud is %q)",
			token.Issuer, strings.Join(token.Audience, ","))
	case "IDPCommunicationError":
		e.Kind = Unreachable
		e.Remedy = fmt.Sprintf("STS could not reach the OIDC issuer %s: its keys must be public",
			orUnknown(token.Issuer))
	case "ExpiredTokenException", "ExpiredToken":
		e.Kind = TokenExpired
		e.Remedy = "the kubelet renews the token file: check that it is a projected volume and " +
			"no copy, and the node's clock"
	case "ValidationError", "NoSuchEntity", "InvalidParameterValue", "MalformedInput":
		e.Kind = BadRole
		e.Remedy = fmt.Sprintf("check the role's ARN (%s) in the service account's annotation or "+
			"in AWS_Role_ARN: arn:aws:iam::<account>:role/<name>", role)
	case "RegionDisabledException":
		e.Kind = RegionOff
		e.Remedy = "activate STS for the region in the account's settings, or set " +
			"AWS_STS_Endpoint to another region's"
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException":
		e.Kind = NoCredentials
		e.Remedy = "the credentials that are to assume the role are not valid: check the keys in " +
			"the environment or the profile"
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException":
		e.Kind = Throttled
		e.Remedy = "many pods ask for credentials at once: it passes"
	default:
		var answer interface{ HTTPStatusCode() int }
		if errors.As(err, &answer) && answer.HTTPStatusCode() >= 500 {
			e.Kind = Unreachable
			e.Remedy = "STS itself fails: it passes"
		}
	}
	return e
}

// agentError says what a failed call to the Pod Identity agent means.
func agentError(err error, uri string) *Error {
	e := &Error{Kind: Unknown,
		Summary: fmt.Sprintf("the EKS Pod Identity agent at %s gave no credentials", uri), Err: err,
		Remedy: "check that the service account has a Pod Identity association, and that its " +
			"role trusts pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession"}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Kind = Denied
		e.Err = fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
		return e
	}
	return unreachable(e, err, "the agent", "install the add-on eks-pod-identity-agent, look at "+
		"its pods on this node, and let network policies allow 169.254.170.23 port 80")
}

// unreachable tells the errors below an answer apart.
func unreachable(e *Error, err error, who, remedy string) *Error {
	if errors.Is(err, errNoCredentials) {
		e.Kind, e.Remedy = Unknown, "something else than STS seems to answer: check "+
			"AWS_STS_Endpoint and proxies"
		return e
	}
	switch neterror.Classify(context.Background(), err) {
	case neterror.DNS:
		e.Summary += ": the name of " + who + " does not resolve"
	case neterror.TLSUnknownCA, neterror.TLSName, neterror.TLSExpired, neterror.TLSUntrusted:
		e.Summary += ": the certificate of " + who + " is not trusted"
		remedy = "a proxy or a private endpoint presents a certificate of its own: set " +
			"TLS_CA_File to its authority's certificate"
	case neterror.Timeout:
		e.Summary += ": " + who + " did not answer in time"
	case neterror.ConnectRefused, neterror.Unreachable, neterror.Reset, neterror.TLSHandshake:
		e.Summary += ": " + who + " cannot be reached"
	default:
		return e
	}
	e.Kind, e.Remedy = Unreachable, remedy
	return e
}

func orUnknown(s string) string {
	if s == "" {
		return "(not readable in the token)"
	}
	return s
}
