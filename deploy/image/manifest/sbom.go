package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// component is one of CycloneDX's.
type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
}

// writeSBOM lists the modules. It has neither time nor serial number, since the same sources shall give the same file.
func writeSBOM(dir, version string, modules []module) error {
	type metadata struct {
		Component component `json:"component"`
	}
	document := struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}{"CycloneDX", "1.5", 1, metadata{component{Type: "application", Name: "out_opensearch_irsa",
		Version: version}}, nil}
	for _, m := range modules {
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		document.Components = append(document.Components,
			component{"library", m.Path, m.Version, purl})
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the list of modules: %w", err)
	}
	path := filepath.Join(dir, "sbom.cdx.json")
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil { // #nosec G306 -- for everybody to read
		return fmt.Errorf("cannot write the list of modules: %w", err)
	}
	return nil
}
