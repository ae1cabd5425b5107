package simulation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonForm reads a JSON text as strictly as OpenSearch does (a key twice, a control character or
// bytes that are no UTF-8 are errors) and returns its form.
func jsonForm(text []byte) (form string, err error) {
	err = readJSON(text, func(p *jsonReader) { form = p.value() })
	return form, err
}

// readJSON reads a text that holds one value.
func readJSON(text []byte, value func(*jsonReader)) (err error) {
	p := jsonReader{text: text}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(jsonError)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("at byte %d: %s", p.at, string(e))
		}
	}()
	if !utf8.Valid(text) {
		p.fail("no UTF-8")
	}
	p.space()
	value(&p)
	p.space()
	if p.at < len(text) {
		p.fail("more behind the value")
	}
	return nil
}

type jsonError string

type jsonReader struct {
	text  []byte
	at    int
	depth int
}

func (p *jsonReader) fail(what string) { panic(jsonError(what)) }

func (p *jsonReader) peek() byte {
	if p.at >= len(p.text) {
		p.fail("it breaks off")
	}
	return p.text[p.at]
}

func (p *jsonReader) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonReader) expect(c byte) {
	if p.peek() != c {
		p.fail(fmt.Sprintf("%q instead of %q", p.text[p.at], c))
	}
	p.at++
}

func (p *jsonReader) value() string {
	if p.depth++; p.depth > 1000 {
		p.fail("deeper than 1000")
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c == '{':
		return objectForm(p.object())
	case c == '[':
		return p.list()
	case c == '"':
		return stringForm(p.string())
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, word := range []string{"null", "true", "false"} {
		if strings.HasPrefix(string(p.text[p.at:min(p.at+5, len(p.text))]), word) {
			p.at += len(word)
			return word
		}
	}
	p.fail("no value")
	return ""
}

func (p *jsonReader) object() map[string]string {
	m := map[string]string{}
	p.members(func(key string) {
		if _, ok := m[key]; ok {
			p.fail(fmt.Sprintf("duplicate field %q", key))
		}
		m[key] = p.value()
	})
	return m
}

// members calls value at the value of each key.
func (p *jsonReader) members(value func(key string)) {
	p.expect('{')
	for first := true; ; first = false {
		if p.space(); p.peek() == '}' {
			break
		}
		if !first {
			p.expect(',')
			p.space()
		}
		key := p.string()
		p.space()
		p.expect(':')
		p.space()
		value(key)
	}
	p.at++
}

func (p *jsonReader) list() string {
	parts := []string{}
	p.expect('[')
	for p.space(); p.peek() != ']'; p.space() {
		if len(parts) > 0 {
			p.expect(',')
			p.space()
		}
		parts = append(parts, p.value())
	}
	p.at++
	return listForm(parts)
}

func (p *jsonReader) string() string {
	start := p.at
	p.expect('"')
	plain := true
	for p.peek() != '"' {
		switch c := p.text[p.at]; {
		case c < 0x20:
			p.fail("a control character in a string")
		case c == '\\':
			plain = false
			p.at++
		}
		p.at++
	}
	p.at++
	if plain {
		return string(p.text[start+1 : p.at-1])
	}
	var s string
	if err := json.Unmarshal(p.text[start:p.at], &s); err != nil {
		p.fail(err.Error())
	}
	return s
}

func (p *jsonReader) number() string {
	start := p.at
	for p.at < len(p.text) && (p.text[p.at] >= '0' && p.text[p.at] <= '9' ||
		strings.IndexByte("+-.eE", p.text[p.at]) >= 0) {
		p.at++
	}
	text := p.text[start:p.at]
	if !json.Valid(text) {
		p.fail(fmt.Sprintf("%q is no number", text))
	}
	if strings.ContainsAny(string(text), ".eE") {
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			p.fail(err.Error())
		}
		return floatForm(string(text), f)
	}
	return string(text)
}
