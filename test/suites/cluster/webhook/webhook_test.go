package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// review has the webhook look at a pod with these variables, of an account with this role, and
// returns the patch.
func review(t *testing.T, role string, associated bool, env ...corev1.EnvVar) string {
	t.Helper()
	h := &Webhook{
		Region: "eu-west-1", Associated: func(namespace, name string) bool {
			return associated &&
				namespace == "logging" && name == "agent"
		},
		Account: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace,
				Name: name}}
			if role != "" {
				account.Annotations = map[string]string{roleAnnotation: role}
			}
			return account, nil
		},
	}
	pod, err := json.Marshal(corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: "agent",
		Containers: []corev1.Container{{Name: "app", Env: env}}}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{UID: "1", Namespace: "logging", Object: runtime.RawExtension{Raw: pod}}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/mutate",
		bytes.NewReader(body)))
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Response == nil ||
		!answer.Response.Allowed || answer.Response.UID != "1" {
		t.Fatalf("answered %d %s: %v", w.Code, w.Body, err)
	}
	return string(answer.Response.Patch)
}

func TestPatch(t *testing.T) {
	if patch := review(t, "", false); patch != "" {
		t.Errorf("a pod without a role gets %s", patch)
	}
	irsa := review(t, "arn:role", false)
	for _, want := range []string{`"AWS_ROLE_ARN","value":"arn:role"`,
		`"audience":"sts.amazonaws.com"`, `"path":"token"`, "/var/run/secrets/eks.amazonaws.com/serviceaccount", `"AWS_REGION"`} {
		if !strings.Contains(irsa, want) {
			t.Errorf("%s is not in %s", want, irsa)
		}
	}
	association := review(t, "arn:role", true)
	if strings.Contains(association, "AWS_ROLE_ARN") ||
		!strings.Contains(association, "http://169.254.170.23/v1/credentials") ||
		!strings.Contains(association, "pods.eks.amazonaws.com") {
		t.Errorf("an association makes %s", association)
	}
	if patch := review(t, "arn:role", false,
		corev1.EnvVar{Name: "AWS_REGION",
			Value: "mine"}); strings.Contains(patch, "AWS_DEFAULT_REGION") {
		t.Errorf("a region of the pod's own does not keep ours out: %s", patch)
	}
	if patch := review(t, "arn:role", false,
		corev1.EnvVar{Name: "AWS_ROLE_ARN", Value: "mine"}); strings.Contains(patch, "arn:role") {
		t.Errorf("a role of the pod's own is not kept: %s", patch)
	}
}
