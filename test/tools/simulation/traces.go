package simulation

import (
	"fmt"
	"strings"

	"out_opensearch_irsa/test/suites/multiline/model"
)

// With Multiline, lines of stack traces are among those of a source, which the chunks' ends and
// lines of the same stream may cut anywhere.

// trace is one that is being written: what is left of it, and where it goes.
type trace struct {
	left              []string
	stream, namespace string
}

// written are what programs write, with NAME for what tells the line from all others.
var written = []string{
	"panic: NAME [recovered]\n\tpanic: NAME\n[signal SIGSEGV: NAME]\n\ngoroutine 1 " +
		"[running]:\nmain.(*NAME).place(0x1)\n\t/src/NAME.go:12 +0x1d\n" +
		"main.main()\n\t/src/NAME.go:7 +0x25\n\ngoroutine 18 [chan receive]:\ncreated by " +
		"main.NAME in goroutine 1\n\t/src/NAME.go:6 +0x20",
	"NAME java.lang.IllegalStateException: no stock\n\tat " +
		"com.example.Orders.place(NAME.java:42)\n\tat com.example.Web.post(NAME.java:7)\n" +
		"Caused by: java.sql.SQLException: NAME\n\tat com.example.Db.query(NAME.java:99)\n\t... " +
		"12 more NAME\n" +
		"Caused by: java.net.ConnectException: NAME\n\t... 14 common frames omitted NAME",
	"NAME System.InvalidOperationException\n   at Orders.NAME()\n   --- End of inner exception " +
		"stack trace ---\n   at Main.NAME()",
	"Traceback (most recent call last):\n  File \"NAME\", line 4, in place\n    " +
		"take(NAME)\nKeyError: NAME\n\n" +
		"During handling of the above exception, another exception occurred:\n\nTraceback (most " +
		"recent call last):\n" +
		"  File \"NAME\", line 1, in <module>\n    place(NAME)\napp.errors.OrderError: NAME",
	"/app/NAME.rb:12:in `place': no stock\n\tfrom /app/NAME.rb:3:in `post'\n\tfrom /app/NAME.rb:1:in `<main>'",
}

// logLine draws a line's text, and where it is from.
func (w *writer) logLine(l *line) (text, stream, namespace string) {
	t := &w.trace
	if w.traces > 0 && len(t.left) == 0 && w.chance(w.traces) {
		*t = trace{strings.Split(written[w.IntN(len(written))], "\n"), w.oneOf("stdout", "stderr"), w.oneOf("shop", "pay")}
	}
	if len(t.left) > 0 && w.chance(0.9) {
		text, t.left = t.left[0], t.left[1:]
		return strings.ReplaceAll(text, "NAME", secret+l.name()) + w.end, t.stream, t.namespace
	}
	text = fmt.Sprintf("%s%s %s", secret, l.name(), w.text(w.IntN(80))) + w.end
	stream = w.oneOf("stdout", "stderr")
	if w.index%2 == 0 {
		namespace = w.oneOf("shop", "pay")
	}
	return text, stream, namespace
}

// multiline draws the option and those that go with it. A rule of one's own goes by the last digit
// of a line's number.
func (d *drawing) multiline() {
	own := d.IntN(4)
	if own > 1 || d.chance(0.5) {
		d.set("Multiline", d.oneOf("go, java, python", "go, java, python", "java", "go,python", "go,java,python,ruby"))
	}
	if own < 2 {
		d.set("Multiline_Start", `^`+secret+`L\d+\.\d*[05]\. `)
	}
	if own == 1 {
		d.set("Multiline_Continue", `^`+secret+`L\d+\.\d*[1-3]\. |^\s`)
	}
	if d.chance(0.3) {
		d.set("Multiline_Max_Lines", d.oneOf("2", "3", "7"))
	}
	if d.chance(0.2) {
		d.set("Multiline_Max_Size", "1K")
	}
}

func (s *scenario) joins() bool {
	return s.option("Multiline") != "" || s.option("Multiline_Start") != ""
}

// rules is the plain model of what the options join; nil for nothing.
func (s *scenario) rules() *model.Rules {
	if !s.joins() {
		return nil
	}
	o := model.Options{Start: s.option("Multiline_Start"), Continue: s.option("Multiline_Continue"), MaxLines: 1000, MaxBytes: 256 << 10}
	if list := s.option("Multiline"); list != "" {
		o.Languages = strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	}
	if text := s.option("Multiline_Max_Lines"); text != "" {
		_, _ = fmt.Sscan(text, &o.MaxLines)
	}
	if s.option("Multiline_Max_Size") == "1K" {
		o.MaxBytes = 1 << 10
	}
	return model.New(o)
}

// modelLine is what of a line's record counts for joining: the text of the key log, where it is
// there once, and what tells containers and streams apart.
func modelLine(l *line) model.Line {
	var m model.Line
	texts := 0
	add := func(o object, keys ...string) {
		for _, key := range keys { // in one order, however the record has them
			for _, p := range o {
				if v, ok := textOf(p.value); ok && isKey(p.key, key) {
					m.Source += fmt.Sprintf("%s=%q,", key, v)
				}
			}
		}
	}
	for _, p := range l.body {
		if isKey(p.key, "log") {
			texts++
			m.Text, m.HasText = textOf(p.value)
		}
		if kubernetes, ok := p.value.(object); ok && isKey(p.key, "kubernetes") {
			add(kubernetes, "namespace_name", "pod_name", "container_name", "docker_id")
		}
	}
	add(l.body, "stream", "source", "file", "container_id")
	m.HasText = m.HasText && texts == 1
	return m
}

func isKey(k any, want string) bool {
	text, ok := textOf(k)
	return ok && text == want
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case blob:
		return string(v), true
	}
	return "", false
}
