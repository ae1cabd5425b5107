package stack

import (
	"fmt"
	"os"
)

// Unmet tells which of the environment variables does not name a file or folder that is there, "" if all do.
func Unmet(variables ...string) string {
	for _, name := range variables {
		if _, err := os.Stat(os.Getenv(name)); err != nil {
			return fmt.Sprintf("%s does not name what make e2e puts there: %v", name, err)
		}
	}
	return ""
}

// RunUnmet runs a package's tests where something is unmet, which each of them is to say as it skips itself. Where CI is true they
// do not run, and fail.
func RunUnmet(tests interface{ Run() int }, unmet string) (code int) {
	fmt.Println("cannot test:", unmet)
	if os.Getenv("CI") == "true" {
		return 1
	}
	return tests.Run()
}

// Missing skips a test on a person's machine and fails it where CI is true; what tells what it cannot do without.
func Missing(t interface {
	Helper()
	Fatal(args ...any)
	Skip(args ...any)
}, what string,
) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
