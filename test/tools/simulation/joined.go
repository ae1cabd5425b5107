package simulation

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/test/suites/multiline/model"
)

// join returns the documents that lines of one chunk become: each as its lines, and the record that
// it is made of, which is the first line's with the text of all.
func (o *oracle) join(lines []*line) (documents [][]*line, bodies []object) {
	if o.rules == nil {
		for i, l := range lines {
			documents, bodies = append(documents, lines[i:i+1]), append(bodies, l.body)
		}
		return documents, bodies
	}
	all := make([]model.Line, len(lines))
	for i, l := range lines {
		all[i] = modelLine(l)
	}
	for _, numbers := range o.rules.Join(all) {
		var document []*line
		for _, i := range numbers {
			document = append(document, lines[i])
		}
		body := document[0].body
		if len(numbers) > 1 {
			body = withText(body, model.Text(all, numbers))
		}
		documents, bodies = append(documents, document), append(bodies, body)
	}
	return documents, bodies
}

// readBehind notes the first line that the lines of a document were read behind.
func (o *oracle) readBehind(document []*line) {
	for _, l := range document {
		if !slices.Contains(o.firsts[l], document[0]) {
			o.firsts[l] = append(o.firsts[l], document[0])
		}
	}
}

func withText(body object, text string) object {
	body = slices.Clone(body)
	for i := range body {
		if isKey(body[i].key, "log") {
			body[i].value = text
		}
	}
	return body
}

// nameInText is a line's name as its text has it.
var nameInText = regexp.MustCompile(secret + `(L\d+\.\d+\.)`)

// findLines looks for each line's name in the texts of documents and dead letters, whatever the
// lines were joined to. It is in one; and with fine times and ids in one only, however often it was
// read, but for the lines of a trace that a chunk's end cut in one reading and not in another.
func (o *oracle) findLines() {
	if o.rules == nil {
		return
	}
	found := map[string]int{} // by name
	for _, text := range o.texts {
		names := map[string]bool{}
		for _, m := range nameInText.FindAllStringSubmatch(text, -1) {
			names[m[1]] = true
		}
		for name := range names {
			found[name]++
		}
	}
	exact := o.s.domain.noIDs == "" && !o.s.domain.stream && o.s.option("Generate_ID") != "Off" &&
		o.s.option("Id_Key") == ""
	for _, src := range o.s.sources {
		for _, l := range src.lines {
			text, _ := field(l.body, "log").(string)
			if !strings.Contains(text, secret+l.name()) {
				continue
			}
			n, firsts := found[l.name()], o.firsts[l]
			poisoned := slices.ContainsFunc(firsts, func(l *line) bool { return l.poison != "" })
			switch {
			case n == 0:
				o.problem("the text of %s is lost: it is in no document", l.name())
			case exact && !poisoned && src.resolution < time.Millisecond && n != len(firsts):
				o.problem("the text of %s is %d times in the index, and was read "+
					"behind %d first lines", l.name(), n, len(firsts))
			}
		}
	}
}
