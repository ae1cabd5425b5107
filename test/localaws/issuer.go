// Package localaws is the part of AWS that a pod with an IAM role meets on its way to an OpenSearch
// domain, on loopback: the cluster's OIDC issuer, IAM's evaluation of trust and permission
// policies, STS, and the domain's front door with its own computation of Signature Version 4. Its
// input is policies as deploy/iam has them and requests as the AWS SDKs send them; its output is
// AWS's own answers, statuses and error messages, and requests to a real OpenSearch under the
// role's name.
//
// It never uses the SDK to check what the SDK made, accepts nothing that IAM would refuse, and dials nothing but what it is given.
package localaws

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// STSAudience is the audience of the token that IRSA projects into a pod.
const STSAudience = "sts.amazonaws.com"

// Issuer is a cluster's OIDC issuer. It mints service account tokens as the kubelet projects them, and serves the two documents
// by which STS finds its key.
type Issuer struct {
	url   string
	key   *rsa.PrivateKey
	keyID string
}

// ServiceAccountToken says what a token shall claim. The zero value of a field takes the default that its comment names.
type ServiceAccountToken struct {
	Namespace      string        // required
	ServiceAccount string        // required
	Pod            string        // name of the pod the token is bound to; "<ServiceAccount>-x7k2p"
	Audience       []string      // STSAudience
	IssuedAt       time.Time     // now
	Lifetime       time.Duration // 24 h, as IRSA asks for; may be negative for a token that is expired from the start
}

// NewIssuer makes an issuer with a new RSA key of 2048 bits. The URL is where its handler is served, without a slash at the end;
// it becomes the tokens' iss.
func NewIssuer(url string) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make the issuer's key: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	return &Issuer{url: url, key: key, keyID: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// URL returns the issuer's identifier.
func (i *Issuer) URL() string { return i.url }

// Mint signs a token.
func (i *Issuer) Mint(t ServiceAccountToken) (string, error) {
	if t.Namespace == "" || t.ServiceAccount == "" {
		return "", fmt.Errorf("cannot mint a token for %q in namespace %q: both names are needed", t.ServiceAccount, t.Namespace)
	}
	if t.Pod == "" {
		t.Pod = t.ServiceAccount + "-x7k2p"
	}
	if len(t.Audience) == 0 {
		t.Audience = []string{STSAudience}
	}
	if t.IssuedAt.IsZero() {
		t.IssuedAt = time.Now()
	}
	if t.Lifetime == 0 {
		t.Lifetime = 24 * time.Hour
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": i.url,
		"aud": t.Audience,
		"sub": "system:serviceaccount:" + t.Namespace + ":" + t.ServiceAccount,
		"iat": t.IssuedAt.Unix(),
		"nbf": t.IssuedAt.Unix(),
		"exp": t.IssuedAt.Add(t.Lifetime).Unix(),
		"jti": randomUUID(),
		"kubernetes.io": map[string]any{
			"namespace":      t.Namespace,
			"node":           map[string]string{"name": "node-1", "uid": stableUUID("node-1")},
			"pod":            map[string]string{"name": t.Pod, "uid": stableUUID(t.Pod)},
			"serviceaccount": map[string]string{"name": t.ServiceAccount, "uid": stableUUID(t.ServiceAccount)},
		},
	})
	token.Header["kid"] = i.keyID
	signed, err := token.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("cannot sign a token for %q: %w", t.ServiceAccount, err)
	}
	return signed, nil
}

// ServeHTTP answers discovery and the key set, under the paths that EKS uses.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer":                                i.url,
			"jwks_uri":                              i.url + "/keys",
			"authorization_endpoint":                "urn:kubernetes:programmatic_authorization",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"claims_supported":                      []string{"sub", "iss"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case "/keys":
		writeJSON(w, http.StatusOK, keySet{Keys: []publicKey{{
			Type: "RSA", ID: i.keyID, Use: "sig", Algorithm: "RS256",
			Modulus:  base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()),
			Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(i.key.E)).Bytes()),
		}}})
	default:
		http.NotFound(w, r)
	}
}

// keySet is a JSON Web Key Set.
type keySet struct {
	Keys []publicKey `json:"keys"`
}

// publicKey is an RSA key of such a set; the numbers are base64url without padding, big endian.
type publicKey struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // only values of this package come here, and all of them can be encoded
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left is no error of the server
}

func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return formatUUID(b)
}

func stableUUID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return formatUUID([16]byte(sum[:16]))
}

func formatUUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
