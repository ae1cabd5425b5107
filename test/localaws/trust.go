package localaws

import "fmt"

// trustPolicy says who may take on a role.
type trustPolicy struct {
	statements []trust
}

// trust is one statement of such a policy.
type trust struct {
	Sid       string                                  `json:"Sid"`
	Effect    string                                  `json:"Effect"`
	Principal principal                               `json:"Principal"`
	Action    oneOrMany[string]                       `json:"Action"`
	Condition map[string]map[string]oneOrMany[string] `json:"Condition"`
}

// principal names identity providers or IAM roles, sessions and accounts.
type principal struct {
	Federated oneOrMany[string] `json:"Federated"`
	AWS       oneOrMany[string] `json:"AWS"`
}

// claimant is who asks to take on a role, with the condition keys that its request carries.
type claimant struct {
	action    string
	federated string   // ARN of the identity provider, or empty
	arns      []string // ARNs by which a principal may name the caller, or none
	keys      map[string][]string
}

// parseTrust reads a trust policy. Operators other than StringEquals and StringLike are an error, never ignored.
func parseTrust(document []byte) (trustPolicy, error) {
	var p struct {
		Version   string           `json:"Version"`
		ID        string           `json:"Id"`
		Statement oneOrMany[trust] `json:"Statement"`
	}
	if err := decodePolicy(document, &p); err != nil {
		return trustPolicy{}, err
	}
	if err := checkVersion(p.Version, len(p.Statement)); err != nil {
		return trustPolicy{}, err
	}
	for n, s := range p.Statement {
		if err := checkEffect(n, s.Effect); err != nil {
			return trustPolicy{}, err
		}
		if len(s.Principal.Federated)+len(s.Principal.AWS) == 0 || len(s.Action) == 0 {
			return trustPolicy{}, fmt.Errorf("statement %d needs both Principal and Action", n)
		}
		for operator := range s.Condition {
			if operator != "StringEquals" && operator != "StringLike" {
				return trustPolicy{}, fmt.Errorf("statement %d has the condition operator %q: only StringEquals and StringLike are judged here", n, operator)
			}
		}
	}
	return trustPolicy{statements: p.Statement}, nil
}

// admits tells whether the claimant may take on the role.
func (p trustPolicy) admits(c claimant) bool {
	admitted := false
	for _, s := range p.statements {
		if !matchesAny(s.Action, c.action, true) || !s.Principal.names(c) || !s.holds(c) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		admitted = true
	}
	return admitted
}

func (p principal) names(c claimant) bool {
	for _, f := range p.Federated {
		if c.federated != "" && f == c.federated {
			return true
		}
	}
	for _, named := range p.AWS {
		for _, arn := range c.arns {
			if named == arn || named == "*" {
				return true
			}
		}
	}
	return false
}

// holds tells whether every condition is met: each key must be in the request with one of the values that the policy lists.
func (t trust) holds(c claimant) bool {
	for operator, keys := range t.Condition {
		for key, wanted := range keys {
			met := false
			for _, value := range c.keys[key] {
				for _, w := range wanted {
					met = met || value == w || operator == "StringLike" && matches(w, value, false)
				}
			}
			if !met {
				return false
			}
		}
	}
	return true
}
