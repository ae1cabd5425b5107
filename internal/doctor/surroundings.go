package doctor

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/doctor/fluentbit"
)

// A trap is something that the core reads and the plugin never sees, and that works until it hurts.
type trap struct {
	id      string
	status  Status
	summary string
	remedy  string
}

// fewWorkers is the number of workers below which a node of many containers makes more than a tenth
// of the requests that it would without sharing any.
const fewWorkers = 10

// traps looks at the section and at what is around it in the file.
func (e *examination) traps() []trap {
	var out []trap
	warn := func(id, summary, remedy string) {
		out = append(out,
			trap{id, Warning, summary, remedy})
	}
	s := e.from

	for _, key := range []string{"host", "port"} {
		if s.Get(key) != "" && s.Get("endpoint") == "" {
			warn("host", title(key)+" does not reach the plugin: Fluent Bit keeps it for its "+
				"built-in outputs", "write Endpoint with the domain's host name instead; until "+
				"then OPENSEARCH_ENDPOINT counts")
			break
		}
	}
	if v := strings.ToLower(s.Get("tls")); v == "on" || v == "true" || v == "yes" {
		out = append(out, trap{"tls", Broken, "TLS On keeps Fluent Bit from starting: it is for " +
			"built-in outputs", "leave TLS and tls.* out: https is spoken anyway, and " +
			"TLS_CA_File, TLS_Verify and TLS_Server_Name are the plugin's own"})
	} else if k := firstWith(s, "tls."); k != "" {
		warn("tls", k+" does not reach the plugin", "use TLS_CA_File, TLS_Verify, "+
			"TLS_Server_Name, TLS_Client_Cert_File and TLS_Client_Key_File instead")
	}
	if s.Get("match") == "" && s.Get("match_regex") == "" {
		warn("match", "there is no Match: the output gets nothing", "write Match, "+
			"such as Match kube.*")
	}
	switch n, err := strconv.Atoi(s.Get("workers")); {
	case err != nil || n < 1:
		warn("workers", "without Workers the output runs on the engine's own thread: while the "+
			"domain is slow, no file is read", "write Workers 16")
	case n < fewWorkers:
		warn("workers", "with Workers "+strconv.Itoa(n)+" no more than so many containers' "+
			"chunks share a request, which costs node and domain more than their lines do", "write Workers 16")
	}
	switch v := strings.ToLower(s.Get("retry_limit")); v {
	case "no_limits", "false", "off":
	default:
		if v == "" {
			v = "1, its default"
		}
		warn("retry_limit", "Retry_Limit is "+v+": after that Fluent Bit throws a chunk away, so "+
			"an outage loses logs", "write Retry_Limit no_limits, and bound the disk by "+
			"storage.total_limit_size")
	}
	out = append(out, e.storageTraps()...)
	grace := 5 * time.Second
	if all := e.file.Of("service"); len(all) > 0 {
		if n, err := strconv.Atoi(all[0].Get("grace")); err == nil {
			grace = time.Duration(n) * time.Second
		}
	}
	if e.cfg != nil && grace <= e.cfg.RequestTimeout {
		warn("grace", fmt.Sprintf("Grace of %s is not longer than Request_Timeout of %s: a "+
			"shutdown breaks off a request under way, which is then sent again", grace, e.cfg.RequestTimeout),
			"write Grace 30 in [SERVICE], or a shorter Request_Timeout, and a "+
				"terminationGracePeriodSeconds above Grace")
	}
	return append(out, optionTraps(s)...)
}

// storageTraps finds chunks that are kept in memory alone.
func (e *examination) storageTraps() []trap {
	const remedy = "write storage.path in [SERVICE], on a folder of the node, and storage.type " +
		"filesystem in each [INPUT]"
	services := e.file.Of("service")
	if len(services) == 0 || services[0].Get("storage.path") == "" {
		return []trap{{"storage", Warning, "there is no storage.path: what was read and not " +
			"delivered is in memory alone, and lost when the pod ends", remedy}}
	}
	var inMemory []string
	for _, in := range e.file.Of("input") {
		if !strings.EqualFold(in.Get("storage.type"), "filesystem") {
			inMemory = append(inMemory, fmt.Sprintf("%s (%s:%d)", in.Get("name"),
				filepath.Base(in.Path), in.Line))
		}
	}
	if inMemory != nil {
		return []trap{{"storage", Warning, "these inputs keep what is not delivered in memory " +
			"alone, where it is lost when the pod ends: " + strings.Join(inMemory, ", "), remedy}}
	}
	if e.from.Get("storage.total_limit_size") == "" {
		return []trap{{"total_limit_size", Warning, "nothing bounds what waits on the node's " +
			"disk during an outage", "write storage.total_limit_size, such as 5G"}}
	}
	return nil
}

// core are the options that Fluent Bit keeps for itself, besides tls.*, net.* and storage.*.
var core = map[string]bool{
	"name": true, "match": true, "match_regex": true, "alias": true, "log_level": true, "log_suppress_interval": true,
	"host": true, "port": true, "ipv6": true, "tls": true, "retry_limit": true, "workers": true, "no_multiplex": true, "time_as_integer": true,
}

// optionTraps finds options that nobody knows, and those that are given twice.
func optionTraps(s *fluentbit.Section) []trap {
	var out []trap
	seen := map[string]bool{}
	for _, p := range s.Properties {
		prefix, _, dotted := strings.Cut(p.Key, ".")
		known := config.IsOption(p.Key) || core[p.Key] ||
			dotted && (prefix == "tls" || prefix == "net" || prefix == "storage")
		switch {
		case !known:
			out = append(out, trap{"option", Warning, fmt.Sprintf("line %d: there is no option "+
				"%s, and Fluent Bit ignores it", p.Line, p.Key), "take it out" + config.DidYouMean(p.Key)})
		case seen[p.Key] && !core[p.Key]:
			out = append(out, trap{"option", Warning, fmt.Sprintf("line %d: %s is given twice, "+
				"and the first counts", p.Line, title(p.Key)), "take one of them out"})
		}
		seen[p.Key] = true
	}
	return out
}

// title writes an option as the documentation does.
func title(key string) string {
	for _, o := range config.Options {
		if strings.EqualFold(o.Name, key) {
			return o.Name
		}
	}
	return strings.ToUpper(key[:1]) + key[1:]
}

func firstWith(s *fluentbit.Section, prefix string) string {
	for _, p := range s.Properties {
		if strings.HasPrefix(p.Key, prefix) {
			return p.Key
		}
	}
	return ""
}
