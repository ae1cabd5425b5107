package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// licenceFile is the name of a file that has to go along with a module.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|third[-_]party)`)

// writeLicences copies each module's licence files. Folders below a module's own are not looked into: what they hold is named by the
// module's licence, or belongs to no package that is linked.
func writeLicences(dir string, modules []module) error {
	for _, m := range modules {
		entries, err := os.ReadDir(m.Dir)
		if err != nil {
			return fmt.Errorf("cannot read module %s: %w", m.Path, err)
		}
		to := filepath.Join(dir, "licences", filepath.FromSlash(m.Path)+"@"+m.Version)
		found := false
		for _, entry := range entries {
			if !entry.Type().IsRegular() || !licenceFile.MatchString(entry.Name()) ||
				filepath.Ext(entry.Name()) == ".go" {
				continue
			}
			found = true
			if err := copyFile(filepath.Join(m.Dir, entry.Name()),
				filepath.Join(to, entry.Name())); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("cannot find a licence of module %s %s in %q: nobody may pass it on without; ask its authors or leave it out", m.Path, m.Version, m.Dir)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from) // #nosec G304 -- a licence in the module cache
	if err != nil {
		return fmt.Errorf("cannot read a licence: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { // #nosec G301 -- for everybody to read
		return fmt.Errorf("cannot write a licence: %w", err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil { // #nosec G306 G703 -- for everybody to read, where -o says
		return fmt.Errorf("cannot write a licence: %w", err)
	}
	return nil
}
