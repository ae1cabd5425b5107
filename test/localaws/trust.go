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

// principal names identity providers, AWS's services, or IAM roles, sessions and accounts.
type principal struct {
	Federated oneOrMany[string] `json:"Federated"`
	Service   oneOrMany[string] `json:"Service"`
	AWS       oneOrMany[string] `json:"AWS"`
}

// claimant is who asks to take on a role, with the condition keys that its request carries.
type claimant struct {
	action    string
	federated string   // ARN of the identity provider, or empty
	service   string   // pods.eks.amazonaws.com, or empty
	arns      []string // ARNs by which a principal may name the caller, or none
	keys      map[string][]string
}

// parseTrust reads a trust policy. Condition operators that are not judged here are an error, never ignored.
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
		if err := s.check(n); err != nil {
			return trustPolicy{}, err
		}
	}
	return trustPolicy{statements: p.Statement}, nil
}

// check is what every statement with a principal needs.
func (t trust) check(n int) error {
	if err := checkEffect(n, t.Effect); err != nil {
		return err
	}
	if len(t.Principal.Federated)+len(t.Principal.Service)+len(t.Principal.AWS) == 0 || len(t.Action) == 0 {
		return fmt.Errorf("statement %d needs both Principal and Action", n)
	}
	return checkConditions(n, t.Condition)
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
	for _, service := range p.Service {
		if c.service != "" && service == c.service {
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
			if !met(operator, wanted, c.keys[key]) {
				return false
			}
		}
	}
	return true
}
