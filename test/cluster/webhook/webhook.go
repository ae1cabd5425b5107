// Package webhook stands in for EKS's pod identity webhook: what comes in are admission reviews of pods, what goes out are the
// patches that give a pod of an annotated service account its role, as EKS documents them. It knows nothing else.
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

// What EKS's webhook reads and writes.
const (
	roleAnnotation = "eks.amazonaws.com/role-arn"
	volumeName     = "aws-iam-token"
	mountPath      = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
	audience       = "sts.amazonaws.com"
	day            = 24 * 60 * 60
)

// Webhook is an admission webhook. Account looks a service account up.
type Webhook struct {
	Region  string
	Account func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
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

func (h *Webhook) patch(ctx context.Context, request *admissionv1.AdmissionRequest) ([]operation, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return nil, fmt.Errorf("cannot read the pod: %w", err)
	}
	account, err := h.Account(ctx, request.Namespace, pod.Spec.ServiceAccountName)
	if err != nil {
		return nil, err
	}
	role := account.Annotations[roleAnnotation]
	if role == "" {
		return nil, nil
	}
	lifetime := int64(day)
	volumes := append(slices.Clone(pod.Spec.Volumes), corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: audience, ExpirationSeconds: &lifetime, Path: "token",
		}}}},
	}})
	patch := []operation{{"add", "/spec/volumes", volumes}}
	for kind, containers := range map[string][]corev1.Container{"initContainers": pod.Spec.InitContainers, "containers": pod.Spec.Containers} {
		if len(containers) == 0 {
			continue
		}
		changed := make([]corev1.Container, len(containers))
		for n := range containers {
			changed[n] = h.withRole(containers[n], role)
		}
		patch = append(patch, operation{"add", "/spec/" + kind, changed})
	}
	return patch, nil
}

// withRole leaves what the container says itself.
func (h *Webhook) withRole(c corev1.Container, role string) corev1.Container {
	set := func(name string) bool {
		return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name })
	}
	region := set("AWS_REGION") || set("AWS_DEFAULT_REGION")
	env := slices.Clone(c.Env)
	for _, e := range []corev1.EnvVar{
		{Name: "AWS_STS_REGIONAL_ENDPOINTS", Value: "regional"}, {Name: "AWS_DEFAULT_REGION", Value: h.Region}, {Name: "AWS_REGION", Value: h.Region},
		{Name: "AWS_ROLE_ARN", Value: role}, {Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: mountPath + "/token"},
	} {
		if !set(e.Name) && !(region && strings.HasSuffix(e.Name, "REGION")) {
			env = append(env, e)
		}
	}
	c.Env = env
	c.VolumeMounts = append(slices.Clone(c.VolumeMounts), corev1.VolumeMount{Name: volumeName, ReadOnly: true, MountPath: mountPath})
	return c
}
