package kubernetes

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// objects is what a rendering holds, by name.
type objects struct {
	all          []metav1.Object
	namespaces   map[string]*corev1.Namespace
	accounts     map[string]*corev1.ServiceAccount
	roles        map[string]*rbacv1.ClusterRole
	bindings     map[string]*rbacv1.ClusterRoleBinding
	configs      map[string]*corev1.ConfigMap
	daemonSets   map[string]*appsv1.DaemonSet
	deployments  map[string]*appsv1.Deployment
	jobs         map[string]*batchv1.Job
	alone        map[string]*corev1.Pod // pods that nothing makes
	policies     map[string]*networkingv1.NetworkPolicy
	podMonitors  map[string]*podMonitor
	alertRules   map[string]*alertRules
	kindsAndName map[string]bool
}

// podMonitor is the part of the Prometheus operator's PodMonitor that we use.
type podMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector            metav1.LabelSelector `json:"selector"`
		PodMetricsEndpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"podMetricsEndpoints"`
	} `json:"spec"`
}

// alertRules is the Prometheus operator's PrometheusRule: its spec is what Prometheus itself reads
// from a file.
type alertRules struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              any `json:"spec"`
}

// decode reads every object into its own type. A field that the type does not have is a mistake,
// and so are two objects of a name.
func decode(t *testing.T, text string) *objects {
	t.Helper()
	o := &objects{
		namespaces: map[string]*corev1.Namespace{}, accounts: map[string]*corev1.ServiceAccount{},
		roles:    map[string]*rbacv1.ClusterRole{},
		bindings: map[string]*rbacv1.ClusterRoleBinding{}, configs: map[string]*corev1.ConfigMap{},
		daemonSets:  map[string]*appsv1.DaemonSet{},
		deployments: map[string]*appsv1.Deployment{}, jobs: map[string]*batchv1.Job{},
		alone: map[string]*corev1.Pod{}, policies: map[string]*networkingv1.NetworkPolicy{},
		podMonitors: map[string]*podMonitor{}, alertRules: map[string]*alertRules{},
		kindsAndName: map[string]bool{},
	}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var head metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatalf("cannot read %v:\n%s", err, document)
		}
		var object metav1.Object
		switch kind := head.APIVersion + " " + head.Kind; kind {
		case "v1 Namespace":
			object = strict(t, document, o.namespaces)
		case "v1 ServiceAccount":
			object = strict(t, document, o.accounts)
		case "rbac.authorization.k8s.io/v1 ClusterRole":
			object = strict(t, document, o.roles)
		case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
			object = strict(t, document, o.bindings)
		case "v1 ConfigMap":
			object = strict(t, document, o.configs)
		case "apps/v1 DaemonSet":
			object = strict(t, document, o.daemonSets)
		case "apps/v1 Deployment":
			object = strict(t, document, o.deployments)
		case "batch/v1 Job":
			object = strict(t, document, o.jobs)
		case "v1 Pod":
			object = strict(t, document, o.alone)
		case "networking.k8s.io/v1 NetworkPolicy":
			object = strict(t, document, o.policies)
		case "monitoring.coreos.com/v1 PodMonitor":
			object = strict(t, document, o.podMonitors)
		case "monitoring.coreos.com/v1 PrometheusRule":
			object = strict(t, document, o.alertRules)
		default:
			t.Fatalf("an object of kind %q:\n%s", kind, document)
		}
		name := fmt.Sprintf("%s %s/%s", head.Kind, object.GetNamespace(), object.GetName())
		if object.GetName() == "" || o.kindsAndName[name] {
			t.Errorf("%s has no name of its own", name)
		}
		o.kindsAndName[name] = true
		o.all = append(o.all, object)
	}
	return o
}

// strict reads one object and puts it among those of its kind.
func strict[T any, P interface {
	*T
	metav1.Object
}](t *testing.T, document string, into map[string]P) metav1.Object {
	t.Helper()
	object := P(new(T))
	if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
	into[object.GetName()] = object
	return object
}

// pod is a pod of the rendering, whatever makes it.
type pod struct {
	name     string
	labels   map[string]string
	selector *metav1.LabelSelector // nil for a Job, which makes its own, and for a pod alone
	spec     corev1.PodSpec
}

func (o *objects) pods() []pod {
	var all []pod
	for name, d := range o.daemonSets {
		all = append(all, pod{"DaemonSet " +
			name, d.Spec.Template.Labels, d.Spec.Selector, d.Spec.Template.Spec})
	}
	for name, d := range o.deployments {
		all = append(all, pod{"Deployment " +
			name, d.Spec.Template.Labels, d.Spec.Selector, d.Spec.Template.Spec})
	}
	for name, j := range o.jobs {
		all = append(all, pod{"Job " + name, j.Spec.Template.Labels, nil, j.Spec.Template.Spec})
	}
	for name, p := range o.alone {
		all = append(all, pod{"Pod " + name, p.Labels, nil, p.Spec})
	}
	return all
}

// has tells whether there is an object of a kind and a name, or with a hash behind a name that ends
// in a hyphen.
func (o *objects) has(kindAndName string) bool {
	for name := range o.kindsAndName {
		if name == kindAndName || strings.HasSuffix(kindAndName, "-") &&
			strings.HasPrefix(name, kindAndName) {
			return true
		}
	}
	return false
}
