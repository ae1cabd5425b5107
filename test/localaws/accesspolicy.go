package localaws

import "fmt"

// accessPolicy is a resource's own policy, as a domain has one: who may do what to it, whatever the policies of the callers say.
type accessPolicy struct {
	grants []grant
}

// grant is one statement of such a policy.
type grant struct {
	trust
	Resource oneOrMany[string] `json:"Resource"`
}

// parseAccessPolicy reads such a policy, without placeholders. What cannot be judged here is an error. A statement without Principal
// holds for anybody, as "AWS": "*" does.
func parseAccessPolicy(document []byte) (*accessPolicy, error) {
	var p struct {
		Version   string           `json:"Version"`
		ID        string           `json:"Id"`
		Statement oneOrMany[grant] `json:"Statement"`
	}
	if err := decodePolicy(document, &p); err != nil {
		return nil, err
	}
	if err := checkVersion(p.Version, len(p.Statement)); err != nil {
		return nil, err
	}
	for n, g := range p.Statement {
		if len(g.Principal.Federated)+len(g.Principal.Service)+len(g.Principal.AWS) == 0 {
			p.Statement[n].Principal.AWS = oneOrMany[string]{"*"}
		}
		if err := p.Statement[n].check(n); err != nil {
			return nil, err
		}
		if len(g.Resource) == 0 {
			return nil, fmt.Errorf("statement %d needs a Resource", n)
		}
	}
	return &accessPolicy{grants: p.Statement}, nil
}

// decide applies the policy to a claimant's action on a resource. A domain without a policy says nothing about anybody.
func (p *accessPolicy) decide(c claimant, resource string) decision {
	result := notAllowed
	if p == nil {
		return result
	}
	for _, g := range p.grants {
		if !matchesAny(g.Action, c.action, true) || !matchesAny(g.Resource, resource, false) || !g.Principal.names(c) || !g.holds(c) {
			continue
		}
		if g.Effect == "Deny" {
			return denied
		}
		result = allowed
	}
	return result
}
