package localaws

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// IAM is an account: its identity providers, its roles and the temporary credentials given out. STS and FrontDoor share one.
type IAM struct {
	partition string // aws, aws-cn or aws-us-gov
	account   string

	mu        sync.Mutex
	secrets   []string            // guarded by mu; every secret key and session token that was ever given out
	providers map[string]provider // by issuer URL
	roles     map[string]*role    // by ARN
	sessions  map[string]*session // by access key id
}

type provider struct {
	arn       string
	audiences []string
}

type role struct {
	arn     string
	account string
	name    string
	id      string // AROA…
	trust   trustPolicy
	policy  policy
}

// session is one set of temporary credentials. Its fields do not change once it is in the table, but for expires.
type session struct {
	role         *role
	arn          string // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	assumedID    string // AROA…:SESSION
	accessKeyID  string
	secret       string
	sessionToken string
	expires      time.Time
}

// NewIAM makes an empty account. The account number has twelve digits.
func NewIAM(account string) *IAM { return NewIAMIn("aws", account) }

// NewIAMIn makes an account in a partition: aws, aws-cn or aws-us-gov.
func NewIAMIn(partition, account string) *IAM {
	return &IAM{partition: partition, account: account, providers: map[string]provider{}, roles: map[string]*role{}, sessions: map[string]*session{}}
}

// IdentityProvider is the issuer's URL without its scheme: what stands for ${IDENTITY_PROVIDER} in a trust policy.
func IdentityProvider(issuerURL string) string {
	_, name, found := strings.Cut(issuerURL, "://")
	if !found {
		return issuerURL
	}
	return name
}

// AddIdentityProvider registers an OIDC issuer for the given audiences and returns the provider's ARN.
func (i *IAM) AddIdentityProvider(issuerURL string, audiences ...string) string {
	arn := i.arn("iam") + ":oidc-provider/" + IdentityProvider(issuerURL)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.providers[issuerURL] = provider{arn: arn, audiences: audiences}
	return arn
}

// PutRole makes or replaces a role and returns its ARN. Both documents are policies without placeholders; a policy that this
// package cannot judge is an error. Sessions given out before keep the ARN and come under the new policy.
func (i *IAM) PutRole(name string, trustDocument, policyDocument []byte) (string, error) {
	return i.PutRoleOf(i.account, name, trustDocument, policyDocument)
}

// PutRoleOf is PutRole in another account, where a role may be taken on only if the caller's own policy allows it too.
func (i *IAM) PutRoleOf(account, name string, trustDocument, policyDocument []byte) (string, error) {
	trusted, err := parseTrust(trustDocument)
	if err != nil {
		return "", fmt.Errorf("cannot use the trust policy of role %q: %w", name, err)
	}
	permitted, err := parsePolicy(policyDocument)
	if err != nil {
		return "", fmt.Errorf("cannot use the policy of role %q: %w", name, err)
	}
	arn := "arn:" + i.partition + ":iam::" + account + ":role/" + name
	i.mu.Lock()
	defer i.mu.Unlock()
	if existing := i.roles[arn]; existing != nil {
		existing.trust, existing.policy = trusted, permitted
		return arn, nil
	}
	i.roles[arn] = &role{arn: arn, account: account, name: name, id: "AROA" + randomID(), trust: trusted, policy: permitted}
	return arn, nil
}

// ExpireSessions ends the life of all credentials given out so far: they are answered as expired.
func (i *IAM) ExpireSessions() {
	i.mu.Lock()
	defer i.mu.Unlock()
	past := time.Now().Add(-time.Second)
	for _, s := range i.sessions {
		s.expires = past
	}
}

// RevokeSessions forgets all credentials given out so far: they are answered as invalid.
func (i *IAM) RevokeSessions() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.sessions)
}

// provider returns the provider registered for an issuer.
func (i *IAM) provider(issuerURL string) (provider, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p, ok := i.providers[issuerURL]
	return p, ok
}

// admits tells whether the role exists and its trust policy admits the claimant. STS does not tell the two apart either.
func (i *IAM) admits(roleARN string, c claimant) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.roles[roleARN]
	return r != nil && r.trust.admits(c)
}

// decide applies the session's role's policy.
func (i *IAM) decide(s session, action, resource string) decision {
	i.mu.Lock()
	defer i.mu.Unlock()
	return s.role.policy.decide(action, resource)
}

// open gives out credentials for a role that exists.
func (i *IAM) open(roleARN, sessionName string, lifetime time.Duration) session {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.roles[roleARN]
	s := &session{
		role:         r,
		arn:          "arn:" + i.partition + ":sts::" + r.account + ":assumed-role/" + r.name + "/" + sessionName,
		assumedID:    r.id + ":" + sessionName,
		accessKeyID:  "ASIA" + randomID(),
		secret:       randomText(30),
		sessionToken: "IQoJb3JpZ2luX2Vj" + randomText(300),
		expires:      time.Now().Add(lifetime).Truncate(time.Second),
	}
	i.sessions[s.accessKeyID] = s
	i.secrets = append(i.secrets, s.secret, s.sessionToken)
	return *s
}

// AddUser makes an IAM user with one access key, which lives for ever.
func (i *IAM) AddUser(name string, policyDocument []byte) (arn, accessKeyID, secret string, err error) {
	permitted, err := parsePolicy(policyDocument)
	if err != nil {
		return "", "", "", fmt.Errorf("cannot use the policy of user %q: %w", name, err)
	}
	arn = i.arn("iam") + ":user/" + name
	s := &session{
		role: &role{arn: arn, account: i.account, name: name, policy: permitted}, arn: arn, assumedID: "AIDA" + randomID(),
		accessKeyID: "AKIA" + randomID(), secret: randomText(30), expires: time.Now().AddDate(10, 0, 0),
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sessions[s.accessKeyID] = s
	i.secrets = append(i.secrets, s.secret)
	return arn, s.accessKeyID, s.secret, nil
}

// Secrets returns every secret key and session token that was given out, those of the past too: what no log may hold.
func (i *IAM) Secrets() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.secrets)
}

// arn is the beginning of an ARN in this account.
func (i *IAM) arn(service string) string {
	return "arn:" + i.partition + ":" + service + "::" + i.account
}

// session finds credentials by their access key id.
func (i *IAM) session(accessKeyID string) (session, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.sessions[accessKeyID]
	if s == nil {
		return session{}, false
	}
	return *s, true
}

// randomID returns the 16 characters that follow the prefix of an AWS identifier.
func randomID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return base32.StdEncoding.EncodeToString(b[:])
}

func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its contract
	return base64.StdEncoding.EncodeToString(b)
}
