// Package webhook stands in for EKS's two admission webhooks: its input is admission reviews of
// pods, its output the patches that give a pod its role, by the annotation of its service account
// (IRSA) or by an association (Pod Identity), as EKS documents them.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	roleAnnotation = "eks.amazonaws.com/role-arn"
	day            = 24 * 60 * 60
)

// grant is what a pod gets: a token for an audience, and variables.
type grant struct {
	volume, mountPath, file, audience string
	env                               []corev1.EnvVar
}

// Webhook is an admission webhook.
type Webhook struct {
	Region     string
	Account    func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) // looks a service account up
	Associated func(namespace, name string) bool                                                 // tells whether it has an association
}

func (h *Webhook) grantFor(account *corev1.ServiceAccount) *grant {
	if h.Associated(account.Namespace, account.Name) { // which wins over an annotation
		g := &grant{volume: "eks-pod-identity-token",
			mountPath: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", file: "eks-pod-identity-token", audience: "pods.eks.amazonaws.com"}
		g.env = []corev1.EnvVar{
			{Name: "AWS_STS_REGIONAL_ENDPOINTS", Value: "regional"},
			{Name: "AWS_DEFAULT_REGION", Value: h.Region},
			{Name: "AWS_REGION", Value: h.Region},
			{Name: "AWS_CONTAINER_CREDENTIALS_FULL_URI",
				Value: "http://169.254.170.23/v1/credentials"},
			{Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Value: g.mountPath + "/" + g.file},
		}
		return g
	}
	role := account.Annotations[roleAnnotation]
	if role == "" {
		return nil
	}
	g := &grant{volume: "aws-iam-token",
		mountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount", file: "token", audience: "sts.amazonaws.com"}
	g.env = []corev1.EnvVar{
		{Name: "AWS_STS_REGIONAL_ENDPOINTS", Value: "regional"},
		{Name: "AWS_DEFAULT_REGION", Value: h.Region}, {Name: "AWS_REGION", Value: h.Region},
		{Name: "AWS_ROLE_ARN", Value: role},
		{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: g.mountPath + "/" + g.file},
	}
	return g
}

// ServeHTTP answers one admission review.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, "no admission review", http.StatusBadRequest)
		return
	}
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	patch, err := h.patch(r.Context(), review.Request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if len(patch) > 0 {
		kind := admissionv1.PatchTypeJSONPatch
		response.PatchType = &kind
		if response.Patch, err = json.Marshal(patch); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	review.Request, review.Response = nil, response
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review) // a client that left is no error of the server
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (h *Webhook) patch(ctx context.Context, request *admissionv1.AdmissionRequest) ([]operation,
	error) {
	var pod corev1.Pod
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return nil, fmt.Errorf("cannot read the pod: %w", err)
	}
	account, err := h.Account(ctx, request.Namespace, pod.Spec.ServiceAccountName)
	if err != nil {
		return nil, err
	}
	g := h.grantFor(account)
	if g == nil {
		return nil, nil
	}
	lifetime := int64(day)
	volumes := append(slices.Clone(pod.Spec.Volumes),
		corev1.Volume{Name: g.volume, VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Audience: g.audience, ExpirationSeconds: &lifetime, Path: g.file,
			}}}},
		}})
	patch := []operation{{"add", "/spec/volumes", volumes}}
	for kind, containers := range map[string][]corev1.Container{"initContainers": pod.Spec.InitContainers, "containers": pod.Spec.Containers} {
		if len(containers) == 0 {
			continue
		}
		changed := make([]corev1.Container, len(containers))
		for n := range containers {
			changed[n] = g.to(containers[n])
		}
		patch = append(patch, operation{"add", "/spec/" + kind, changed})
	}
	return patch, nil
}

// to leaves what the container says itself. One that names a role or a token of its own keeps all
// of its own.
func (g *grant) to(c corev1.Container) corev1.Container {
	set := func(name string) bool {
		return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name })
	}
	if set("AWS_ROLE_ARN") || set("AWS_WEB_IDENTITY_TOKEN_FILE") {
		return c
	}
	region := set("AWS_REGION") || set("AWS_DEFAULT_REGION")
	env := slices.Clone(c.Env)
	for _, e := range g.env {
		if !set(e.Name) && (!region || !strings.HasSuffix(e.Name, "REGION")) {
			env = append(env, e)
		}
	}
	c.Env = env
	c.VolumeMounts = append(slices.Clone(c.VolumeMounts),
		corev1.VolumeMount{Name: g.volume, ReadOnly: true, MountPath: g.mountPath})
	return c
}
