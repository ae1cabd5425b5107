package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Patience is how long anything may take that has to happen. It is far more than it takes, on a machine
// with much else to do: what it bounds is a failure.
const Patience = 10 * time.Minute

// Started matches the line that the plugin writes when an instance is made.
const Started = `\[opensearch_irsa\.\d+\] .*version .* delivers to`

// ShopPods are names of pods as a Deployment makes them.
var ShopPods = []string{"cart-7d4b9c6f5-x2x9p", "checkout-5f6c8d7b9-q8k2m", "payments-6c9f7b8d4-zz7tq"}

// Node is a node of a cluster as its agent sees it. Pods' logs are made in Dir by NewPods.
type Node struct {
	Dir     string // stands for /var/log
	State   string // what the agent keeps over its restarts
	Plugins string // the file for Plugins_File, which names the plugin
}

// NewNode lays out a node in dir, for the plugin so; "" for PLUGIN_SO.
func NewNode(dir, so string) (*Node, error) {
	n := &Node{Dir: dir, State: filepath.Join(dir, "state")}
	if err := os.MkdirAll(n.State, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the agent's state: %w", err)
	}
	var err error
	n.Plugins, err = WritePlugins(dir, so)
	return n, err
}

// WritePlugins writes dir/plugins.conf, for Plugins_File, and returns its path. so is the plugin; "" is
// PLUGIN_SO.
func WritePlugins(dir, so string) (string, error) {
	if so == "" {
		so = os.Getenv("PLUGIN_SO")
	}
	path := filepath.Join(dir, "plugins.conf")
	if err := os.WriteFile(path, []byte("[PLUGINS]\n    Path "+so+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the plugins file: %w", err)
	}
	return path, nil
}

// Env is where the shipped configuration finds the node, as NAME=value.
func (n *Node) Env() []string {
	return []string{
		"FLUENT_BIT_LOGS=" + filepath.Join(n.Dir, "containers", "*.log"),
		"FLUENT_BIT_STATE=" + n.State,
		"FLUENT_BIT_PLUGINS=" + n.Plugins,
	}
}

// Poll calls done until it returns nil. It returns what done returned last where patience is over or
// the context ends.
func Poll(ctx context.Context, patience time.Duration, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", patience, err)
		}
	}
}
