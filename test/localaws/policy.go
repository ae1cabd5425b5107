package localaws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// decision is the outcome of a policy for one action on one resource.
type decision int

const (
	notAllowed decision = iota // no statement speaks of it, which is a refusal
	allowed
	denied // a statement refuses it, whatever others allow
)

// policy is an identity-based permission policy.
type policy struct {
	statements []permission
}

// permission is one statement. Effect, Action and Resource are all there is here: see parsePolicy.
type permission struct {
	Sid      string            `json:"Sid"`
	Effect   string            `json:"Effect"`
	Action   oneOrMany[string] `json:"Action"`
	Resource oneOrMany[string] `json:"Resource"`
}

// oneOrMany is a JSON value or an array of such, as policies have it.
type oneOrMany[T any] []T

// UnmarshalJSON reads either form, and refuses fields that T does not have.
func (l *oneOrMany[T]) UnmarshalJSON(data []byte) error {
	strict := func(into any) error {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		return decoder.Decode(into)
	}
	switch data[0] {
	case '[':
		var many []T
		if err := strict(&many); err != nil {
			return err
		}
		*l = many
		return nil
	case 'n':
		return fmt.Errorf("null where a value is needed")
	default:
		var one T
		if err := strict(&one); err != nil {
			return err
		}
		*l = oneOrMany[T]{one}
		return nil
	}
}

// parsePolicy reads a permission policy. What it cannot judge (conditions, NotAction, variables) is an error, never ignored: a
// policy that passes here shall mean the same to IAM.
func parsePolicy(document []byte) (policy, error) {
	var p struct {
		Version   string                `json:"Version"`
		ID        string                `json:"Id"`
		Statement oneOrMany[permission] `json:"Statement"`
	}
	if err := decodePolicy(document, &p); err != nil {
		return policy{}, err
	}
	if err := checkVersion(p.Version, len(p.Statement)); err != nil {
		return policy{}, err
	}
	for n, s := range p.Statement {
		if err := checkEffect(n, s.Effect); err != nil {
			return policy{}, err
		}
		if len(s.Action) == 0 || len(s.Resource) == 0 {
			return policy{}, fmt.Errorf("statement %d needs both Action and Resource", n)
		}
	}
	return policy{statements: p.Statement}, nil
}

// decide applies the policy to an action (es:ESHttpPost) on a resource (an ARN).
func (p policy) decide(action, resource string) decision {
	result := notAllowed
	for _, s := range p.statements {
		if !matchesAny(s.Action, action, true) || !matchesAny(s.Resource, resource, false) {
			continue
		}
		if s.Effect == "Deny" {
			return denied
		}
		result = allowed
	}
	return result
}

// accountOf is the account number in an ARN, or "".
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func decodePolicy(document []byte, into any) error {
	if left := placeholder.Find(document); left != nil {
		return fmt.Errorf("the placeholder %s is not filled in", left)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("cannot read the policy: %w", err)
	}
	if decoder.More() {
		return fmt.Errorf("cannot read the policy: something follows it")
	}
	return nil
}

func checkVersion(version string, statements int) error {
	if version != "2012-10-17" {
		return fmt.Errorf("policy version %q: only 2012-10-17 is judged here", version)
	}
	if statements == 0 {
		return fmt.Errorf("the policy has no statement")
	}
	return nil
}

func checkEffect(n int, effect string) error {
	if effect != "Allow" && effect != "Deny" {
		return fmt.Errorf("statement %d has effect %q: it must be Allow or Deny", n, effect)
	}
	return nil
}

func matchesAny(patterns []string, value string, foldCase bool) bool {
	for _, p := range patterns {
		if matches(p, value, foldCase) {
			return true
		}
	}
	return false
}

// matches applies IAM's wildcards: * for any run of characters, / and : included, and ? for one.
func matches(pattern, value string, foldCase bool) bool {
	var expression strings.Builder
	expression.WriteString("(?s)")
	if foldCase {
		expression.WriteString("(?i)")
	}
	expression.WriteByte('^')
	for _, r := range pattern {
		switch r {
		case '*':
			expression.WriteString(".*")
		case '?':
			expression.WriteByte('.')
		default:
			expression.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	expression.WriteByte('$')
	return regexp.MustCompile(expression.String()).MatchString(value)
}

var placeholder = regexp.MustCompile(`\$\{[A-Za-z_:]+\}`)

// Fill puts values in the place of ${NAME}. A placeholder without a value is an error, and so is a value without a placeholder.
func Fill(template []byte, values map[string]string) ([]byte, error) {
	text := string(template)
	for name, value := range values {
		mark := "${" + name + "}"
		if !strings.Contains(text, mark) {
			return nil, fmt.Errorf("cannot fill in %s: the template does not have it", mark)
		}
		text = strings.ReplaceAll(text, mark, value)
	}
	if left := placeholder.FindString(text); left != "" {
		return nil, fmt.Errorf("cannot fill in %s: no value is given", left)
	}
	return []byte(text), nil
}
