package multiline

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// pattern is a regular expression that is not run on a line which cannot match for its first byte.
type pattern struct {
	re    *regexp.Regexp
	first *[256]bool // nil where a match may begin anywhere, or be empty
}

func newPattern(option, text string) (p pattern, err error) {
	if p.re, err = regexp.Compile(text); err != nil {
		return p, fmt.Errorf("%s %q: %w: write a regular expression as Go has them", option, text, err)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return p, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return p, err
	}
	if set, ok := firstBytes(prog); ok {
		p.first = set
	}
	return p, nil
}

func (p *pattern) match(line []byte) bool {
	if p.first != nil && (len(line) == 0 || !p.first[line[0]]) {
		return false
	}
	return p.re.Match(line)
}

// firstBytes is what a line that matches may begin with; ok is false where the expression is not
// bound to the line's beginning, or matches an empty one.
func firstBytes(prog *syntax.Prog) (set *[256]bool, ok bool) {
	set = new([256]bool)
	seen := map[uint32]bool{}
	type step struct {
		at    uint32
		bound bool // there was a ^
	}
	for work := []step{{uint32(prog.Start), false}}; len(work) > 0; {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[s.at] {
			continue
		}
		seen[s.at] = true
		in := &prog.Inst[s.at]
		switch in.Op {
		case syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			work = append(work, step{in.Out, s.bound}, step{in.Arg, s.bound})
		case syntax.InstCapture, syntax.InstNop:
			work = append(work, step{in.Out, s.bound})
		case syntax.InstEmptyWidth:
			work = append(work, step{in.Out, s.bound ||
				syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0})
		case syntax.InstMatch:
			return nil, false
		default: // a character
			if !s.bound {
				return nil, false
			}
			for c := range rune(utf8.RuneSelf) {
				if in.MatchRune(c) {
					set[c] = true
				}
			}
			for c := utf8.RuneSelf; c < len(set); c++ {
				set[c] = true
			}
		}
	}
	return set, true
}

// newPatternRule makes the rule of Options' Start and Continue.
func newPatternRule(start, further string) (rule, error) {
	first, err := newPattern("Multiline_Start", start)
	if err != nil {
		return rule{}, err
	}
	r := rule{
		start: first.match,
		next: func(s state, line []byte) (state, verdict) {
			if first.match(line) {
				return s, no
			}
			return s, yes
		},
	}
	if further == "" {
		return r, nil
	}
	more, err := newPattern("Multiline_Continue", further)
	r.next = func(s state, line []byte) (state, verdict) {
		if more.match(line) {
			return s, yes
		}
		return s, no
	}
	return r, err
}
