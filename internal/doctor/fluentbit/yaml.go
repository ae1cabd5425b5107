package fluentbit

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlFile reads one file of the YAML format.
func (r *reader) yamlFile(path string) error {
	text, err := r.open(path)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(document.Content) == 0 { // an empty file
		return nil
	}
	y := &yamlReader{reader: r, path: path}
	return y.members(document.Content[0], y.topLevel)
}

// yamlReader reads the nodes of one file.
type yamlReader struct {
	*reader
	path string
}

func (y *yamlReader) topLevel(key string, value *yaml.Node) error {
	switch strings.ToLower(key) {
	case "service":
		return y.section("service", value)
	case "pipeline":
		return y.members(value, func(key string, value *yaml.Node) error {
			switch kind := kind(key); kind {
			case "input", "filter", "output":
				return y.elements(value, func(n *yaml.Node) error { return y.section(kind, n) })
			}
			return nil
		})
	case "customs":
		return y.elements(value, func(n *yaml.Node) error { return y.section("custom", n) })
	case "includes":
		return y.elements(value, y.include)
	case "env":
		return y.variables(value)
	}
	return nil
}

// include reads other files, whose names are relative to this one's folder.
func (y *yamlReader) include(n *yaml.Node) error {
	pattern := n.Value
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(y.path), pattern)
	}
	paths, err := glob(pattern)
	if err != nil {
		return y.wrong(n, "%w", err)
	}
	for _, path := range paths {
		if err := y.yamlFile(path); err != nil {
			return err
		}
	}
	return nil
}

// variables reads env: a map, or a list of maps with name and value or uri.
func (y *yamlReader) variables(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		return y.members(n, func(key string, value *yaml.Node) error {
			y.env.set(key, value.Value)
			return nil
		})
	}
	return y.elements(n, func(n *yaml.Node) error {
		var name, value string
		err := y.members(n, func(key string, v *yaml.Node) error {
			switch key {
			case "name":
				name = v.Value
			case "value", "uri":
				value = v.Value
			}
			return nil
		})
		if name != "" {
			y.env.set(name, value)
		}
		return err
	})
}

// section reads a map of options. Maps inside it, such as processors, hold no option of a plugin.
func (y *yamlReader) section(kind string, n *yaml.Node) error {
	s := y.add(kind, y.path, n.Line)
	return y.members(n, func(key string, value *yaml.Node) error {
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		for _, v := range values {
			if v.Kind == yaml.ScalarNode {
				s.Properties = append(s.Properties,
					Property{Key: snakeCase(trim(key)), Value: trim(v.Value), Line: v.Line})
			}
		}
		return nil
	})
}

func (y *yamlReader) members(n *yaml.Node, f func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return y.wrong(n, "a map of keys and values is needed here")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := f(n.Content[i].Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (y *yamlReader) elements(n *yaml.Node, f func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return y.wrong(n, "a list is needed here")
	}
	for _, e := range n.Content {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (y *yamlReader) wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", y.path, n.Line, fmt.Errorf(format, args...))
}

// snakeCase is what Fluent Bit makes of a key: awsRegion is aws_region. One with an underscore is
// of the classic format.
func snakeCase(key string) string {
	if key == "" || key[0] < 'a' || key[0] > 'z' || strings.Contains(key, "_") {
		return strings.ToLower(key)
	}
	var w strings.Builder
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c >= 'A' && c <= 'Z' {
			w.WriteByte('_')
			c += 'a' - 'A'
		}
		w.WriteByte(c)
	}
	return w.String()
}
