package opensearch

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote bounds what is repeated of a server's words, in bytes.
const maxQuote = 1 << 10

// canonical is where AWS begins to repeat the request that it would have signed: its headers hold the session token.
const canonical = "The Canonical String for this request"

var secrets = regexp.MustCompile(`(?i)(x-amz-security-token|authorization|password)(["']?\s*[:=]\s*)\S+`)

// quote makes a server's answer fit for one line of a log: trimmed, without control characters and without secrets.
func quote(body []byte) string {
	if len(body) > 4*maxQuote {
		body = body[:4*maxQuote]
	}
	s, _, repeats := strings.Cut(string(body), canonical)
	if repeats {
		s = strings.TrimRight(s, "\\n \n") // line ends, mostly as JSON writes them
	}
	return clip(oneLine(secrets.ReplaceAllString(s, "$1$2[redacted]")))
}

// bodySuffix is the quote as the end of a sentence; "" for nothing.
func bodySuffix(body []byte) string {
	if q := quote(body); q != "" {
		return ": " + q
	}
	return ""
}

// oneLine replaces runs of white space and control characters by one space, and bytes that are not UTF-8.
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

// clip shortens s to maxQuote bytes at a character's border.
func clip(s string) string {
	if len(s) <= maxQuote {
		return s
	}
	n := maxQuote - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
