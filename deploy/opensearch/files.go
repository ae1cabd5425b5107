// Package opensearch holds what a domain needs besides logs: templates, lifecycle policies, a role and its mapping, and what
// Dashboards shows. Each file is the body of one request, with the names of an INDEX_NAME of eks-log, and can be pasted as it is;
// deploy/bootstrap puts them all.
package opensearch

import "embed"

// Files are the bodies, by file name.
//
//go:embed *.json *.ndjson
var Files embed.FS
