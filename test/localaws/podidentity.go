package localaws

import (
	"net/http"
	"strings"
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
	clusterARN   string            // guarded by mu; "": no role's trust policy is asked
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

// InCluster says which cluster the agent's node is in: arn:aws:eks:REGION:ACCOUNT:cluster/NAME. From then on a role's trust policy is
// asked, with the tags that EKS sends for the pod.
func (p *PodIdentity) InCluster(arn string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clusterARN = arn
}

// trusts tells whether the role's trust policy lets EKS take it on for a pod of the service account.
func (p *PodIdentity) trusts(roleARN, clusterARN, subject string) bool {
	_, account, _ := strings.Cut(subject, "system:serviceaccount:")
	namespace, name, _ := strings.Cut(account, ":")
	claim := claimant{service: PodIdentityAudience, keys: map[string][]string{
		"aws:RequestTag/eks-cluster-arn":            {clusterARN},
		"aws:RequestTag/eks-cluster-name":           {clusterARN[strings.LastIndexByte(clusterARN, '/')+1:]},
		"aws:RequestTag/kubernetes-namespace":       {namespace},
		"aws:RequestTag/kubernetes-service-account": {name},
	}}
	for _, claim.action = range []string{"sts:AssumeRole", "sts:TagSession"} {
		if !p.sts.iam.admits(roleARN, claim) {
			return false
		}
	}
	return true
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
	roleARN, clusterARN := p.associations[token.subject], p.clusterARN
	p.mu.Unlock()
	if roleARN == "" || clusterARN != "" && !p.trusts(roleARN, clusterARN, token.subject) {
		refuse(http.StatusForbidden, "AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
		return
	}
	writeJSON(w, http.StatusOK, given(p.sts.iam.open(roleARN, "eks-cluster-"+randomUUID(), time.Hour)))
}
