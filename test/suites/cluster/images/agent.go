package images

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	"out_opensearch_irsa/test/fixtures/stack"
)

// entrypoint is the base's own but for its three plugins, which we do not have.
const entrypoint = `#!/bin/sh
exec /fluent-bit/bin/fluent-bit -c /fluent-bit/etc/fluent-bit.conf
`

// library is a path in what ldd says.
var library = regexp.MustCompile(`(?m)(/\S+\.so\S*)`)

// agentFiles is a root file system with Fluent Bit, a shell, and what both need.
func agentFiles(ctx context.Context, host stack.FluentBitHost, ca []byte) ([]file, error) {
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		return nil, err
	}
	files := []file{
		{Path: "tmp/", Mode: 0o1777}, {Path: "fluent-bit/etc/", Mode: 0o755},
		{Path: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Text: ca},
		{Path: "entrypoint.sh", Mode: 0o755, Text: []byte(entrypoint)},
		{Path: "bin/sh", Mode: 0o755, From: shell},
		{Path: "fluent-bit/bin/fluent-bit", Mode: 0o755, From: host.Path},
		{Path: "etc/passwd", Mode: 0o644, Text: []byte("root:x:0:0:root:/:/bin/sh\n")},
	}
	var libraries []string
	for _, program := range []string{host.Path, shell} {
		out, err := exec.CommandContext(ctx, "ldd", program).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("cannot tell the libraries of %q: %w: %s", program, err, out)
		}
		for _, found := range library.FindAllString(string(out), -1) {
			libraries = append(libraries, found)
			if filepath.Base(found) == "libc.so.6" { // the shared object names these two, which the libc of today has in itself
				for _, name := range []string{"libpthread.so.0", "libdl.so.2", "libresolv.so.2"} {
					libraries = append(libraries, filepath.Join(filepath.Dir(found), name))
				}
			}
		}
	}
	slices.Sort(libraries)
	for _, path := range slices.Compact(libraries) {
		files = append(files, file{Path: path[1:], Mode: 0o755, From: path})
	}
	return files, nil
}
