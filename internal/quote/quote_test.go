package quote

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBody(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Body([]byte(in)); got != want {
			t.Errorf("Body(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("plain text", "plain text")
	f(" a\r\n\tb\x00c  d ", "a b c d")
	f("caf\xc3\xa9 \xff", "café \uFFFD")
	f("a\u2028b\x1b[31m", "a b [31m")
	// AWS repeats the request that it would have signed, token included.
	f("The request signature we calculated does not match. The Canonical String for this request "+
		"should have been\n'POST\n/_bulk\n\nx-amz-security-token:SECRET\n", "The request signature we calculated does not match.")
	f(`{"message":"Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'POST"}`, `{"message":"Consult the service documentation for details.`)
	f(`headers: X-Amz-Security-Token: SECRET, authorization=SECRET "password":"SECRET" end`,
		`headers: X-Amz-Security-Token: [redacted] authorization=[redacted] "password":[redacted] end`)

	f("request was: Authorization: Basic YWRtaW46aHVudGVyMg== end",
		"request was: Authorization: [redacted] end")
	f(`{"Authorization":"Bearer SECRET", "x":1}`, `{"Authorization":[redacted] "x":1}`)

	for _, s := range []string{strings.Repeat("x", 5000), strings.Repeat("é", 5000),
		strings.Repeat("日本 ", 5000)} {
		got := Body([]byte(s))
		if len(got) > Max || len(got) < Max-8 || !utf8.ValidString(got) ||
			!strings.HasSuffix(got, "…") {
			t.Errorf("the quote of %d bytes has %d and ends in %q", len(s), len(got),
				got[len(got)-6:])
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add([]byte("x-amz-security-token: abc\ndef"))
	f.Add([]byte("é\xff\x00 b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := Body(b)
		if len(got) > Max || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") ||
			strings.Contains(got, "  ") || oneLine(got) != got {
			t.Errorf("Body(%q) = %q", b, got)
		}
	})
}
