package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// runPod runs a pod of our own image, whose name is what it is called.
func (s *site) runPod(ctx context.Context, namespace, name string, args ...string) error {
	return s.runAnnotatedPod(ctx, namespace, name, nil, args...)
}

func (s *site) runAnnotatedPod(ctx context.Context, namespace, name string,
	annotations map[string]string, args ...string) error {
	type object = map[string]any
	pod, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "namespace": namespace, "annotations": annotations, "labels": object{"app": "writer"}},
		"spec": object{
			"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0, "restartPolicy": "Never",
			"containers": []object{{"name": "app", "image": podImage, "args": args}},
		},
	})
	if err != nil {
		return err
	}
	_, err = s.node.Kubectl(ctx, string(pod), "apply", "-f", "-")
	return err
}

// agentState is what a person would look at when the agent does not do what it should.
func (s *site) agentState(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	var all []string
	for _, command := range []string{
		"get pods -A -o wide", "get events -A --sort-by=.lastTimestamp", "-n " + namespace + " logs --tail=40 --all-containers --prefix -l app.kubernetes.io/name=" + agentName,
		"-n " + namespace + " logs --previous --tail=10 -l app.kubernetes.io/name=" + agentName,
	} {
		out, err := s.node.Kubectl(ctx, "", strings.Fields(command)...)
		lines := strings.Split(out, "\n")
		all = append(all, "kubectl "+command, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		if err != nil {
			all = append(all, err.Error())
		}
	}
	return strings.Join(all, "\n")
}

// agentPod is the agent's pod on the node: the one that is not going away.
type agentPod struct {
	Name     string
	Ready    bool
	Restarts int
	Reason   string // why its container ended last, such as OOMKilled
	PID      string
}

// agentPods returns those that there are.
func (s *site) agentPods(ctx context.Context) ([]agentPod, error) {
	out, err := s.node.Kubectl(ctx, "", "-n", namespace, "get", "pods", "-l",
		"app.kubernetes.io/name="+agentName, "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp string
			}
			Status struct {
				ContainerStatuses []struct {
					Ready        bool
					RestartCount int
					LastState    struct{ Terminated struct{ Reason string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	var all []agentPod
	for _, item := range list.Items {
		if item.Metadata.DeletionTimestamp != "" {
			continue
		}
		p := agentPod{Name: item.Metadata.Name}
		for _, c := range item.Status.ContainerStatuses {
			p.Ready, p.Restarts, p.Reason = c.Ready, c.RestartCount, c.LastState.Terminated.Reason
		}
		all = append(all, p)
	}
	return all, nil
}

// agent returns the agent's one pod.
func (s *site) agent(ctx context.Context) (agentPod, error) {
	pods, err := s.agentPods(ctx)
	if err == nil && len(pods) != 1 {
		err = fmt.Errorf("there are %d agents: %v", len(pods), pods)
	}
	if err != nil {
		return agentPod{}, err
	}
	return pods[0], nil
}

// awaitAgent waits until there is a ready agent that is not one of these.
func (s *site) awaitAgent(ctx context.Context, but ...string) (agentPod, error) {
	var p agentPod
	err := poll(ctx, 300*time.Millisecond, func() (err error) {
		if p, err = s.agent(ctx); err != nil {
			return err
		}
		for _, name := range but {
			if p.Name == name {
				return fmt.Errorf("pod %s is still there", name)
			}
		}
		if !p.Ready {
			return errors.New("pod " + p.Name + " is not ready")
		}
		return nil
	})
	return p, err
}

// forward carries connections to where dial leads, until the listener is closed.
func forward(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = from.Close() }()
			to, err := dial()
			if err != nil {
				return
			}
			defer func() { _ = to.Close() }()
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			_, _ = io.Copy(from, to)
		}()
	}
}
