package indexname

import "testing"

func TestPattern(t *testing.T) {
	f := func(text, pattern, example string, fields bool) {
		t.Helper()
		tpl, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := tpl.Pattern(); got != pattern {
			t.Errorf("%s: pattern %q, want %q", text, got, pattern)
		}
		if got := tpl.Example(1_700_000_000, "x"); got != example {
			t.Errorf("%s: example %q, want %q", text, got, example)
		}
		if tpl.HasFields() != fields {
			t.Errorf("%s: HasFields is %v", text, !fields)
		}
	}
	f("eks-log", "eks-log", "eks-log", false)
	f("eks-log-%Y.%m.%d", "eks-log-*", "eks-log-2023.11.14", false)
	f("eks-%Y-dead-letter", "eks-*-dead-letter", "eks-2023-dead-letter", false)
	f("$kubernetes['namespace_name']-%Y", "*-*", "x-2023", true)
	f("$TAG[1]$stream", "*", "xx", true)
}
