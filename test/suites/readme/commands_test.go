package readme

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// TestCommandsAreThere parses every block of commands, and checks each command by its rule. One
// without a rule is a failure.
func TestCommandsAreThere(t *testing.T) {
	checked := 0
	for _, b := range blocks(t) {
		if b.lang != "sh" {
			continue
		}
		file, err := syntax.NewParser().Parse(strings.NewReader(b.text), "")
		if err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
			continue
		}
		syntax.Walk(file, func(node syntax.Node) bool {
			call, ok := node.(*syntax.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			args := make([]string, len(call.Args))
			for i, word := range call.Args {
				args[i] = literal(word)
			}
			if args[0] == "sudo" && len(args) > 1 {
				args = args[1:]
			}
			rule, known := rules[filepath.Base(args[0])]
			if !known {
				t.Errorf("%s:%d: %s: no rule says how to check this command", b.file,
					b.line+int(call.Pos().Line())-1, args[0])
			} else if err := rule(args[1:]); err != nil {
				t.Errorf("%s:%d: %s: %v", b.file, b.line+int(call.Pos().Line())-1,
					strings.Join(args, " "), err)
			}
			checked++
			return true
		})
	}
	if checked == 0 {
		t.Error("no document has a command")
	}
}

// literal is a word without its quotes; what the shell would fill in stays as it is written.
func literal(word *syntax.Word) string {
	var b strings.Builder
	_ = syntax.NewPrinter().Print(&b, word) // a strings.Builder never fails
	return strings.NewReplacer(`"`, "", `'`, "").Replace(b.String())
}

// rules check a command's arguments. A command whose arguments name nothing of ours has the rule
// free.
var rules = map[string]func(args []string) error{
	"make": makeTargets, "go": goPackage, "kubectl": paths("-k", "-f"), "terraform": terraform, "docker": paths("-f", "--file"),
	"opensearch-irsa-doctor": free, "opensearch-irsa-replay": free, "opensearch-irsa-bootstrap": free,
	"aws": free, "eksctl": free, // `make terraform` checks the parameters of the former
	"cd": folder, "git": free, "export": free, "curl": free, "jq": free, "cat": free, "echo": free, "sed": free, "envsubst": free, "install": free,
	"cp": free, "eval": free, "openssl": free, "cosign": free, "sha256sum": free, "helm": named, "set": free, ".": named,
}

func free([]string) error { return nil }

// named wants what is called deploy/… to be there.
func named(args []string) error {
	for _, arg := range args {
		if strings.HasPrefix(arg, "deploy/") {
			return exists(arg)
		}
	}
	return nil
}

var target = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)

func makeTargets(args []string) error {
	var makefile []byte
	for _, name := range []string{"Makefile", "deploy/image/image.mk",
		"test/suites/cluster/cluster.mk"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		makefile = append(append(makefile, text...), '\n')
	}
	for _, arg := range args {
		if strings.Contains(arg, "=") || strings.HasPrefix(arg, "-") {
			continue
		}
		if !slices.ContainsFunc(target.FindAllStringSubmatch(string(makefile), -1),
			func(m []string) bool { return m[1] == arg }) {
			return fmt.Errorf("the Makefile has no target %s", arg)
		}
	}
	return nil
}

func goPackage(args []string) error {
	for _, arg := range args {
		if strings.HasPrefix(arg, "./") {
			return exists(strings.TrimSuffix(arg, "/..."))
		}
	}
	return nil
}

// paths makes the rule that what follows these flags is in the repository.
func paths(flags ...string) func([]string) error {
	return func(args []string) error {
		for i, arg := range args[:max(0, len(args)-1)] {
			if slices.Contains(flags, arg) && args[i+1] != "-" {
				if err := exists(args[i+1]); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func terraform(args []string) error {
	for _, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "-chdir="); ok {
			return exists(dir)
		}
	}
	return nil
}

func folder(args []string) error {
	if len(args) == 1 && strings.HasPrefix(args[0], "deploy") {
		return exists(args[0])
	}
	return nil
}

func exists(path string) error {
	if _, err := os.Stat(filepath.Join(root, path)); err != nil {
		return fmt.Errorf("%s is not in the repository", path)
	}
	return nil
}
