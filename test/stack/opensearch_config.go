package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// WriterRole is the security role to which the IAM role of the pods is mapped.
const WriterRole = "log_writer"

// adminUser may do everything, the security plugin's REST API included.
const adminUser = "admin"

// jvmLineDropped are the lines of the distribution's jvm.options that we replace or that write beside the distribution.
var jvmLineDropped = regexp.MustCompile(`^-Xm[sx]|^#|^\s*$|HeapDump|logs/`)

// writeOpenSearchConfig fills a configuration directory for one node.
func writeOpenSearchConfig(conf string, o OpenSearchOptions, password, port, transport string) error {
	if err := os.MkdirAll(filepath.Join(conf, "opensearch-security"), 0o700); err != nil {
		return fmt.Errorf("cannot make the configuration directory: %w", err)
	}
	certificate, key, err := o.CA.Issue("node")
	if err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost) // long and random, it needs no slow hash
	if err != nil {
		return fmt.Errorf("cannot hash the admin password: %w", err)
	}
	jvm, err := jvmOptions(o)
	if err != nil {
		return err
	}
	files := map[string]string{
		"node.pem":          string(certificate),
		"node-key.pem":      string(key),
		"ca.pem":            string(o.CA.PEM()),
		"jvm.options":       jvm,
		"log4j2.properties": log4j2,
		"opensearch.yml":    nodeSettings(o, filepath.Dir(conf), port, transport),
	}
	for name, body := range securityFiles(o, string(hash)) {
		document, err := json.Marshal(body) // JSON is YAML, and needs no rules of quoting of its own
		if err != nil {
			return fmt.Errorf("cannot encode %q: %w", name, err)
		}
		files["opensearch-security/"+name+".yml"] = string(document) + "\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("cannot write %q: %w", name, err)
		}
	}
	return nil
}

// jvmOptions takes over what the distribution's own file says for its version, with our heap.
func jvmOptions(o OpenSearchOptions) (string, error) {
	path := filepath.Join(o.Home, "config", "jvm.options")
	document, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the distribution's JVM options: %w", err)
	}
	lines := []string{"-Xms" + o.Heap, "-Xmx" + o.Heap}
	for line := range strings.Lines(string(document)) {
		if !jvmLineDropped.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if !o.Optimize {
		lines = append(lines, "-XX:TieredStopAtLevel=1")
	}
	return strings.Join(lines, "\n") + "\n", nil
}

const log4j2 = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %marker%m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`

func nodeSettings(o OpenSearchOptions, dir, port, transport string) string {
	settings := map[string]string{
		"cluster.name":   "test",
		"node.name":      "node-1",
		"path.data":      filepath.Join(dir, "data"),
		"path.logs":      filepath.Join(dir, "logs"),
		"network.host":   "127.0.0.1",
		"http.port":      port,
		"transport.port": transport,
		"discovery.type": "single-node",
		"cluster.routing.allocation.disk.threshold_enabled":            "false", // a full disk of a developer's is not what is tested
		"plugins.security.ssl.http.enabled":                            "true",
		"plugins.security.ssl.http.pemcert_filepath":                   "node.pem",
		"plugins.security.ssl.http.pemkey_filepath":                    "node-key.pem",
		"plugins.security.ssl.http.pemtrustedcas_filepath":             "ca.pem",
		"plugins.security.ssl.transport.pemcert_filepath":              "node.pem",
		"plugins.security.ssl.transport.pemkey_filepath":               "node-key.pem",
		"plugins.security.ssl.transport.pemtrustedcas_filepath":        "ca.pem",
		"plugins.security.ssl.transport.enforce_hostname_verification": "false",
		"plugins.security.nodes_dn":                                    `["CN=node"]`,
		"plugins.security.authcz.admin_dn":                             `["CN=admin"]`,
		"plugins.security.allow_default_init_securityindex":            "true",
		"plugins.security.restapi.roles_enabled":                       `["all_access"]`,
		"plugins.security.audit.type":                                  "noop",
	}
	maps.Copy(settings, o.Settings)
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&out, "%s: %s\n", name, settings[name])
	}
	return out.String()
}

// securityFiles is the security plugin's first configuration: an admin by password, and the roles that a front door on loopback
// names by header, which stands for what Amazon's fine-grained access control does with IAM roles.
func securityFiles(o OpenSearchOptions, adminHash string) map[string]map[string]any {
	type object = map[string]any
	meta := func(kind string) object { return object{"type": kind, "config_version": 2} }
	domain := func(order int, authenticator object, backend string) object {
		return object{
			"http_enabled": true, "transport_enabled": true, "order": order,
			"http_authenticator": authenticator, "authentication_backend": object{"type": backend},
		}
	}
	return map[string]map[string]any{
		"config": {
			"_meta": meta("config"),
			"config": object{"dynamic": object{
				"http": object{
					"anonymous_auth_enabled": false,
					"xff":                    object{"enabled": true, "internalProxies": `127\.0\.0\.1`, "remoteIpHeader": "x-forwarded-for"},
				},
				"authc": object{
					"front_door": domain(0, object{"type": "proxy", "challenge": false,
						"config": object{"user_header": "x-proxy-user", "roles_header": "x-proxy-roles"}}, "noop"),
					"password": domain(1, object{"type": "basic", "challenge": true}, "intern"),
				},
				"authz": object{},
			}},
		},
		"internal_users": {
			"_meta":   meta("internalusers"),
			adminUser: object{"hash": adminHash, "backend_roles": []string{"admin"}},
		},
		"roles": {
			"_meta":    meta("roles"),
			WriterRole: writerPermissions(o.IndexPatterns),
		},
		"roles_mapping": {
			"_meta":      meta("rolesmapping"),
			"all_access": object{"backend_roles": []string{"admin"}},
			WriterRole:   object{"backend_roles": o.WriterRoleARNs},
		},
		"action_groups": {"_meta": meta("actiongroups")},
		"tenants":       {"_meta": meta("tenants")},
		"nodes_dn":      {"_meta": meta("nodesdn")},
		"allowlist":     {"_meta": meta("allowlist"), "config": object{"enabled": false, "requests": object{}}},
		"audit":         {"_meta": meta("audit"), "config": object{"enabled": false}},
	}
}

// writerPermissions are the least that a writer of logs needs.
func writerPermissions(patterns []string) map[string]any {
	return map[string]any{
		"cluster_permissions": []string{"indices:data/write/bulk"},
		"index_permissions": []map[string]any{{
			"index_patterns": patterns,
			"allowed_actions": []string{
				"indices:data/write/bulk*", "indices:data/write/index", "indices:admin/create", "indices:admin/mapping/put",
			},
		}},
	}
}
