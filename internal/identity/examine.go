package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// A Token is what the pod's token says of itself, unverified. It does not hold the token.
type Token struct {
	Path            string // of its file
	Issuer, Subject string
	Audience        []string
	Issued, Expires time.Time // zero where it does not say
}

// Token reads the token that the pod's own credentials are got for; nil where their source needs
// none.
func (i *Identity) Token() (*Token, error) {
	if i.from.tokenFile == "" {
		return nil, nil
	}
	text, err := readToken(i.from.tokenFile, "the annotation eks.amazonaws.com/role-arn or a Pod "+
		"Identity association")
	if err != nil {
		return nil, err
	}
	c := readClaims(text)
	t := &Token{Path: i.from.tokenFile, Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience}
	var times struct {
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if b, ok := payload(text); ok && json.Unmarshal(b, &times) == nil {
		t.Issued, t.Expires = fromEpoch(times.Issued), fromEpoch(times.Expires)
	}
	return t, nil
}

func fromEpoch(seconds float64) time.Time {
	if seconds < 1 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// Caller asks STS whose credentials these are, which needs no permission, and returns the ARN.
func (i *Identity) Caller(ctx context.Context) (string, error) {
	creds, err := i.Credentials(ctx)
	if err != nil {
		return "", err
	}
	opts := i.sts
	opts.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials,
		error) {
		return creds, nil
	})
	out, err := sts.New(opts).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", stsError(err, "GetCallerIdentity", cmp.Or(i.from.role, "(not known)"), claims{})
	}
	if out.Arn == nil {
		return "", &Error{Kind: Unknown, Summary: fmt.Sprintf("STS does not say whose "+
			"credentials from %s are", i.from.name),
			Remedy: "something else than STS seems to answer: check AWS_STS_Endpoint and proxies"}
	}
	return *out.Arn, nil
}
