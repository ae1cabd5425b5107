package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// module is what is linked. Go's standard library is one too, named std as Go's own tools name it.
type module struct {
	Path, Version string
	Dir           string // where its files are
}

// linked returns the modules that the packages are made of besides the main one, each once, in order.
func linked(packages []string) ([]module, error) {
	list := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Standard,Module"}, packages...)...) // #nosec G204 -- the caller's own packages
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list what %s is made of: go list: %w",
			strings.Join(packages, " "), err)
	}
	root, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot find Go's own licence: go env: %w", err)
	}
	goroot, goversion, _ := strings.Cut(strings.TrimSpace(string(root)), "\n")
	modules := map[string]module{"std": {Path: "std", Version: strings.TrimPrefix(goversion, "go"),
		Dir: goroot}}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p struct {
			ImportPath string
			Standard   bool
			Module     *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path, Version, Dir string }
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("cannot read go list's answer: %w", err)
		}
		switch {
		case p.Standard || p.Module != nil && p.Module.Main:
		case p.Module == nil:
			return nil, fmt.Errorf("cannot tell which module package %q is of", p.ImportPath)
		case p.Module.Replace != nil:
			modules[p.Module.Path] = module(*p.Module.Replace)
		default:
			modules[p.Module.Path] = module{p.Module.Path, p.Module.Version, p.Module.Dir}
		}
	}
	sorted := make([]module, 0, len(modules))
	for _, m := range modules {
		sorted = append(sorted, m)
	}
	slices.SortFunc(sorted, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return sorted, nil
}
