// Package logging writes the plugin's lines. Its input is a level and a line; its output is one
// function, which the C edge points at Fluent Bit's own logger. It never formats a line that the
// configured level would throw away, and it never sees a document.
package logging

import (
	"fmt"
	"strings"
)

// Level is one of Fluent Bit's levels, with Fluent Bit's own numbers (FLB_LOG_ERROR … FLB_LOG_TRACE
// in flb_log.h).
type Level int

// The levels, from the one that is always written to the most talkative.
const (
	Error Level = 1 + iota
	Warn
	Info
	Debug
	Trace
)

// String is the name Fluent Bit prints for the level.
func (l Level) String() string {
	switch l {
	case Error:
		return "error"
	case Warn:
		return "warn"
	case Info:
		return "info"
	case Debug:
		return "debug"
	default:
		return "trace"
	}
}

// Sink takes a finished line, without a newline. It may be called from any goroutine.
type Sink func(level Level, line string)

// Logger writes lines up to a level, each with the name of the output it belongs to.
type Logger struct {
	sink         Sink
	level        Level
	name, prefix string
}

// New returns a Logger that gives sink the lines up to level, each starting with "[name] ".
func New(sink Sink, level Level, name string) *Logger {
	return &Logger{sink: sink, level: level, name: name, prefix: "[" + name + "] "}
}

// Name is that of the output which the lines belong to.
func (l *Logger) Name() string { return l.name }

// Errorf writes a line about something that a person has to fix.
func (l *Logger) Errorf(format string, args ...any) { l.print(Error, format, args) }

// Warnf writes a line about something that may need a person.
func (l *Logger) Warnf(format string, args ...any) { l.print(Warn, format, args) }

// Infof writes a line that a person wants to read once.
func (l *Logger) Infof(format string, args ...any) { l.print(Info, format, args) }

// Debugf writes a line for someone who is looking for a fault.
func (l *Logger) Debugf(format string, args ...any) { l.print(Debug, format, args) }

func (l *Logger) print(level Level, format string, args []any) {
	if level > l.level {
		return
	}
	// A line is one line: what a server answered may hold newlines, and a log reader would take
	// each for a new event.
	line := strings.NewReplacer("\n", " ", "\r", " ").Replace(fmt.Sprintf(format, args...))
	l.sink(level, l.prefix+line)
}
