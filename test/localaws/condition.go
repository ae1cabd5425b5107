package localaws

import (
	"fmt"
	"net/netip"
)

// operators are the condition operators that are judged here; each tells whether one value of the request meets one of the policy.
var operators = map[string]func(wanted, value string) bool{
	"StringEquals": func(wanted, value string) bool { return wanted == value },
	"StringLike":   func(wanted, value string) bool { return matches(wanted, value, false) },
	"ArnLike":      func(wanted, value string) bool { return matches(wanted, value, false) },
	"IpAddress": func(wanted, value string) bool {
		network, err := parseNetwork(wanted)
		address, err2 := netip.ParseAddr(value)
		return err == nil && err2 == nil && network.Contains(address.Unmap())
	},
}

// checkConditions refuses what would otherwise be ignored: a condition that is not judged grants more than its author meant.
func checkConditions(n int, conditions map[string]map[string]oneOrMany[string]) error {
	for operator, keys := range conditions {
		if operators[operator] == nil {
			return fmt.Errorf("statement %d has the condition operator %q: only StringEquals, StringLike, ArnLike and IpAddress are judged here", n, operator)
		}
		for key, wanted := range keys {
			if operator != "IpAddress" {
				continue
			}
			for _, w := range wanted {
				if _, err := parseNetwork(w); err != nil {
					return fmt.Errorf("statement %d has %q for %s: it must be an address or a network such as 203.0.113.0/24", n, w, key)
				}
			}
		}
	}
	return nil
}

// met tells whether one of the request's values is one of those that the policy lists. A key that the request lacks is never met.
func met(operator string, wanted, values []string) bool {
	for _, value := range values {
		for _, w := range wanted {
			if operators[operator](w, value) {
				return true
			}
		}
	}
	return false
}

// parseNetwork reads a CIDR, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
