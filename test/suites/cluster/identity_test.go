package main

import (
	"strings"
	"testing"
	"time"
)

// TestIRSA has the role given at admission, the token by the kubelet, and STS check it against the
// API server's own documents.
func TestIRSA(t *testing.T) {
	c := newCluster(t)
	p := c.install()
	env := c.kubectl("-n", namespace, "get", "pod", p.Name, "-o",
		"jsonpath={.spec.containers[0].env}")
	if !strings.Contains(env, "AWS_ROLE_ARN") ||
		!strings.Contains(env, "AWS_WEB_IDENTITY_TOKEN_FILE") {
		t.Errorf("the pod's environment has no role: %s", env)
	}
	c.must(c.runPod(c.ctx, "shop", "irsa", "-lines", "200", "-word", "byirsa"))
	c.exactlyOnce("byirsa", 200)
	if caller := c.frontDoor.Stats().LastCaller; !strings.Contains(caller,
		":assumed-role/"+agentRole+"/"+p.Name) {
		t.Errorf("the last request was signed by %q, not by pod %s", caller, p.Name)
	}
}

// TestWebhookAway has a pod admitted while EKS's webhook is away.
func TestWebhookAway(t *testing.T) {
	c := newCluster(t)
	p := c.install()
	c.must(c.webhookDown())
	t.Cleanup(func() { _ = c.webhookUp() })
	c.kubectl("-n", namespace, "delete", "pod", p.Name, "--force", "--grace-period=0")
	began := time.Now()
	c.must(c.runPod(c.ctx, "shop", "away", "-lines", "200", "-word", "webhookaway"))
	p, err := c.awaitAgent(c.ctx, p.Name)
	c.must(err)
	t.Logf("a pod admitted without the webhook is ready after %.0f s", time.Since(began).Seconds())
	c.exactlyOnce("webhookaway", 200)
	c.must(c.webhookUp())
	if p.Restarts > 0 {
		t.Errorf("it was restarted %d times: %s", p.Restarts, p.Reason)
	}
}

// TestPodIdentity has the agent's role by Pod Identity's agent on the link-local address.
func TestPodIdentity(t *testing.T) {
	c := newCluster(t)
	c.namespaces("shop")
	c.must(c.mapRole())
	c.must(c.associate())
	at := c.tree()
	c.kubectl("-n", namespace, "delete", "daemonset", agentName, "--ignore-not-found")
	c.kubectl("-n", namespace, "delete", "serviceaccount", agentName, "--ignore-not-found")
	c.apply(at.overlay("pod-identity"))
	p, err := c.awaitAgent(c.ctx)
	c.must(err)
	env := c.kubectl("-n", namespace, "get", "pod", p.Name, "-o",
		"jsonpath={.spec.containers[0].env}")
	if strings.Contains(env, "AWS_ROLE_ARN") ||
		!strings.Contains(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI") {
		t.Errorf("the pod's environment is %s", env)
	}
	c.must(c.runPod(c.ctx, "shop", "podid", "-lines", "200", "-word", "bypodidentity"))
	c.exactlyOnce("bypodidentity", 200)
	if caller := c.frontDoor.Stats().LastCaller; !strings.Contains(caller, "eks-cluster-") {
		t.Errorf("the last request was signed by %q", caller)
	}
	c.dissociate()
	c.kubectl("delete", "-k", at.overlay("pod-identity"), "--timeout=120s")
}
