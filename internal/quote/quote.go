// Package quote makes the words of others fit for one line of a log: its input is a server's answer
// or an error's text, its output is one line of at most 1 KiB, valid UTF-8, without control
// characters and without the secrets that servers repeat.
package quote

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max bounds what is repeated of another's words, in bytes.
const Max = 1 << 10

// canonical is where AWS begins to repeat the request that it would have signed: its headers hold
// the session token.
const canonical = "The Canonical String for this request"

// secrets are values behind such names, with the scheme that an Authorization header begins with.
var secrets = regexp.MustCompile(`(?i)(x-amz-security-token|authorization|password)(["']?\s*[:=]\s*)` +
	`(?:["']?(?:basic|bearer|digest|negotiate|aws4-hmac-sha256)\s+)?\S+`)

// Body quotes a server's answer, or a part of it.
func Body(body []byte) string {
	if len(body) > 4*Max {
		body = body[:4*Max]
	}
	s, _, repeats := strings.Cut(string(body), canonical)
	if repeats {
		s = strings.TrimRight(s, "\\n \n") // line ends, mostly as JSON writes them
	}
	return Line(secrets.ReplaceAllString(s, "$1$2[redacted]"))
}

// Line quotes a text that holds no secrets.
func Line(s string) string { return clip(oneLine(s)) }

// oneLine replaces runs of white space and control characters by one space, and bytes that are not
// UTF-8.
func oneLine(s string) string {
	if clean(s) {
		return s
	}
	var w strings.Builder
	w.Grow(len(s))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = w.Len() > 0
			continue
		}
		if space {
			w.WriteByte(' ')
			space = false
		}
		w.WriteRune(r)
	}
	return w.String()
}

// clean says that s is printable ASCII without spaces at its ends or side by side.
func clean(s string) bool {
	last := byte(' ')
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == ' ' && last == ' ' {
			return false
		}
		last = s[i]
	}
	return s == "" || last != ' '
}

// clip shortens s to Max bytes at a character's border.
func clip(s string) string {
	if len(s) <= Max {
		return s
	}
	n := Max - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
