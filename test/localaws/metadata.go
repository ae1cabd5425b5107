package localaws

import (
	"net/http"
	"strings"
	"time"
)

// Metadata is EC2's metadata service on a node with an instance profile, in its second version only: it gives out the credentials
// of the node's role.
type Metadata struct {
	iam     *IAM
	roleARN string
	token   string
}

// NewMetadata makes the service of a node that has a role.
func NewMetadata(iam *IAM, roleARN string) *Metadata {
	return &Metadata{iam: iam, roleARN: roleARN, token: randomText(30)}
}

const metadataRoles = "/latest/meta-data/iam/security-credentials/"

// ServeHTTP answers the three calls that end with credentials.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := m.roleARN[strings.LastIndexByte(m.roleARN, '/')+1:]
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
		_, _ = w.Write([]byte(m.token)) // a client that left is no error of the server
	case r.Method != http.MethodGet || r.Header.Get("X-Aws-Ec2-Metadata-Token") != m.token:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == metadataRoles:
		_, _ = w.Write([]byte(name))
	case r.URL.Path == metadataRoles+name:
		writeJSON(w, http.StatusOK, given(m.iam.open(m.roleARN, "i-0123456789abcdef0", 6*time.Hour)))
	default:
		http.NotFound(w, r)
	}
}

// givenCredentials is how agents on a node give out credentials.
type givenCredentials struct {
	Code        string `json:"Code"`
	AccessKeyID string `json:"AccessKeyId"`
	Secret      string `json:"SecretAccessKey"`
	Token       string `json:"Token"`
	Expiration  string `json:"Expiration"`
}

func given(s session) givenCredentials {
	return givenCredentials{"Success", s.accessKeyID, s.secret, s.sessionToken, s.expires.UTC().Format(time.RFC3339)}
}
