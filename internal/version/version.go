// Package version holds the version that this build is of.
package version

// Version is what requests, log lines and metrics say they come from: a tag, or a commit. The
// Makefile sets it.
var Version = "dev"
