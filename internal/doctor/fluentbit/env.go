package fluentbit

import (
	"os"
	"strings"
)

// environment is what ${NAME} is looked up in: what the configuration sets, and then the process's.
type environment struct {
	own    map[string]string
	getenv func(string) string
}

func newEnvironment(getenv func(string) string) *environment {
	e := &environment{own: map[string]string{}, getenv: getenv}
	if getenv("HOSTNAME") == "" { // shells have it without exporting it
		if name, err := os.Hostname(); err == nil {
			e.own["HOSTNAME"] = name
		}
	}
	return e
}

// set is @SET, and YAML's env. A value file://PATH is what that file holds, without the end of its
// line (Fluent Bit 3.2 and later).
func (e *environment) set(name, value string) {
	if path, ok := strings.CutPrefix(value, "file://"); ok && path != "" {
		text, err := os.ReadFile(path) // #nosec G304 -- the configuration names the file
		if err != nil {
			return // Fluent Bit says so and goes on without the variable
		}
		value = string(text)
		if n := len(value); n > 0 && (value[n-1] == '\n' || value[n-1] == '\r') {
			value = value[:n-1]
		}
	}
	e.own[name] = value
}

// maxName is the longest name of a variable that Fluent Bit looks up.
const maxName = 4096

// expand fills in ${NAME} and ${NAME:-default}, and names the variables that are not set. It does
// what flb_env_var_translate does, also where that is odd: what follows a ${ without an end is lost
// if a variable came before.
func (e *environment) expand(value string) (out string, unset []string) {
	var w strings.Builder
	found, rest, tail := false, value, ""
	for {
		start := strings.Index(rest, "${")
		if start < 0 {
			break
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			tail = ""
			break
		}
		if n := end - start - 2; n <= 0 || n >= maxName {
			tail = rest[end+1:]
			break
		}
		found = true
		w.WriteString(rest[:start])
		text, ok := e.lookup(rest[start+2 : end])
		if !ok {
			unset = append(unset, rest[start+2:end])
		}
		w.WriteString(text)
		rest = rest[end+1:]
		tail = rest
	}
	if !found {
		return value, nil
	}
	return w.String() + tail, unset
}

// lookup is the value of NAME or NAME:-default.
func (e *environment) lookup(name string) (string, bool) {
	name, standIn, given := cutDefault(name)
	value, ok := e.own[name]
	if !ok {
		value = e.getenv(name)
		ok = value != "" // an empty variable counts as none
	}
	if given && value == "" {
		return standIn, true
	}
	return value, ok
}

// cutDefault looks at the first colon alone, as Fluent Bit does.
func cutDefault(name string) (before, standIn string, ok bool) {
	at := strings.IndexByte(name, ':')
	if at < 0 || !strings.HasPrefix(name[at:], ":-") {
		return name, "", false
	}
	return name[:at], name[at+2:], true
}
