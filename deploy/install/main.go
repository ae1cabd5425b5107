// Command install copies the plugin's folder out of the image it lies in, for an init container: opensearch-irsa-install DIR. The base
// image may have neither a shell nor cp.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"out_opensearch_irsa/internal/version"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: opensearch-irsa-install DIR\n\nCopies the plugin, version "+version.Version+", into DIR, for Fluent Bit's Plugins_File DIR/plugins.conf.")
		os.Exit(2)
	}
	if err := install(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "opensearch-irsa-install:", err)
		os.Exit(1)
	}
}

// install copies the plugin and the file that names it, from where this program is.
func install(to string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program's folder: %w", err)
	}
	for _, name := range []string{"out_opensearch_irsa.so", "plugins.conf"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(self), name)) // #nosec G304 -- beside this program
		if err != nil {
			return fmt.Errorf("cannot read what to install: %w", err)
		}
		// Another container's init may have died half way: the old file goes, and the new one comes in whole.
		part := filepath.Join(to, "."+name)
		if err := os.WriteFile(part, text, 0o755); err != nil { // #nosec G306 G703 -- Fluent Bit may run as another user, and the operator names the folder
			return fmt.Errorf("cannot write to %q: mount a volume there that this container may write to: %w", to, err)
		}
		if err := os.Rename(part, filepath.Join(to, name)); err != nil { // #nosec G703 -- the operator names the folder
			return fmt.Errorf("cannot put %s into %q: %w", name, to, err)
		}
	}
	return nil
}
