package document

import (
	"fmt"
	"strings"
)

// dedotNode stands for the maps at one path, or under it. nil stands for a place
// with nothing to replace in it or below.
type dedotNode struct {
	all      bool // dots in keys are replaced here and below
	children []dedotChild
}

type dedotChild struct {
	name string // as JSON text without quotes
	node *dedotNode
}

// newDedot returns the node for a record's body.
func newDedot(o Options) (*dedotNode, error) {
	if o.ReplaceDots {
		return &dedotNode{all: true}, nil
	}
	if len(o.Dedot) == 0 {
		return nil, nil
	}
	root := &dedotNode{}
	for _, path := range o.Dedot {
		node := root
		for _, name := range strings.Split(path, ".") {
			if name == "" {
				return nil, fmt.Errorf("cannot use path %q: a name in it is empty; write the "+
					"names of maps with a dot between, as in kubernetes.labels", path)
			}
			node = node.add(string(appendText(nil, []byte(name), 0, len(name))))
		}
		node.all = true
	}
	return root, nil
}

func (d *dedotNode) add(name string) *dedotNode {
	for _, c := range d.children {
		if c.name == name {
			return c.node
		}
	}
	node := &dedotNode{}
	d.children = append(d.children, dedotChild{name, node})
	return node
}

func (d *dedotNode) replaces() bool { return d != nil && d.all }

// child is the node for what stands under the key with this text.
func (d *dedotNode) child(name []byte) *dedotNode {
	if d == nil || d.all {
		return d
	}
	for _, c := range d.children {
		if c.name == string(name) {
			return c.node
		}
	}
	return nil
}
