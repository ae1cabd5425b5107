package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is a file with one change.
type mutant struct {
	file    string // relative to the module
	line    int
	what    string // was changed
	text    string // the line
	changed []byte // the whole file
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.file, m.line, m.what,
		m.text)
}

// instead is what Gremlins puts in a token's place (internal/engine/mappings.go).
var instead = map[string]map[string]string{
	"ARITHMETIC_BASE":       {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"},
	"CONDITIONALS_BOUNDARY": {">=": ">", ">": ">=", "<=": "<", "<": "<="},
	"CONDITIONALS_NEGATION": {"==": "!=", "!=": "==", ">=": "<", ">": "<=", "<=": ">", "<": ">="},
	"INCREMENT_DECREMENT":   {"--": "++", "++": "--"},
	"INVERT_ASSIGNMENTS":    {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "%=": "*="},
	"INVERT_BITWISE":        {"&": "|", "|": "&", "^": "&", "&^": "&", "<<": ">>", ">>": "<<"},
	"INVERT_BWASSIGN":       {"&=": "|=", "|=": "&=", "^=": "&=", "&^=": "&=", "<<=": ">>=", ">>=": "<<="},
	"INVERT_LOGICAL":        {"&&": "||", "||": "&&"},
	"INVERT_LOOPCTRL":       {"break": "continue", "continue": "break"},
}

// find lists the mutants of a package: those of Gremlins, and one for each statement that can be
// removed.
func find(ctx context.Context, gremlins, dir, files string) ([]*mutant, error) {
	list, err := os.CreateTemp("", "gremlins-*.json")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(list.Name()) }()
	defer func() { _ = list.Close() }()
	cmd := exec.CommandContext(ctx, gremlins, "unleash", "./"+dir, "--dry-run", "--silent",
		"--output", list.Name(),
		"--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--invert-logical", "--invert-loopctrl")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot run gremlins: %w\n%s", err, out)
	}
	var found struct {
		Files []struct {
			Name      string `json:"file_name"`
			Mutations []struct {
				Type         string
				Line, Column int
			}
		}
	}
	if err := json.NewDecoder(list).Decode(&found); err != nil {
		return nil, fmt.Errorf("cannot read what gremlins found: %w", err)
	}
	var all []*mutant
	for _, f := range found.Files {
		if ok, err := filepath.Match(files, f.Name); err != nil || !ok {
			continue
		}
		if ok, err := build.Default.MatchFile(dir, f.Name); err != nil || !ok {
			continue // a file for other processors
		}
		path := filepath.Join(dir, f.Name)
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		for _, m := range f.Mutations {
			at := m.Column - 1
			for _, line := range lines[:m.Line-1] {
				at += len(line)
			}
			old := tokenAt(text[at:], instead[m.Type])
			if old == "" {
				continue // INVERT_NEGATIVES is one of ARITHMETIC_BASE, too
			}
			by := instead[m.Type][old]
			all = append(all, change(path, text, at, at+len(old), by, old+" → "+by))
		}
		removed, err := removals(path, text)
		if err != nil {
			return nil, err
		}
		all = append(all, removed...)
	}
	// Gremlins has no order, and a seed is to draw the same ones again.
	slices.SortFunc(all, func(a, b *mutant) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line),
			cmp.Compare(a.what, b.what))
	})
	return all, nil
}

// tokenAt is the longest of the tokens that text begins with.
func tokenAt(text []byte, tokens map[string]string) (longest string) {
	for t := range tokens {
		if len(t) > len(longest) && bytes.HasPrefix(text, []byte(t)) {
			longest = t
		}
	}
	return longest
}

// removals has a mutant for each call, assignment and count that stands for itself.
func removals(path string, text []byte) (all []*mutant, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, 0)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				return true
			}
		default:
			return true
		}
		from, to := set.Position(n.Pos()).Offset, set.Position(n.End()).Offset
		all = append(all, change(path, text, from, to, "", "removed"))
		return true
	})
	return all, nil
}

func change(path string, text []byte, from, to int, by, what string) *mutant {
	start := bytes.LastIndexByte(text[:from], '\n') + 1
	line, _, _ := bytes.Cut(text[start:], []byte("\n"))
	if what == "removed" && to < start+len(line) &&
		from > start+len(line)-len(bytes.TrimLeft(line, "\t")) {
		what = "removed " + string(text[from:to]) // a part of the line
	} else if what != "removed" {
		what += fmt.Sprintf(" (%d)", bytes.Count(text[start:from], text[from:to])+1) // which of them in the line
	}
	changed := append(append(append([]byte{}, text[:from]...), by...), text[to:]...)
	return &mutant{path, bytes.Count(text[:from], []byte("\n")) +
		1, what, strings.TrimSpace(string(line)), changed}
}
