package localaws

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// ISM answers as a domain's Index State Management does about policies, and about which index follows which: the plugin that does
// it is not on Maven Central. It takes the policies that the plugin's parser takes, warm_migration too, which Amazon adds, and
// stores them with what the plugin adds. It never carries one out.
type ISM struct {
	// Indexes names the indexes that there are, of those that a pattern matches.
	Indexes func(r *http.Request, pattern string) ([]string, error)

	mu       sync.Mutex
	seqNo    int                        // guarded by mu; of the last write
	policies map[string]*storedPolicy   // guarded by mu
	follows  map[string]string          // guarded by mu; policy by index
	versions map[string]json.RawMessage // guarded by mu; the policy as it was when the index last took it
}

type storedPolicy struct {
	seqNo, version int
	body           json.RawMessage
	templates      []ismTemplate
}

// ISMPath is where it is.
const ISMPath = "/_plugins/_ism/"

// Following tells which policy an index follows, and that policy as it was when the index took it.
func (m *ISM) Following(index string) (policy string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.follows[index], m.versions[index]
}

func (m *ISM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, ISMPath), "/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.policies == nil {
		m.policies, m.follows, m.versions = map[string]*storedPolicy{}, map[string]string{}, map[string]json.RawMessage{}
	}
	switch r.Method + " " + what {
	case "GET policies":
		if p := m.policies[name]; p != nil {
			ismAnswer(w, 200, p.answer(name))
			return
		}
		ismRefuse(w, 404, "status_exception", "Policy not found")
	case "PUT policies":
		m.putPolicy(w, r, name, body)
	case "GET explain":
		m.explain(w, r, name)
	case "POST add", "POST change_policy":
		m.follow(w, what == "add", name, body)
	default:
		ismRefuse(w, 405, "illegal_argument_exception", "unknown "+r.Method+" "+r.URL.Path)
	}
}

func (m *ISM) putPolicy(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	policy, err := CheckPolicy(body)
	if err != nil {
		ismRefuse(w, 400, "illegal_argument_exception", err.Error())
		return
	}
	if other := m.clash(name, policy); other != "" {
		ismRefuse(w, 400, "illegal_argument_exception", "New policy "+name+" has an ISM template matching existing policy templates of "+other+", please use a different priority")
		return
	}
	old := m.policies[name]
	seen := r.URL.Query().Get("if_seq_no")
	if (old != nil || seen != "") && (old == nil || seen != fmt.Sprint(old.seqNo) || r.URL.Query().Get("if_primary_term") != "1") {
		ismRefuse(w, 409, "version_conflict_engine_exception", "["+name+"]: version conflict, document already exists")
		return
	}
	m.seqNo++
	stored := &storedPolicy{seqNo: m.seqNo, version: 1, body: policy.stored(name), templates: policy.templates}
	status := 201
	if old != nil {
		stored.version, status = old.version+1, 200
	}
	m.policies[name] = stored
	ismAnswer(w, status, stored.answer(name))
}

// clash finds another policy that would be as good a match for some index.
func (m *ISM) clash(name string, policy *Policy) string {
	for other, stored := range m.policies {
		for _, theirs := range stored.templates {
			for _, ours := range policy.templates {
				if other != name && ours.Priority == theirs.Priority && overlap(ours.Patterns, theirs.Patterns) {
					return other
				}
			}
		}
	}
	return ""
}

// overlap tells whether one name can match patterns of both, which are names or end in an asterisk.
func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			px, wildX := strings.CutSuffix(x, "*")
			py, wildY := strings.CutSuffix(y, "*")
			if x == y || wildX && strings.HasPrefix(py, px) || wildY && strings.HasPrefix(px, py) {
				return true
			}
		}
	}
	return false
}

func (p *storedPolicy) answer(name string) any {
	return map[string]any{"_id": name, "_version": p.version, "_seq_no": p.seqNo, "_primary_term": 1, "policy": p.body}
}

func (m *ISM) explain(w http.ResponseWriter, r *http.Request, pattern string) {
	names, err := m.Indexes(r, pattern)
	if err != nil {
		ismRefuse(w, 500, "status_exception", err.Error())
		return
	}
	answer := map[string]any{"total_managed_indices": len(m.follows)}
	for _, name := range names {
		var policy any
		if p := m.follows[name]; p != "" {
			policy = p
		}
		answer[name] = map[string]any{
			"index.plugins.index_state_management.policy_id": policy, "index.opendistro.index_state_management.policy_id": policy, "enabled": nil,
		}
	}
	ismAnswer(w, 200, answer)
}

// follow puts indexes under a policy: add takes those that have none, change_policy those that have one.
func (m *ISM) follow(w http.ResponseWriter, add bool, names string, body []byte) {
	var asked struct {
		Policy string `json:"policy_id"`
	}
	if err := json.Unmarshal(body, &asked); err != nil || m.policies[asked.Policy] == nil {
		ismRefuse(w, 404, "status_exception", "Could not find policy="+asked.Policy)
		return
	}
	updated := 0
	failed := []map[string]string{}
	for _, name := range strings.Split(names, ",") {
		switch has := m.follows[name] != ""; {
		case add && has:
			failed = append(failed, map[string]string{"index_name": name, "reason": "This index already has a policy, use the update policy API to update index policies"})
		case !add && !has:
			failed = append(failed, map[string]string{"index_name": name, "reason": "This index is not being managed"})
		default:
			m.follows[name], m.versions[name] = asked.Policy, m.policies[asked.Policy].body
			updated++
		}
	}
	ismAnswer(w, 200, map[string]any{"updated_indices": updated, "failures": len(failed) > 0, "failed_indices": failed})
}

func ismAnswer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func ismRefuse(w http.ResponseWriter, status int, typ, reason string) {
	ismAnswer(w, status, map[string]any{"error": map[string]string{"type": typ, "reason": reason}, "status": status})
}
