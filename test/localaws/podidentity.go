package localaws

import (
	"net/http"
	"sync"
	"time"
)

// PodIdentityAudience is the audience of the token that EKS Pod Identity projects into a pod.
const PodIdentityAudience = "pods.eks.amazonaws.com"

// PodIdentity is the EKS Pod Identity agent of a node with the service behind it: for a pod's token it gives the credentials of the
// role that the pod's service account is associated with.
type PodIdentity struct {
	sts *STS

	mu           sync.Mutex
	associations map[string]string // guarded by mu; subject of a token → role's ARN
}

// NewPodIdentity makes an agent of a cluster without associations. Tokens are checked against the issuers that the account of sts
// knows, for an audience of their own.
func NewPodIdentity(sts *STS) *PodIdentity {
	return &PodIdentity{sts: sts, associations: map[string]string{}}
}

// Associate gives a service account a role.
func (p *PodIdentity) Associate(namespace, serviceAccount, roleARN string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.associations["system:serviceaccount:"+namespace+":"+serviceAccount] = roleARN
}

// ServeHTTP answers one request for credentials.
func (p *PodIdentity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, message string) {
		writeJSON(w, status, map[string]string{"code": code, "message": message})
	}
	token, refused := p.sts.checkTokenFor(r.Context(), r.Header.Get("Authorization"), []string{PodIdentityAudience})
	if refused != nil {
		refuse(http.StatusBadRequest, "InvalidTokenException", refused.message)
		return
	}
	p.mu.Lock()
	roleARN := p.associations[token.subject]
	p.mu.Unlock()
	if roleARN == "" {
		refuse(http.StatusForbidden, "AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
		return
	}
	writeJSON(w, http.StatusOK, given(p.sts.iam.open(roleARN, "eks-cluster-"+randomUUID(), time.Hour)))
}
