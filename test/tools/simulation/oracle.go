package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/test/suites/multiline/model"
)

// The oracle keeps account of each line of the sources: by what it has to become, how often that
// has to be in its index, and how often in the dead letters.

// A piece is what a chunk has one document of: a line, or with Multiline lines of one stack trace.
type piece struct {
	pieceKey
	chunks []*chunk // those that it was settled in
}

// pieceKey tells pieces apart: those that begin with one line are each the beginning of the
// longest.
type pieceKey struct {
	first *line
	lines int
}

// An account is of all pieces that become the same document in the same index.
type account struct {
	pieces []*piece
	index  string
	id     string // by Id_Key, if it has one
	tag    string
	key    string
	coarse bool // times no finer than a millisecond
	poison string
	// members are the document's, by key.
	members map[string]string

	stored, letters int
	reasons         []string // of the letters
}

type oracle struct {
	s        *scenario
	a        *agent
	d        *domain
	accounts map[string]*account // by index and form
	byName   map[string][]*account
	order    []*account
	problems []string

	torn    map[string]*tornEnd // by tag and bytes
	rules   *model.Rules        // of Multiline; nil without
	pieces  map[pieceKey]*piece
	longest map[*line]int // of the pieces that begin with a line, the lines of the one with most

	// With Multiline: all documents and dead letters, and of each line the first lines of its
	// pieces.
	texts  []string
	firsts map[*line][]*line
}

func (o *oracle) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// judge returns what is wrong with a run that has ended.
func judge(s *scenario, a *agent, d *domain) []string {
	o := &oracle{s: s, a: a, d: d, accounts: map[string]*account{}, byName: map[string][]*account{},
		torn: map[string]*tornEnd{}, rules: s.rules(), pieces: map[pieceKey]*piece{},
		longest: map[*line]int{},
		firsts:  map[*line][]*line{}}
	for _, f := range a.faults {
		o.problem("%s", f)
	}
	for _, v := range d.violations {
		o.problem("the domain would refuse as malformed: %s", v)
	}
	for _, text := range a.log {
		if strings.Contains(text, secret) {
			o.problem("a log line holds a document's text: %s", text)
			break
		}
	}
	o.readChunks()
	o.open()
	o.countStored()
	o.countLetters()
	if len(a.faults) == 0 { // else what is missing was said already
		o.settleAccounts()
		o.findLines()
	}
	return o.problems
}

// open makes the accounts, of what the chunks hold.
func (o *oracle) open() {
	open := o.opener()
	for _, c := range o.a.made {
		documents, bodies := o.join(o.a.lines(c))
		for i, document := range documents {
			key := pieceKey{document[0], len(document)}
			p := o.pieces[key]
			if p == nil {
				p = &piece{pieceKey: key}
				o.pieces[key] = p
				open(p, o.s.sources[c.source], bodies[i])
			}
			if o.rules != nil {
				o.readBehind(document)
			}
			if c.by != nil {
				p.chunks = append(p.chunks, c)
				o.longest[p.first] = max(o.longest[p.first], p.lines)
			}
		}
	}
}

// opener returns what adds a piece, with the record that its document is made of, to its account.
func (o *oracle) opener() func(p *piece, src *source, body object) {
	names := naming{replaceDots: o.s.option("Replace_Dots") == "On",
		dedot: o.s.option("Dedot") != "Off"}
	layout := "2006-01-02T15:04:05.000Z"
	if o.s.option("Time_Key_Nanos") == "On" {
		layout = "2006-01-02T15:04:05.000000000Z"
	}
	tagKey := ""
	if o.s.option("Include_Tag_Key") == "On" {
		if tagKey = o.s.option("Tag_Key"); tagKey == "" {
			tagKey = "flb-key"
		}
	}
	return func(p *piece, src *source, body object) {
		l := p.first
		m := membersOf(body, nil, names)
		if _, ok := m["@timestamp"]; !ok {
			m["@timestamp"] = stringForm(l.at.Format(layout))
		}
		if _, ok := m[tagKey]; !ok && tagKey != "" {
			m[tagKey] = stringForm(src.tag)
		}
		index := o.index(l)
		form := objectForm(m)
		acc := o.accounts[index+" "+form]
		if acc == nil {
			acc = &account{key: index + " " + form, index: index, id: o.id(l), tag: src.tag,
				poison: l.poison, members: m}
			o.accounts[index+" "+form] = acc
			o.order = append(o.order, acc)
		}
		if src.resolution >= time.Millisecond {
			acc.coarse = true
		}
		acc.pieces = append(acc.pieces, p)
		name, _ := field(l.body, "k").(string)
		if !slices.Contains(o.byName[name], acc) {
			o.byName[name] = append(o.byName[name], acc)
		}
	}
}

// field is a field of a record, of one that comes twice the last.
func field(o object, name string) any {
	var v any
	for _, p := range o {
		if k, ok := p.key.(string); ok && k == name {
			v = p.value
		}
	}
	return v
}

// index is the name that the option Index gives a line.
func (o *oracle) index(l *line) string {
	name := o.a.property("Index")
	name = strings.ReplaceAll(name, "%Y.%m.%d", l.at.Format("2006.01.02"))
	if strings.Contains(name, "$ns") {
		ns, ok := field(l.body, "ns").(string)
		if !ok {
			return "fallback"
		}
		name = strings.ReplaceAll(name, "$ns", ns)
	}
	return name
}

// id is the id that Id_Key gives a line.
func (o *oracle) id(l *line) string {
	var v any
	switch o.s.option("Id_Key") {
	case "id":
		v = field(l.body, "id")
	case "$nested['id']":
		if nested, ok := field(l.body, "nested").(object); ok {
			v = field(nested, "id")
		}
	}
	switch v := v.(type) {
	case string:
		if id := valid(v); len(id) <= 512 { // the longest that OpenSearch takes
			return id
		}
	case int64:
		return fmt.Sprint(v)
	}
	return ""
}

func (o *oracle) countStored() {
	for index, docs := range o.d.docs {
		if strings.HasSuffix(index, deadLetterSuffix) {
			continue
		}
		for id, doc := range docs {
			if o.rules != nil {
				o.texts = append(o.texts, string(doc.raw))
			}
			acc := o.accounts[index+" "+doc.form]
			if acc == nil {
				o.problem("in index %s is what nobody wrote: id %s, %.500q", index, id, doc.raw)
				continue
			}
			acc.stored++
		}
	}
}

func (acc *account) String() string {
	names := []string{}
	for _, p := range acc.pieces {
		if names = append(names, p.first.name()); p.lines > 1 {
			names[len(names)-1] += fmt.Sprintf(" of %d lines", p.lines)
		}
	}
	return fmt.Sprintf("%s (index %s, %d times, time %s)",
		strings.Join(names[:min(3, len(names))], ", "),
		acc.index, len(names), acc.pieces[0].first.at.Format("15:04:05.000000000"))
}

// settleAccounts compares.
func (o *oracle) settleAccounts() {
	taken := map[string][]*account{} // accounts that share an id
	for _, acc := range o.order {
		low, high := o.bounds(acc)
		switch {
		case acc.poison != "":
			if acc.stored > 0 {
				o.problem("%s was refused (%s) and is stored", acc, acc.poison)
			}
			o.within(acc, "the dead letters", acc.letters, low, high)
			want := rejections[acc.poison].kind
			for _, got := range acc.reasons {
				if got != want && want != "" {
					o.problem("%s is in the dead letters with %q instead of %q", acc, got, want)
				}
			}
		case acc.id != "" && o.s.domain.noIDs == "":
			taken[acc.index+" "+acc.id] = append(taken[acc.index+" "+acc.id], acc)
		default:
			if acc.letters > 0 {
				o.problem("%s is in the dead letters: %q", acc, acc.reasons)
			}
			o.within(acc, "the index", acc.stored, low, high)
		}
	}
	for _, group := range taken {
		o.settleShared(group)
	}
	o.settleTorn()
	slices.Sort(o.problems[len(o.a.faults):])
}

func (o *oracle) within(acc *account, where string, n, low, high int) {
	switch {
	case n < low:
		o.problem("%s is lost: %d times in %s, not %d", acc, n, where, low)
	case n > high:
		o.problem("%s is %d times in %s, not %d", acc, n, where, high)
	}
}

// within tells whether all of the document's members are in another one.
func (acc *account) within(other *account) bool {
	for key, form := range acc.members {
		if other.members[key] != form {
			return false
		}
	}
	return true
}

// settleShared settles accounts that share an id. With index the last one wins; with create the
// first, and the others are dead letters.
func (o *oracle) settleShared(group []*account) {
	stored, winner := 0, group[0]
	for _, acc := range group {
		if stored += acc.stored; acc.stored > 0 {
			winner = acc
		}
	}
	if stored != 1 {
		o.problem("id %q of %s is stored %d times", group[0].id, group[0], stored)
		return
	}
	for _, acc := range group {
		_, high := o.bounds(acc)
		switch {
		case o.s.option("Write_Operation") == "index":
			if acc.letters > 0 {
				o.problem("%s is in the dead letters: %q", acc, acc.reasons)
			}
		case acc.stored == 1:
			o.within(acc, "the dead letters too", acc.letters, 0, 0)
		default:
			low := 1
			if acc.within(winner) {
				low = 0 // taken for what an ingest pipeline made of the record
			}
			o.within(acc, fmt.Sprintf("the dead letters (its id %q is another's)", acc.id),
				acc.letters, low, high)
			for _, got := range acc.reasons {
				if got != "id_taken" {
					o.problem("%s is in the dead letters with %q instead of id_taken", acc, got)
				}
			}
		}
	}
}
