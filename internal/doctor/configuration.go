package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"out_opensearch_irsa/internal/doctor/fluentbit"
)

// plugin is the name of our outputs.
const plugin = "opensearch_irsa"

// examine checks the configuration as a whole and then each of its outputs.
func (s *settings) examine(ctx context.Context, r *Report) {
	file, err := fluentbit.Read(s.config, s.getenv)
	if err != nil {
		r.add(Check{ID: "configuration", Title: "configuration", Status: Broken,
			Summary: err.Error(),
			Remedy: "name the file that Fluent Bit runs with by -config, and fix what keeps it " +
				"from starting"})
		return
	}
	r.hide(s.secrets(file)...)
	var ours []*fluentbit.Section
	var others []string
	for _, o := range file.Of("output") {
		if name := o.Get("name"); strings.EqualFold(name, plugin) {
			ours = append(ours, o)
		} else {
			others = append(others, name)
		}
	}
	c := Check{ID: "configuration", Title: "configuration", Status: OK,
		Summary: fmt.Sprintf("%s has %s %s", s.config, count(len(ours), "output"), plugin)}
	if len(ours) == 0 {
		c.Status, c.Summary = Broken, fmt.Sprintf("%s has no output with Name %s", s.config, plugin)
		if len(others) > 0 {
			c.Summary += "; its outputs are " + strings.Join(others, ", ")
		}
		c.Remedy = "write [OUTPUT] with Name " + plugin + ", or name the right file by -config"
	}
	r.add(c)
	r.add(s.variables(file, ours))
	for n, o := range ours {
		e := &examination{settings: s, report: r, file: file, from: o,
			name: fmt.Sprintf("%s.%d", plugin, n)}
		if alias := o.Get("alias"); alias != "" {
			e.name = alias
		}
		e.name = fmt.Sprintf("%s (%s:%d)", e.name, filepath.Base(o.Path), o.Line)
		e.run(ctx)
	}
}

// variables reports the variables that the file names and nobody sets. In an output of ours that is
// broken: the option means something else then, or nothing.
func (s *settings) variables(file *fluentbit.Config, ours []*fluentbit.Section) Check {
	c := Check{ID: "environment", Title: "environment", Status: OK,
		Summary: "every variable that the file names is set"}
	var missing []string
	for _, section := range file.Sections {
		for _, p := range section.Properties {
			for _, name := range p.Unset {
				missing = append(missing, fmt.Sprintf("${%s} in %s (%s:%d)", name, p.Key,
					filepath.Base(section.Path), p.Line))
				if _, instead := s.options[p.Key]; slices.Contains(ours, section) && !instead {
					c.Status = Broken
				} else if c.Status == OK {
					c.Status = Warning
				}
			}
		}
	}
	if missing != nil {
		c.Summary = "not set: " + strings.Join(missing, ", ")
		c.Remedy = "set them in the container's env (or envFrom), or write @SET NAME=value on " +
			"top of the file; Fluent Bit takes them for nothing"
	}
	return c
}

// secrets are the values that no line of the report may hold.
func (s *settings) secrets(file *fluentbit.Config) []string {
	out := []string{s.getenv("AWS_SECRET_ACCESS_KEY"), s.getenv("AWS_SESSION_TOKEN")}
	look := func(key, value string) {
		if strings.Contains(key, "passw") {
			out = append(out, value)
		}
		// A URL with a password in it is a mistake whose line quotes it.
		_, rest, _ := strings.Cut(value, "://")
		if user, _, ok := strings.Cut(rest, "@"); ok {
			_, password, _ := strings.Cut(user, ":")
			out = append(out, password)
		}
	}
	for key, value := range s.options {
		look(key, value)
	}
	look("endpoint", s.getenv("OPENSEARCH_ENDPOINT"))
	for _, section := range file.Sections {
		for _, p := range section.Properties {
			look(p.Key, p.Value)
		}
	}
	return out
}

// mistakes are the ones that config.Load found, each a line of its own.
func mistakes(err error) []string {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range joined.Unwrap() {
		out = append(out, e.Error())
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
