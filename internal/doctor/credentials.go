package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/identity"
)

// checkToken finds where credentials come from, and reads what the pod's token says of itself.
func (e *examination) checkToken(context.Context) outcome {
	if !e.cfg.AWSAuth {
		return needless("AWS_Auth is Off")
	}
	o, err := e.identityOptions()
	if err != nil {
		return explained(err)
	}
	o.RoleARN, o.ExternalID = "", ""
	if e.own, err = identity.New(o); err != nil {
		return explained(err)
	}
	t, err := e.own.Token()
	switch {
	case err != nil:
		return explained(err)
	case t == nil:
		return needless("none is needed: credentials come from %s", e.own.Source())
	}
	return tokenOutcome(t, strings.Contains(e.own.Source(), "Pod Identity"), time.Now())
}

// tokenOutcome tells what is wrong with a token. STS has the last word, so only a token that is
// none keeps it from being asked.
func tokenOutcome(t *identity.Token, podIdentity bool, now time.Time) outcome {
	if t.Subject == "" {
		return broken("let the kubelet project the token: delete the pod, and mount "+
			"nothing over that folder", "%s holds no service account's token", t.Path)
	}
	says := fmt.Sprintf("%s, for %s, issued by %s", t.Subject, strings.Join(t.Audience, ", "),
		t.Issuer)
	wanted, where := "sts.amazonaws.com", "the service account's annotation "+
		"eks.amazonaws.com/audience says otherwise: leave it out, unless the identity provider "+
		"in IAM lists that audience"
	if podIdentity {
		wanted, where = "pods.eks.amazonaws.com", "another token is mounted over it: let the "+
			"webhook mount the one for EKS Pod Identity"
	}
	left := t.Expires.Sub(now)
	switch {
	case !t.Expires.IsZero() && left <= 0:
		o := broken("the kubelet renews it: check that the file is the projected volume and no "+
			"copy, that the kubelet on this node works, and the node's clock", "%s expired %s ago: %s", t.Path, age(-left), says)
		o.passable = true
		return o
	case !slices.Contains(t.Audience, wanted):
		return suspect(where, "%s, and AWS's own audience is %s", says, wanted)
	case !t.Issued.IsZero() && left < t.Expires.Sub(t.Issued)/10:
		return suspect("the kubelet renews it from 80 % of its life: check that the file is the "+
			"projected volume and no copy", "%s, and has only %s left", says, age(left))
	case t.Expires.IsZero():
		return fine("%s", says)
	}
	return fine("%s, good for %s", says, age(left))
}

// checkTrust asks for credentials with the token.
func (e *examination) checkTrust(ctx context.Context) outcome {
	if e.own == nil {
		return needless("AWS_Auth is Off")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*e.timeout) // STS is asked twice
	defer cancel()
	if _, err := e.own.Credentials(ctx); err != nil {
		return explained(err)
	}
	if t, err := e.own.Token(); t == nil && err == nil {
		return needless("none is asked: credentials come from %s", e.own.Source())
	}
	if until := e.own.Expires(); !until.IsZero() {
		return fine("%s: credentials for %s", e.own.Source(), age(time.Until(until)))
	}
	return fine("%s", e.own.Source())
}

// checkRole assumes AWS_Role_ARN.
func (e *examination) checkRole(ctx context.Context) outcome {
	switch {
	case e.own == nil:
		return needless("AWS_Auth is Off")
	case e.cfg.AWSRoleARN == "":
		e.signer = e.own
		return needless("not given: the pod's own role signs")
	case e.cfg.AWSRoleARN == e.own.RoleARN():
		e.signer = e.own
		return needless("it is the pod's own role, which is not assumed again")
	}
	o, err := e.identityOptions()
	if err == nil {
		e.signer, err = identity.New(o)
	}
	if err != nil {
		return explained(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*e.timeout)
	defer cancel()
	if _, err := e.signer.Credentials(ctx); err != nil {
		return explained(err)
	}
	return fine("%s, assumed by the pod's own", e.cfg.AWSRoleARN)
}

// checkIdentity asks STS who that is.
func (e *examination) checkIdentity(ctx context.Context) outcome {
	if e.signer == nil {
		if e.cfg.HTTPUser != "" {
			return fine("user %s", e.cfg.HTTPUser)
		}
		return fine("nobody: requests carry neither a signature nor a user")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*e.timeout)
	defer cancel()
	arn, err := e.signer.Caller(ctx)
	if err != nil {
		o := explained(err)
		o.status, o.passable = Warning, true // delivery does not ask for it
		return o
	}
	return fine("%s, signing for %s in %s", arn, e.cfg.AWSService, e.cfg.AWSRegion)
}

func (e *examination) identityOptions() (identity.Options, error) {
	o, err := connect.IdentityOptions(e.cfg)
	o.Getenv = e.getenv
	return o, err
}

// age writes a time as a person says it.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
