package bootstrap

import "fmt"

// same tells whether what the server has is what is wanted. Servers add fields of their own: those
// in added, and any that is empty, do not count; anything else that is not wanted does, since
// somebody put it there.
func same(have, want any, added map[string]bool) bool {
	switch want := want.(type) {
	case object:
		have, ok := have.(object)
		if !ok {
			return false
		}
		for key, value := range want {
			h, there := have[key]
			if !there || !same(h, value, added) {
				return false
			}
		}
		for key, value := range have {
			if _, wanted := want[key]; !wanted && !added[key] && !empty(value) {
				return false
			}
		}
		return true
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !same(have[i], want[i], added) {
				return false
			}
		}
		return true
	default:
		switch have.(type) {
		case object, []any:
			return false
		}
		return fmt.Sprint(have) == fmt.Sprint(want) // servers answer "1" where 1 was put
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	}
	return false
}
