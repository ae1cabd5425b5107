package logging

import (
	"runtime/debug"
	"strings"
)

// Recovered writes about a panic that was recovered from, with its stack: for a deferred function,
// since a panic that leaves a goroutine ends the whole agent. doing says what was being done.
func (l *Logger) Recovered(doing string, panicked any) {
	l.Errorf("recovered from panic in %s (please report it with the lines below): %v", doing,
		panicked)
	for line := range strings.Lines(string(debug.Stack())) {
		l.Errorf("  %s", strings.TrimSpace(line))
	}
}
