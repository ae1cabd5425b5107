package localaws

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// webIdentity is what a valid token says.
type webIdentity struct {
	issuer   string
	subject  string
	audience []string
	provider provider
}

// errNoKey is an issuer that answers, but not with the key.
var errNoKey = errors.New("the issuer does not serve the key")

// checkToken judges a web identity token as STS does before it looks at any role: form, issuer, audience, signature, time.
func (s *STS) checkToken(ctx context.Context, text string) (webIdentity, *stsError) {
	return s.checkTokenFor(ctx, text, nil)
}

// checkTokenFor is checkToken for one of the given audiences; nil means those that the issuer is registered for.
func (s *STS) checkTokenFor(ctx context.Context, text string, audiences []string) (webIdentity, *stsError) {
	invalid := func(message string) *stsError {
		return &stsError{http.StatusBadRequest, "InvalidIdentityToken", message}
	}
	parser := jwt.NewParser(jwt.WithoutClaimsValidation(), jwt.WithValidMethods([]string{"RS256"}))
	var claims jwt.RegisteredClaims
	unverified, _, err := parser.ParseUnverified(text, &claims)
	if err != nil {
		return webIdentity{}, invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	registered, ok := s.iam.provider(claims.Issuer)
	if !ok {
		return webIdentity{}, invalid("No OpenIDConnect provider found in your account for " + claims.Issuer)
	}
	keyID, _ := unverified.Header["kid"].(string)
	key, err := s.fetchKey(ctx, claims.Issuer, keyID)
	switch {
	case errors.Is(err, errNoKey):
		return webIdentity{}, invalid("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	case err != nil:
		return webIdentity{}, &stsError{http.StatusBadRequest, "IDPCommunicationError",
			"The identity provider could not be reached. Retry the request."}
	}
	if _, err := parser.Parse(text, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return webIdentity{}, invalid("The web identity token that was passed could not be validated by AWS.")
	}
	if audiences == nil {
		audiences = registered.audiences
	}
	now := s.now()
	switch {
	case claims.ExpiresAt == nil, claims.IssuedAt == nil, claims.Subject == "", len(claims.Audience) == 0:
		return webIdentity{}, invalid("Missing a required claim: exp, iat, sub and aud are needed")
	case !now.Before(claims.ExpiresAt.Time):
		return webIdentity{}, &stsError{http.StatusBadRequest, "ExpiredTokenException",
			fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), claims.ExpiresAt.Unix())}
	case claims.NotBefore != nil && now.Add(5*time.Minute).Before(claims.NotBefore.Time), now.Add(5 * time.Minute).Before(claims.IssuedAt.Time):
		return webIdentity{}, invalid("The web identity token that was passed is not valid yet.")
	case !shareOne(claims.Audience, audiences):
		return webIdentity{}, invalid("Incorrect token audience")
	}
	return webIdentity{issuer: claims.Issuer, subject: claims.Subject, audience: claims.Audience, provider: registered}, nil
}

// fetchKey gets one key of an issuer by discovery. Nothing is kept: STS's own caching is not documented.
func (s *STS) fetchKey(ctx context.Context, issuer, keyID string) (*rsa.PublicKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.fetchJSON(ctx, issuer+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != issuer || discovery.Keys == "" {
		return nil, errNoKey
	}
	var keys keySet
	if err := s.fetchJSON(ctx, discovery.Keys, &keys); err != nil {
		return nil, err
	}
	for _, k := range keys.Keys {
		modulus, err1 := base64.RawURLEncoding.DecodeString(k.Modulus)
		exponent, err2 := base64.RawURLEncoding.DecodeString(k.Exponent)
		if k.ID == keyID && k.Type == "RSA" && err1 == nil && err2 == nil {
			return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}, nil
		}
	}
	return nil, errNoKey
}

func (s *STS) fetchJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errNoKey
	}
	response, err := s.client.Do(request)
	if err != nil {
		var refused *net.OpError
		if errors.As(err, &refused) {
			return fmt.Errorf("cannot reach %q: %w", url, err)
		}
		return errNoKey
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(into) != nil {
		return errNoKey
	}
	return nil
}

func shareOne(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
