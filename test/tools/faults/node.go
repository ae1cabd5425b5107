package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

// node is a node of a cluster: the logs of its pods, the agent that reads them, and the agent's
// state, which outlives it.
type node struct {
	*stack.Node
	bench *bench
	dir   string
	conf  string
	env   []string
	agent *stack.FluentBit
	json  *os.File // nil without a json input
	log   *os.File // what the agents said, one after the other

	mu     sync.Mutex // guards pods
	pods   *stack.Pods
	traces bool
}

// planted is the number of the first record that the domain will not take; those before it are
// good.
const planted = 1_000_000_000

func newNode(b *bench, dir string, pods int, c config, env []string) (*node, error) {
	port, err := ports.Free()
	if err != nil {
		return nil, err
	}
	n := &node{bench: b, dir: dir}
	if n.Node, err = stack.NewNode(dir, b.so); err != nil {
		return nil, err
	}
	if n.log, err = os.Create(filepath.Join(dir, "agent.log")); err != nil {
		return nil, fmt.Errorf("cannot make the agent's log: %w", err)
	}
	if n.conf, err = c.write(dir); err != nil {
		return nil, err
	}
	if n.pods, err = stack.NewPods(dir, "shop", stack.ShopPods[:pods]...); err != nil {
		return nil, err
	}
	if c.json {
		if n.json, err = os.Create(filepath.Join(dir, "app.json")); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot make the json log: %w", err), n.close())
		}
	}
	n.env = append(append(env, n.Env()...), "FLUENT_BIT_HTTP_PORT="+port,
		"JSON_LOGS="+filepath.Join(dir, "app.json"))
	return n, nil
}

// start starts the agent and waits until the plugin is in it.
func (n *node) start(ctx context.Context) error {
	if err := n.launch(); err != nil {
		return err
	}
	return n.agent.WaitStarted(ctx)
}

func (n *node) launch() (err error) {
	n.agent, err = stack.StartFluentBit(n.bench.host,
		stack.FluentBitOptions{Config: n.conf, Env: n.env, Log: n.log})
	return err
}

// stop ends the agent as a shutdown of its pod does.
func (n *node) stop() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bench.old() {
		if err := n.awaitReading(); err != nil {
			return err
		}
	}
	return n.agent.Stop(45 * time.Second)
}

// reload makes the agent read its configuration again, and waits until the plugin is in it anew.
func (n *node) reload(ctx context.Context) error {
	n.agent.Mark()
	if err := n.agent.Reload(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stack.Patience)
	defer cancel()
	if err := n.agent.WaitStarted(ctx); err != nil {
		return err
	}
	_, err := n.agent.WaitLog(ctx, `successful reload done`) // one that comes before that is refused
	return err
}

// tailDB matches the files in which the tail input keeps how far it has read.
func (n *node) tailDB() string { return filepath.Join(n.State, "tail.db*") }

// remembers tells whether the agent has noted how far it has read. fbhost does so with the first
// lines that it reads.
func (n *node) remembers() bool {
	files, err := filepath.Glob(n.tailDB())
	return err == nil && len(files) > 0
}

// forget removes what the agent remembers of the files that it has read. It must not run.
func (n *node) forget() error {
	files, err := filepath.Glob(n.tailDB())
	if err == nil && len(files) == 0 {
		err = errors.New("the tail input made no DB")
	}
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// write writes good lines: each has its number, counted from 1.
func (n *node) write(lines int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.traces {
		return n.pods.WriteTraces(lines)
	}
	return n.pods.WriteLines(lines)
}

// documents returns how many documents the good lines become.
func (n *node) documents() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pods.Documents()
}

// rotate rotates the logs.
func (n *node) rotate() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pods.Rotate()
}

// written returns how many good lines were written.
func (n *node) written() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pods.Lines()
}

// plant writes a line of the given text to the first pod.
func (n *node) plant(text string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pods.Write(0, "stdout", "F", text)
}

func (n *node) close() error {
	var failed error
	if n.agent != nil {
		failed = n.agent.Close()
	}
	if n.json != nil {
		failed = errors.Join(failed, n.json.Close())
	}
	return errors.Join(failed, n.log.Close(), n.pods.Close())
}
