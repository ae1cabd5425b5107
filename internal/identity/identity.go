// Package identity holds the AWS credentials of the pod's own role and signs finished requests with
// them.
//
// In: the environment that EKS gives a pod, and a request whose body is finished and hashed. Out: a
// signed request, or an *Error that says what is missing and who can fix it. It uses the node's
// role only where AWS_Credentials default asks for it, never logs, and never sends a request other
// than for credentials.
package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Options say whose credentials to use and what to sign for.
type Options struct {
	// Region (AWS_Region) and Service (AWS_Service_Name: "es" for a domain, "aoss" for a
	// collection) are what is signed for. Region is required; an empty Service means es.
	Region, Service string
	// Credentials (AWS_Credentials) is the source: "auto" or "" takes the first of web_identity,
	// pod_identity, environment and profile that the pod has; each of these names asks for that one
	// alone. "default" is the whole chain of AWS's SDKs, which ends with the node's role.
	Credentials string
	// Profile (AWS_Profile) names a profile of the shared configuration and credentials files; ""
	// means AWS_PROFILE.
	Profile string
	// RoleARN (AWS_Role_ARN) is assumed with the source's credentials; "" means that those are used
	// themselves. ExternalID (AWS_External_ID) goes with it.
	RoleARN, ExternalID string
	// STSEndpoint (AWS_STS_Endpoint) is a URL; "" means AWS_ENDPOINT_URL_STS, else the region's
	// own.
	STSEndpoint string
	// RootCAs (TLS_CA_File) are whom to trust for STS; nil means the system's.
	RootCAs *x509.CertPool

	// Getenv reads the environment; nil means os.Getenv.
	Getenv func(string) string
	// HTTPClient calls STS and the Pod Identity agent; nil means one with 5 s to connect and 10 s
	// in all.
	HTTPClient *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// An Identity keeps credentials fresh and signs with them. It is safe for concurrent use. Close it
// after use.
type Identity struct {
	region, service string
	from            source
	sts             sts.Options
	signer          *v4.Signer
	now             func() time.Time

	ctx    context.Context // ends at Close; the refresh runs in it
	cancel context.CancelFunc
	wait   sync.WaitGroup // the refresh that runs

	mu       sync.Mutex // guards what follows
	current  aws.Credentials
	refused  bool          // current was refused by the server
	renewAt  time.Time     // when to fetch new ones ahead of their expiry
	margin   time.Duration // how long before expiry they are no longer used
	running  chan struct{} // closed at the end of the refresh that runs; nil if none does
	failures int           // refreshes failed in a row
	lastErr  error         // of the last refresh; nil if it went well
	retryAt  time.Time     // no refresh before this, unless the token file changed
	token    fileStamp     // the token file at the last refresh
	dropped  time.Time     // when Invalidate last had an effect
	skew     time.Duration // the server's clock minus ours
}

const (
	// refreshTimeout bounds one refresh: with a chained role two calls, each tried twice.
	refreshTimeout = 25 * time.Second
	// minBackoff and maxBackoff bound the pause after a failed refresh, which doubles with each.
	minBackoff, maxBackoff = time.Second, 30 * time.Second
	// minInvalidate is the shortest time between two refreshes that the server's refusals can
	// cause.
	minInvalidate = 10 * time.Second
	// minSkew is the least difference of clocks that is corrected. AWS tolerates five minutes.
	minSkew = 30 * time.Second
)

// New finds out where the credentials come from. It does not use the network and does not read a
// token: a token file that is missing may still appear, and Credentials says so until then.
func New(o Options) (*Identity, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Service == "" {
		o.Service = "es"
	}
	if o.Region == "" {
		return nil, &Error{Kind: RegionMissing, Summary: "no AWS region is set",
			Remedy: "set AWS_Region, or the environment's AWS_REGION, to the region of the " +
				"domain, such as eu-west-1"}
	}
	i := &Identity{region: o.Region, service: o.Service, signer: v4.NewSigner(), now: o.Now}
	f := &finder{Options: o, observe: i.Observe}
	var err error
	if i.from, err = f.find(); err != nil {
		return nil, err
	}
	i.sts = f.stsOptions()
	i.ctx, i.cancel = context.WithCancel(context.Background())
	return i, nil
}

// Source names where the credentials come from, for the line at start-up.
func (i *Identity) Source() string { return i.from.name }

// RoleARN is the role whose credentials sign; "" where only AWS knows it.
func (i *Identity) RoleARN() string { return i.from.role }

// Format keeps the credentials out of whatever prints an Identity, with any verb.
func (i *Identity) Format(f fmt.State, _ rune) {
	_,
		_ = fmt.Fprintf(f, "identity{%s}", i.from.name)
}

// Expires is when the credentials in hand end; zero if there are none or if they do not expire.
func (i *Identity) Expires() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.current.CanExpire {
		return time.Time{}
	}
	return i.current.Expires
}

// Close stops a refresh that runs and waits for its end. Credentials and Sign fail afterwards.
func (i *Identity) Close() {
	i.mu.Lock() // no refresh begins between the end of ctx and the wait
	i.cancel()
	i.mu.Unlock()
	i.wait.Wait()
}

// Credentials returns credentials that are good now. Well before they expire it starts to renew
// them in the background, one refresh for all callers. Without good ones it waits for that refresh,
// or until ctx ends; between failed refreshes it fails at once with the last error. The error is an
// *Error.
func (i *Identity) Credentials(ctx context.Context) (aws.Credentials, error) {
	for round := 0; ; round++ {
		i.mu.Lock()
		now := i.now().Add(i.skew)
		usable := i.usable(now)
		wanted := !usable && round < 2 || usable && i.current.CanExpire && !now.Before(i.renewAt)
		if wanted && i.ctx.Err() == nil && i.running == nil && i.mayRefresh() {
			i.refresh()
		}
		creds, err, running := i.current, i.lastErr, i.running
		i.mu.Unlock()

		switch {
		case i.ctx.Err() != nil:
			return aws.Credentials{}, &Error{Kind: Closed,
				Summary: "the credentials were closed", Err: i.ctx.Err()}
		case usable:
			return creds, nil
		case running == nil && err != nil:
			return aws.Credentials{}, err
		case running == nil:
			return aws.Credentials{}, &Error{Kind: Expired,
				Summary: "credentials from " + i.from.name + " are refused as soon as they come"}
		}
		select {
		case <-running:
		case <-ctx.Done():
			return aws.Credentials{}, &Error{Kind: Unreachable,
				Summary: "no credentials yet from " + i.from.name, Err: context.Cause(ctx),
				Remedy: "if it lasts, let the pod reach STS"}
		}
	}
}

// usable says whether the credentials in hand are good. i.mu is held.
func (i *Identity) usable(now time.Time) bool {
	c := &i.current
	return c.AccessKeyID != "" && !i.refused &&
		(!c.CanExpire || now.Before(c.Expires.Add(-i.margin)))
}

// mayRefresh says whether the pause after a failed refresh is over, or the token it used has been
// replaced. i.mu is held.
func (i *Identity) mayRefresh() bool {
	return i.lastErr == nil || !i.now().Before(i.retryAt) || stamp(i.from.tokenFile) != i.token
}

// refresh fetches new credentials in the background. i.mu is held.
func (i *Identity) refresh() {
	done := make(chan struct{})
	i.running = done
	i.token = stamp(i.from.tokenFile)
	i.wait.Go(func() {
		ctx, cancel := context.WithTimeout(i.ctx, refreshTimeout)
		defer cancel()
		c, err := retrieve(ctx, i.from.provider)
		i.mu.Lock()
		defer i.mu.Unlock()
		i.running = nil
		close(done)
		i.settle(c, err)
	})
}

// retrieve gets credentials. A panic in there becomes an error: it would end the whole agent, since
// nothing above this goroutine recovers from it.
func retrieve(ctx context.Context, from aws.CredentialsProvider) (c aws.Credentials, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("recovered from panic (please report it): %v\n%s", p, debug.Stack())
		}
	}()
	return from.Retrieve(ctx)
}

// settle takes over what a refresh brought. i.mu is held.
func (i *Identity) settle(c aws.Credentials, err error) {
	life := c.Expires.Sub(i.now().Add(i.skew))
	if err == nil && c.CanExpire && life <= 0 {
		err = &Error{Kind: Expired,
			Summary: fmt.Sprintf("credentials from %s had expired when they came, at %s",
				i.from.name, c.Expires.UTC().Format(time.RFC3339)),
			Remedy: "set the node's clock: its time synchronisation (chrony) seems not to run"}
	}
	if err != nil {
		pause := min(minBackoff<<min(i.failures, 8), maxBackoff)
		i.failures++
		i.lastErr = classify(err)
		i.retryAt = i.now().Add(pause - rand.N(pause/4))
		return
	}
	i.failures, i.lastErr = 0, nil
	i.current, i.refused = c, false
	if !c.CanExpire {
		return
	}
	lead := min(max(life/5, 5*time.Minute), life/2)
	// Pods of one DaemonSet started together shall not all renew together.
	lead += rand.N(lead/5 + 1)
	i.margin = min(10*time.Second, life/10)
	i.renewAt = c.Expires.Add(-lead)
}

// Invalidate drops the credentials of that key, because a server called them expired or invalid:
// the next Credentials fetches new ones, one refresh for all whose requests were refused. It
// returns whether a request signed now gets others: that is not so if a refusal has caused a
// refresh within the last 10 s and these are the new ones, or if the source has only one pair of
// keys.
func (i *Identity) Invalidate(accessKeyID string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	switch {
	case i.current.AccessKeyID != accessKeyID || i.refused:
		return true
	case i.from.fixed || !i.dropped.IsZero() && now.Sub(i.dropped) < minInvalidate:
		return false
	}
	i.refused, i.dropped = true, now
	return true
}

// Observe learns the server's clock from the Date of its answer. A difference of 30 s and more
// corrects the time that is signed and the time that expiry is measured by. The Date of a server
// whose word counts is wanted: STS's own is observed without being asked, the domain's where it
// refused a signature for its time.
func (i *Identity) Observe(serverDate time.Time) {
	if serverDate.IsZero() {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.skew = serverDate.Sub(i.now()).Round(time.Second)
	if i.skew.Abs() < minSkew {
		i.skew = 0
	}
}

// Sign adds AWS's signature (version 4) to a finished request. payloadSHA256 is the hex SHA-256 of
// its body as sent. Only the host, the content's type and encoding, and x-amz-* are signed: proxies
// change the others.
func (i *Identity) Sign(ctx context.Context, req *http.Request, payloadSHA256 string) error {
	creds, err := i.Credentials(ctx)
	if err != nil {
		return err
	}
	i.mu.Lock()
	at := i.now().Add(i.skew)
	i.mu.Unlock()

	if i.service == "aoss" { // wants it, and wants no signed Content-Length
		req.Header.Set("X-Amz-Content-Sha256", payloadSHA256)
	}
	signed := *req
	signed.ContentLength = 0
	signed.Header = make(http.Header, 8)
	for k, v := range req.Header {
		if stable(k) {
			signed.Header[k] = v
		}
	}
	if err := i.signer.SignHTTP(ctx, creds, &signed, payloadSHA256, i.service, i.region,
		at); err != nil {
		return &Error{Kind: Unknown, Summary: "cannot sign the request", Err: err}
	}
	req.Host = signed.Host // without a default port
	for _, k := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if v, ok := signed.Header[k]; ok {
			req.Header[k] = v
		}
	}
	return nil
}

// stable says whether a header arrives as it was sent.
func stable(key string) bool {
	switch key {
	case "Content-Type", "Content-Encoding":
		return true
	case "X-Amz-Date", "X-Amz-Security-Token": // the signature's own
		return false
	}
	return len(key) > 6 && key[:6] == "X-Amz-"
}
