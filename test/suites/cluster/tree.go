package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tree is a copy of the repository's deploy/ that is edited as the guide says, for kubectl to
// apply.
type tree struct{ dir string }

func newTree(root, dir string) (tree, error) {
	if err := os.CopyFS(filepath.Join(dir, "deploy"),
		os.DirFS(filepath.Join(root, "deploy"))); err != nil {
		return tree{}, err
	}
	return tree{dir}, nil
}

func (t tree) overlay(name string) string {
	return filepath.Join(t.dir, "deploy", "kubernetes", "overlays", name)
}

// edit replaces lines of a file: each old one has to be there.
func (t tree) edit(path string, replacements ...string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for n := 0; n < len(replacements); n += 2 {
		if !strings.Contains(string(text), replacements[n]) {
			return fmt.Errorf("%s has no %q", path, replacements[n])
		}
		text = []byte(strings.ReplaceAll(string(text), replacements[n], replacements[n+1]))
	}
	return os.WriteFile(path, text, 0o600)
}

// settings writes an overlay's settings.env, as Terraform does.
func (t tree) settings(overlay string, more ...string) error {
	lines := append([]string{
		"OPENSEARCH_ENDPOINT=" + domainHost, "AWS_REGION=" + region, "INDEX_NAME=eks-log",
		"FLUENT_BIT_ROLE_ARN=arn:aws:iam::" + account + ":role/" + agentRole, "BOOTSTRAP_ROLE_ARN=arn:aws:iam::" + account + ":role/" + masterRole,
	}, more...)
	return os.WriteFile(filepath.Join(t.overlay(overlay), "settings.env"),
		[]byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// image writes an overlay's image.
func (t tree) image(overlay, image string) error {
	name, tag, _ := strings.Cut(image, ":")
	file := filepath.Join(t.overlay(overlay), "kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for n, line := range lines {
		if strings.HasPrefix(line, "    newName: ") {
			lines[n] = "    newName: " + name
		}
		if strings.HasPrefix(line, "    newTag: ") {
			lines[n] = "    newTag: " + tag
		}
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600)
}

// components makes an overlay have these and no others, by editing the lines that are there.
func (t tree) components(overlay string, chosen ...string) error {
	file := filepath.Join(t.overlay(overlay), "kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, name := range chosen {
		wanted[name] = true
	}
	lines := strings.Split(string(text), "\n")
	for n, line := range lines {
		_, name, is := strings.Cut(line, "- ../../components/")
		if !is {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		lines[n] = "  # - ../../components/" + name
		if wanted[name] {
			lines[n] = "  - ../../components/" + name
			delete(wanted, name)
		}
	}
	if len(wanted) > 0 {
		return fmt.Errorf("overlay %s has no line for the components %v", overlay, wanted)
	}
	joined := strings.Join(lines, "\n")
	if len(chosen) == 0 {
		joined = strings.Replace(joined, "\ncomponents:\n", "\n", 1)
	}
	return os.WriteFile(file, []byte(joined), 0o600)
}
