package localaws

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Throttle is how a front door turns requests away before it looks at them.
type Throttle int

// The ways of throttling that have been seen of domains.
const (
	ThrottleOff        Throttle = iota
	Throttle429                 // the domain's own: 429 with a line of plain text
	Throttle403                 // the IAM layer's: 403 "Rate exceeded"
	ThrottleIdentities          // the IAM layer's: 429, too many identities at once
)

// FrontDoorOptions describes a domain.
type FrontDoorOptions struct {
	IAM            *IAM
	Region         string         // us-east-1
	DomainARN      string         // arn:aws:es:REGION:ACCOUNT:domain/NAME, or arn:aws:aoss:REGION:ACCOUNT:collection/ID
	Collection     Collection     // the type, if it is a Serverless collection and no domain
	Upstream       *url.URL       // the OpenSearch behind the door
	UpstreamCA     *x509.CertPool // whom to trust there; nil when Upstream is plain HTTP
	MaxRequestSize int64          // bytes of a body, as it comes over the wire; 0 means 10 MiB, the least that domains have
}

// FrontDoor is a domain's front door: it authenticates by signature, asks IAM, and hands the request on to OpenSearch in the name
// of the role, by the two headers that the security plugin's proxy authentication reads.
type FrontDoor struct {
	options FrontDoorOptions
	proxy   *httputil.ReverseProxy

	mu          sync.Mutex
	clockOffset time.Duration // guarded by mu
	throttle    Throttle      // guarded by mu
	outage      bool          // guarded by mu
	access      *accessPolicy // guarded by mu; the domain's own; nil: none
	data        *DataAccess   // guarded by mu; a collection's data access policy; nil: only readers are asked
	readers     []string      // guarded by mu; the principals in a collection's data access policy; nil means any
	loseAnswers int           // guarded by mu; how many of the next requests are done, but not answered
	stats       FrontDoorStats
}

// FrontDoorStats is what a front door saw since it was made.
type FrontDoorStats struct {
	Requests      int         // all that came
	Forwarded     int         // those that OpenSearch got
	Statuses      map[int]int // answers by HTTP status; a lost answer counts as 0
	LastCaller    string      // ARN of the session that signed the last accepted request
	LastAccessKey string      // its access key id
}

// errLost marks an answer that is thrown away on purpose.
var errLost = errors.New("answer lost")

// NewFrontDoor makes the front door of a domain.
func NewFrontDoor(o FrontDoorOptions) *FrontDoor {
	if o.MaxRequestSize == 0 {
		o.MaxRequestSize = 10 << 20
	}
	d := &FrontDoor{options: o, stats: FrontDoorStats{Statuses: map[int]int{}}}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: o.UpstreamCA, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 32,
		DisableCompression:  true, // what the client asked for goes through as it is
	}
	d.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(o.Upstream); r.SetXForwarded() },
		Transport:      transport,
		ModifyResponse: d.answered,
		ErrorHandler:   d.unanswered,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	return d
}

// SetClockOffset makes the domain's clock go wrong, or rather the clients': positive is a domain ahead of them.
func (d *FrontDoor) SetClockOffset(offset time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clockOffset = offset
}

// SetThrottle turns every request away until it is called with ThrottleOff.
func (d *FrontDoor) SetThrottle(t Throttle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.throttle = t
}

// SetOutage makes every answer a 503 until it is called with false. For refused connections take the Server down.
func (d *FrontDoor) SetOutage(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outage = down
}

// SetAccessPolicy replaces the domain's access policy; the empty one is none.
func (d *FrontDoor) SetAccessPolicy(document []byte) error {
	var p *accessPolicy
	if len(document) > 0 {
		var err error
		if p, err = parseAccessPolicy(document); err != nil {
			return fmt.Errorf("cannot use the access policy: %w", err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.access = p
	return nil
}

// SetDataAccessPolicy replaces the collection's data access policy; nil is none.
func (d *FrontDoor) SetDataAccessPolicy(p *DataAccess) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data = p
}

// LoseAnswers lets the next n accepted requests be done by OpenSearch and then breaks their connections, as a network may.
func (d *FrontDoor) LoseAnswers(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loseAnswers = n
}

// Stats returns a copy of what was counted.
func (d *FrontDoor) Stats() FrontDoorStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	stats := d.stats
	stats.Statuses = make(map[int]int, len(d.stats.Statuses))
	for status, n := range d.stats.Statuses {
		stats.Statuses[status] = n
	}
	return stats
}

// ServeHTTP judges one request and hands it on, or refuses it.
func (d *FrontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.stats.Requests++
	now := time.Now().Add(d.clockOffset)
	throttle, outage := d.throttle, d.outage
	d.mu.Unlock()

	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if outage {
		d.refuse(w, unavailable)
		return
	}
	if throttle != ThrottleOff {
		d.refuse(w, throttled(throttle, r.URL.Path))
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, d.options.MaxRequestSize+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off: nobody is there to be answered
	}
	if int64(len(body)) > d.options.MaxRequestSize {
		d.refuse(w, tooLarge(d.options.MaxRequestSize))
		return
	}
	caller, refused := d.authenticate(r, body, now)
	if refused == nil && d.options.Collection != "" {
		refused = d.collection(r, caller, body)
	}
	if refused != nil {
		d.refuse(w, *refused)
		return
	}
	d.mu.Lock()
	d.stats.LastCaller, d.stats.LastAccessKey = caller.arn, caller.accessKeyID
	d.mu.Unlock()
	if d.options.Collection == TimeSeries && strings.HasSuffix(r.URL.Path, "/_bulk") {
		d.withoutIDs(w, r, caller, body)
		return
	}
	d.proxy.ServeHTTP(w, d.onwards(r, caller, body))
}

// authenticate finds out who signed and whether IAM and the domain's access policy let that role do it. A request that nobody signed
// passes as nobody's where the access policy says so: a password is the security plugin's business.
func (d *FrontDoor) authenticate(r *http.Request, body []byte, now time.Time) (session, *answer) {
	action, resource, service := "es:ESHttp"+strings.ToUpper(r.Method[:1])+strings.ToLower(r.Method[1:]), d.options.DomainARN+r.URL.Path, "es"
	if d.options.Collection != "" {
		action, resource, service = "aoss:APIAccessAll", d.options.DomainARN, "aoss"
	}
	d.mu.Lock()
	access := d.access
	d.mu.Unlock()
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	claim := claimant{action: action, arns: []string{"anonymous"}, keys: map[string][]string{"aws:SourceIp": {address}}}
	given := r.Header.Get("Authorization")
	if (given == "" || strings.HasPrefix(given, "Basic ")) && r.Header.Get("X-Amz-Date") == "" && r.Header.Get("X-Amz-Security-Token") == "" {
		if access.decide(claim, resource) == allowed {
			return session{}, nil
		}
		refused := anonymous(action)
		return session{}, &refused
	}
	caller, refused := verifier{iam: d.options.IAM, region: d.options.Region, service: service, skew: 5 * time.Minute}.verify(r, body, now)
	if refused != nil {
		a := unauthenticated(*refused)
		return session{}, &a
	}
	claim.arns = []string{caller.role.arn, caller.arn}
	byRole, byDomain := d.options.IAM.decide(caller, action, resource), access.decide(claim, resource)
	if byDomain == denied {
		a := deniedByDomain(caller.arn, action)
		return session{}, &a
	}
	// Within an account either of the two policies is enough, between two both are needed.
	between := caller.role.account != accountOf(d.options.DomainARN)
	if byRole == denied || byRole != allowed && (byDomain != allowed || between) || between && byDomain != allowed {
		a := unauthorized(caller.arn, action, byRole)
		return session{}, &a
	}
	return caller, nil
}

// onwards is the request as OpenSearch shall see it: in the role's name if one signed, without the signature and without names that
// the client claims for itself.
func (d *FrontDoor) onwards(r *http.Request, caller session, body []byte) *http.Request {
	out := r.Clone(r.Context())
	for name := range out.Header {
		lower := strings.ToLower(name)
		if lower == "authorization" && caller.role != nil || strings.HasPrefix(lower, "x-amz-") || strings.HasPrefix(lower, "x-proxy-") ||
			strings.HasPrefix(lower, "x-forwarded-") || lower == "forwarded" {
			out.Header.Del(name)
		}
	}
	if caller.role != nil {
		out.Header.Set("X-Proxy-User", caller.arn)
		out.Header.Set("X-Proxy-Roles", caller.role.arn)
	}
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.ContentLength = int64(len(body))
	out.TransferEncoding = nil
	return out
}

// answered sees OpenSearch's response before the client does.
func (d *FrontDoor) answered(response *http.Response) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Forwarded++
	if d.loseAnswers > 0 {
		d.loseAnswers--
		d.stats.Statuses[0]++
		return errLost
	}
	d.stats.Statuses[response.StatusCode]++
	response.Header.Del("Date") // ours is set, with our clock
	return nil
}

// unanswered is called when there is no response to give.
func (d *FrontDoor) unanswered(w http.ResponseWriter, _ *http.Request, err error) {
	if errors.Is(err, errLost) {
		panic(http.ErrAbortHandler)
	}
	d.refuse(w, unavailable)
}

func (d *FrontDoor) refuse(w http.ResponseWriter, a answer) {
	d.mu.Lock()
	d.stats.Statuses[a.status]++
	d.mu.Unlock()
	a.write(w)
}
