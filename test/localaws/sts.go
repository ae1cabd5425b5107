package localaws

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// STS answers AssumeRoleWithWebIdentity, AssumeRole and GetCallerIdentity of the query protocol, in any region.
type STS struct {
	iam    *IAM
	client *http.Client // fetches issuers' documents

	mu       sync.Mutex
	lifetime time.Duration // guarded by mu; 0: what the caller asks for
	outage   bool          // guarded by mu
	requests int           // guarded by mu
	offset   time.Duration // guarded by mu; STS's clock minus ours
}

// NewSTS makes the service of an account.
func NewSTS(iam *IAM) *STS {
	// AWS gives an issuer five seconds; a local one needs none of them.
	return &STS{iam: iam, client: &http.Client{Timeout: 5 * time.Second}}
}

// FetchIssuersBy makes STS get issuers' documents by a transport of its own: for issuers in another network, or with a CA of theirs.
func (s *STS) FetchIssuersBy(transport http.RoundTripper) { s.client.Transport = transport }

// SetLifetime makes every session from now on live this long, whatever its caller asks for: AWS's least is 15 minutes, and no test
// waits that long. Zero restores AWS's rule.
func (s *STS) SetLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetime = d
}

// SetOutage makes every answer a 503 until it is called with false.
func (s *STS) SetOutage(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = down
}

// SetClockOffset makes STS's clock go wrong, or rather the clients': positive is an STS ahead of them.
func (s *STS) SetClockOffset(offset time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = offset
}

func (s *STS) clockOffset() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offset
}

// now is STS's clock.
func (s *STS) now() time.Time { return time.Now().Add(s.clockOffset()) }

// Requests returns how many requests came, answered or refused.
func (s *STS) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// ServeHTTP answers one call.
func (s *STS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	outage := s.outage
	s.mu.Unlock()
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	if outage {
		writeSTSError(w, stsError{http.StatusServiceUnavailable, "ServiceUnavailable", "Service unavailable, please try again."})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		writeSTSError(w, stsError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request size exceeded the limit."})
		return
	}
	form := r.URL.Query()
	if posted, err := url.ParseQuery(string(body)); err == nil {
		for name, values := range posted {
			form[name] = append(form[name], values...)
		}
	}
	var result any
	var refused *stsError
	switch action := form.Get("Action"); action {
	case "AssumeRoleWithWebIdentity":
		result, refused = s.assumeRoleWithWebIdentity(r, form)
	case "AssumeRole":
		result, refused = s.assumeRole(r, body, form)
	case "GetCallerIdentity":
		result, refused = s.getCallerIdentity(r, body)
	default:
		refused = &stsError{http.StatusBadRequest, "InvalidAction", "Could not find operation " + action + " for version 2011-06-15"}
	}
	if refused != nil {
		writeSTSError(w, *refused)
		return
	}
	writeXML(w, http.StatusOK, result)
}

func (s *STS) assumeRoleWithWebIdentity(r *http.Request, form url.Values) (any, *stsError) {
	lifetime, refused := s.checkSession(form, "WebIdentityToken")
	if refused != nil {
		return nil, refused
	}
	token, refused := s.checkToken(r.Context(), form.Get("WebIdentityToken"))
	if refused != nil {
		return nil, refused
	}
	name := IdentityProvider(token.issuer)
	if !s.iam.admits(form.Get("RoleArn"), claimant{
		action:    "sts:AssumeRoleWithWebIdentity",
		federated: token.provider.arn,
		keys:      map[string][]string{name + ":aud": token.audience, name + ":sub": {token.subject}},
	}) {
		return nil, &stsError{http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	}
	opened := s.iam.open(form.Get("RoleArn"), form.Get("RoleSessionName"), lifetime)
	return assumeRoleWithWebIdentityResponse{
		Subject: token.subject, Audience: token.audience[0], Provider: token.provider.arn,
		User: assumedUser(opened), Credentials: temporaryCredentials(opened, s.clockOffset()), RequestID: randomUUID(),
	}, nil
}

func (s *STS) assumeRole(r *http.Request, body []byte, form url.Values) (any, *stsError) {
	caller, refused := s.caller(r, body)
	if refused != nil {
		return nil, refused
	}
	lifetime, refused := s.checkSession(form)
	if refused != nil {
		return nil, refused
	}
	target := form.Get("RoleArn")
	claim := claimant{
		action: "sts:AssumeRole",
		arns:   []string{caller.role.arn, caller.arn},
		keys:   map[string][]string{},
	}
	if id := form.Get("ExternalId"); id != "" {
		claim.keys["sts:ExternalId"] = []string{id}
	}
	// A trust policy that names the account leaves the choice to the caller's own policy.
	if s.iam.decide(caller, "sts:AssumeRole", target) == allowed {
		claim.arns = append(claim.arns, s.iam.arn("iam")+":root", s.iam.account)
	}
	decided := s.iam.decide(caller, "sts:AssumeRole", target)
	between := accountOf(target) != caller.role.account // two accounts: both have to agree
	if decided == denied || between && decided != allowed || !s.iam.admits(target, claim) {
		return nil, &stsError{http.StatusForbidden, "AccessDenied",
			"User: " + caller.arn + " is not authorized to perform: sts:AssumeRole on resource: " + target}
	}
	opened := s.iam.open(target, form.Get("RoleSessionName"), lifetime)
	return assumeRoleResponse{User: assumedUser(opened), Credentials: temporaryCredentials(opened, s.clockOffset()), RequestID: randomUUID()}, nil
}

func (s *STS) getCallerIdentity(r *http.Request, body []byte) (any, *stsError) {
	caller, refused := s.caller(r, body)
	if refused != nil {
		return nil, refused
	}
	return getCallerIdentityResponse{ARN: caller.arn, UserID: caller.assumedID, Account: caller.role.account, RequestID: randomUUID()}, nil
}

// caller is whose session signed the call. STS allows clocks to differ by fifteen minutes.
func (s *STS) caller(r *http.Request, body []byte) (session, *stsError) {
	found, refused := verifier{iam: s.iam, service: "sts", skew: 15 * time.Minute}.verify(r, body, s.now())
	if refused == nil {
		return found, nil
	}
	status := http.StatusForbidden
	if refused.code == "IncompleteSignature" {
		status = http.StatusBadRequest
	}
	return session{}, &stsError{status, refused.code, refused.message}
}

var sessionNames = regexp.MustCompile(`^[\w+=,.@-]*$`)

// checkSession validates what both ways of taking on a role have in common and returns how long the session shall live.
func (s *STS) checkSession(form url.Values, required ...string) (time.Duration, *stsError) {
	invalid := func(format string, args ...any) *stsError {
		return &stsError{http.StatusBadRequest, "ValidationError", "1 validation error detected: " + fmt.Sprintf(format, args...)}
	}
	for _, name := range append([]string{"RoleArn", "RoleSessionName"}, required...) {
		if form.Get(name) == "" {
			field := string(name[0]|0x20) + name[1:]
			return 0, invalid("Value null at '%s' failed to satisfy constraint: Member must not be null", field)
		}
	}
	name := form.Get("RoleSessionName")
	switch {
	case !sessionNames.MatchString(name):
		return 0, invalid(`Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, name)
	case len(name) < 2:
		return 0, invalid("Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2", name)
	case len(name) > 64:
		return 0, invalid("Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64", name)
	}
	lifetime := time.Hour
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return 0, &stsError{http.StatusBadRequest, "MalformedInput", "Start of structure or map found where not expected"}
		case seconds < 900:
			return 0, invalid("Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900", seconds)
		case seconds > 43200:
			return 0, invalid("Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200", seconds)
		case seconds > 3600: // a role's MaxSessionDuration unless somebody raises it
			return 0, &stsError{http.StatusBadRequest, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lifetime > 0 {
		lifetime = s.lifetime
	}
	return lifetime, nil
}
