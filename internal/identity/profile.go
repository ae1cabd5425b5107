package identity

import (
	"fmt"
	"strings"
)

// profiles are the sections of AWS's shared configuration and credentials files, by the profile's
// name. Keys are in lower case.
type profiles map[string]map[string]string

// parseProfiles adds what a file says. In the configuration file a section is [default] or [profile
// NAME], and those of another kind, such as [sso-session NAME], are passed over; in the credentials
// file each is [NAME]. An error names the line's number and never quotes it, since it may hold a
// secret.
func parseProfiles(text string, isConfig bool, into profiles) error {
	var section map[string]string // nil in one that is passed over, and before the first
	inSection, nests := false, false
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		content := strings.TrimSpace(line)
		indented := content != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case content == "" || content[0] == '#' || content[0] == ';':
		case content[0] == '[':
			head, rest, closed := strings.Cut(content[1:], "]")
			if rest = strings.TrimSpace(rest); !closed ||
				rest != "" && rest[0] != '#' && rest[0] != ';' {
				return fmt.Errorf("line %d: a section is written [name]", number+1)
			}
			inSection, nests, section = true, false, nil
			if name, ok := profileOf(head, isConfig); ok {
				if into[name] == nil {
					into[name] = map[string]string{}
				}
				section = into[name]
			}
		case indented && nests: // belongs to the key above, such as s3 =
		default:
			key, value, ok := strings.Cut(content, "=")
			if !ok || !inSection {
				return fmt.Errorf("line %d: it is neither [section] nor key = value", number+1)
			}
			value = withoutComment(value)
			nests = value == ""
			if section != nil {
				section[strings.ToLower(strings.TrimSpace(key))] = value
			}
		}
	}
	return nil
}

// profileOf is the profile that a section's head names.
func profileOf(head string, isConfig bool) (string, bool) {
	words := strings.Fields(head)
	switch {
	case len(words) == 1 && (!isConfig || words[0] == "default"):
		return words[0], true
	case len(words) == 2 && words[0] == "profile" && isConfig:
		return words[1], true
	}
	return "", false
}

// withoutComment drops a comment, which needs a blank before it: a secret key may hold # and ;.
func withoutComment(value string) string {
	for i := 1; i < len(value); i++ {
		if (value[i] == '#' || value[i] == ';') && (value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	return strings.TrimSpace(value)
}
