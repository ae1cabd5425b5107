package simulation

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The oracle keeps account of each line of the sources: by what it has to become, how often that has to
// be in its index, and how often in the dead letters.

// An account is of all lines that become the same document in the same index.
type account struct {
	lines  []*line
	index  string
	id     string // by Id_Key, if it has one
	tag    string
	key    string
	coarse bool // times no finer than a millisecond
	poison string

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

	torn     map[string]*tornEnd // by tag and bytes
	chunksOf map[*line][]*chunk
	equal    map[*line]int
}

func (o *oracle) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// judge returns what is wrong with a run that has ended.
func judge(s *scenario, a *agent, d *domain) []string {
	o := &oracle{s: s, a: a, d: d, accounts: map[string]*account{}, byName: map[string][]*account{}}
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
	o.open()
	o.readChunks()
	o.countStored()
	o.countLetters()
	if len(a.faults) == 0 { // else what is missing was said already
		o.settleAccounts()
	}
	return o.problems
}

// open makes the accounts.
func (o *oracle) open() {
	names := naming{replaceDots: o.s.option("Replace_Dots") == "On", dedot: o.s.option("Dedot") != "Off"}
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
	for _, src := range o.s.sources {
		for _, l := range src.lines {
			m := membersOf(l.body, nil, names)
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
				acc = &account{key: index + " " + form, index: index, id: o.id(l), tag: src.tag, poison: l.poison}
				o.accounts[index+" "+form] = acc
				o.order = append(o.order, acc)
			}
			if src.resolution >= time.Millisecond {
				acc.coarse = true
			}
			acc.lines = append(acc.lines, l)
			name, _ := field(l.body, "k").(string)
			if !slices.Contains(o.byName[name], acc) {
				o.byName[name] = append(o.byName[name], acc)
			}
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
			acc := o.accounts[index+" "+doc.form]
			if acc == nil {
				o.problem("in index %s is what nobody wrote: id %s, %.500q", index, id, doc.raw)
				continue
			}
			acc.stored++
		}
	}
}

// A letter is a dead letter as it was documented.
type letter struct {
	Time   string `json:"@timestamp"`
	Index  string `json:"index"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Tag    string `json:"tag"`
	Record string `json:"record"`
	Raw    []byte `json:"record_msgpack"`
	Cut    bool   `json:"truncated"`
}

func (o *oracle) countLetters() {
	for index, docs := range o.d.docs {
		if !strings.HasSuffix(index, deadLetterSuffix) {
			continue
		}
		for _, doc := range docs {
			o.countLetter(doc.raw, "index "+index)
		}
	}
	if o.s.option("Dead_Letter_Path") == "" {
		return
	}
	files, _ := filepath.Glob(o.a.property("Dead_Letter_Path") + "*")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			o.problem("%v", err)
		}
		for in := bufio.NewReader(bytes.NewReader(text)); ; {
			text, err := in.ReadBytes('\n')
			if len(text) > 0 {
				o.countLetter(text, "the file")
			}
			if err != nil {
				break
			}
		}
	}
}

func (o *oracle) countLetter(text []byte, where string) {
	var l letter
	if err := json.Unmarshal(text, &l); err != nil {
		o.problem("in %s is a dead letter that is no JSON, %v: %.300q", where, err, text)
		return
	}
	if t := o.torn[l.Tag+" "+string(l.Raw)]; t != nil {
		t.letters++
		return
	}
	acc := o.ofLetter(&l)
	if acc == nil {
		o.problem("in %s is a dead letter of what nobody wrote: %.500s", where, text)
		return
	}
	acc.letters++
	if l.Reason == "" || l.Tag != acc.tag || l.Index != acc.index {
		o.problem("a dead letter of %s says tag %q, index %q, reason %q", acc, l.Tag, l.Index, l.Reason)
	}
	if _, err := jsonForm([]byte(l.Record)); l.Raw == nil && l.Cut != (err != nil) || l.Cut && where == "the file" {
		o.problem("in %s is a dead letter of %s that is marked wrong, truncated %t: %v", where, acc, l.Cut, err)
	}
	acc.reasons = append(acc.reasons, l.Type)
}

// ofLetter finds whose letter it is. One that was cut to fit has its name at the beginning, and must have
// been too large for the domain when whole.
func (o *oracle) ofLetter(l *letter) *account {
	if l.Raw != nil {
		for _, acc := range o.order {
			for _, line := range acc.lines {
				if bytes.HasSuffix(line.bytes, l.Raw) && len(l.Raw) > 0 {
					return acc
				}
			}
		}
		return nil
	}
	form, err := jsonForm([]byte(l.Record))
	if err == nil {
		return o.accounts[l.Index+" "+form]
	}
	_, name, _ := strings.Cut(l.Record, `"k":"`)
	name, _, _ = strings.Cut(name, `"`)
	for _, acc := range o.byName[name] {
		for _, line := range acc.lines {
			at, err := time.Parse(time.RFC3339Nano, l.Time)
			if limit := o.s.domain.limit; err == nil && at.Equal(line.at) && limit > 0 && len(line.bytes) > limit/2 {
				return acc
			}
		}
	}
	return nil
}

func (acc *account) String() string {
	names := []string{}
	for _, l := range acc.lines {
		names = append(names, l.name())
	}
	return fmt.Sprintf("%s (index %s, %d lines, time %s)", strings.Join(names[:min(3, len(names))], ", "), acc.index, len(names), acc.lines[0].at.Format("15:04:05.000000000"))
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

// settleShared settles accounts that share an id. With index the last one wins; with create the first,
// and the others are dead letters.
func (o *oracle) settleShared(group []*account) {
	stored, missing := 0, []*account{}
	for _, acc := range group {
		stored += acc.stored
		if acc.stored == 0 {
			missing = append(missing, acc)
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
			o.within(acc, fmt.Sprintf("the dead letters (its id %q is another's)", acc.id), acc.letters, 1, high)
			for _, got := range acc.reasons {
				if got != "id_taken" {
					o.problem("%s is in the dead letters with %q instead of id_taken", acc, got)
				}
			}
		}
	}
}

// bounds are how often an account's lines have to be somewhere: as often as they were written, but for
// what the guarantees leave open.
func (o *oracle) bounds(acc *account) (low, high int) {
	high = len(acc.lines)
	toFile := o.s.option("Dead_Letter_Path") != "" && (acc.poison != "" || acc.id != "")
	noIDs := o.s.domain.noIDs != "" || o.s.option("Generate_ID") == "Off" && acc.id == ""
	for _, l := range acc.lines {
		for _, c := range o.chunksOf[l] {
			if noIDs || toFile {
				// Nothing but the ledger knows what was stored, and it ends with its process.
				high += c.unclear
			}
			if c.reread && (noIDs || toFile || acc.coarse) {
				// Without ids, and with times that do not tell two lines apart, who reads again
				// writes again.
				high++
			}
		}
	}
	switch {
	case noIDs:
		low = len(acc.lines)
		high += o.d.excused[acc.key] + o.excusedLetters(acc)
	case acc.coarse:
		low = len(acc.lines)
		for _, l := range acc.lines {
			low -= o.equal[l]
		}
	default:
		low = o.different(acc)
	}
	return low, high
}

// different counts lines, but those that are equal to the nanosecond only as often as one chunk holds
// them: in different chunks they are taken for one that was read twice.
func (o *oracle) different(acc *account) int {
	if len(acc.lines) == 1 {
		return 1
	}
	most := map[int64]int{} // by time
	perChunk := map[*chunk]map[int64]int{}
	for _, l := range acc.lines {
		at := l.at.UnixNano()
		for _, c := range o.chunksOf[l] {
			if perChunk[c] == nil {
				perChunk[c] = map[int64]int{}
			}
			perChunk[c][at]++
			most[at] = max(most[at], perChunk[c][at])
		}
	}
	n := 0
	for _, m := range most {
		n += m
	}
	return n
}

// A tornEnd is the end of a chunk that is no record.
type tornEnd struct {
	raw                []byte
	letters, low, high int
}

// settleTorn compares for the ends of chunks. Their letters have no ids.
func (o *oracle) settleTorn() {
	for _, t := range o.torn {
		text := base64.StdEncoding.EncodeToString(t.raw)
		for key, times := range o.d.excused {
			if strings.Contains(key, text) {
				t.high += times
			}
		}
		if t.letters < t.low || t.letters > t.high {
			o.problem("the torn end %.40x… of %d bytes is %d times in the dead letters, not %d to %d", t.raw, len(t.raw), t.letters, t.low, t.high)
		}
	}
}

// readChunks notes in which chunks each line was settled, and which lines are in a chunk whose bytes
// another process had settled before: with coarse times, it cannot know that they are others.
func (o *oracle) readChunks() {
	o.torn = map[string]*tornEnd{}
	o.chunksOf, o.equal = map[*line][]*chunk{}, map[*line]int{}
	seen := map[string]*chunk{}
	for _, c := range o.a.settled {
		if c.torn != nil {
			key := o.s.sources[c.source].tag + " " + string(c.torn)
			if o.torn[key] == nil {
				o.torn[key] = &tornEnd{raw: c.torn}
			}
			o.torn[key].low++
			o.torn[key].high += 1 + c.unclear // it has no id
		}
		key := fmt.Sprint(c.source, " ") + string(c.bytes)
		first := seen[key]
		if first == nil {
			seen[key] = c
		}
		for _, l := range o.s.sources[c.source].lines[c.first : c.first+c.n] {
			o.chunksOf[l] = append(o.chunksOf[l], c)
			if first != nil && first.by != c.by {
				o.equal[l]++
			}
		}
	}
}

// excusedLetters counts the letters without id of which the agent could not know that they were kept.
func (o *oracle) excusedLetters(acc *account) int {
	n := 0
	for key, times := range o.d.excused {
		if strings.Contains(key, deadLetterSuffix+" ") {
			for _, l := range acc.lines {
				if strings.Contains(key, l.name()) {
					n += times
				}
			}
		}
	}
	return n
}
