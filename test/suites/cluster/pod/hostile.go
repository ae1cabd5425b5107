package main

import "strings"

// hostileLines are lines that containers have been seen to log and that something on the way may
// trip over. containerd cuts lines over 16 KiB into parts; the container's own bytes it writes as
// they are.
func hostileLines() []string {
	return []string{
		"",
		strings.Repeat("a", 16<<10),  // about where containerd begins to cut
		strings.Repeat("b", 40<<10),  // parts
		strings.Repeat("c", 256<<10), // many
		strings.Repeat("d", 1<<20),   // as long as the tail input's buffer
		"invalid UTF-8 \xff\xfe\xc3\x28 and on",
		"NUL \x00 in the middle",
		"\x1b[31mred\x1b[0m and \x07 bell, \r carriage return",
		"lone surrogate \xed\xa0\x80, BOM \xef\xbb\xbf, line separator \u2028",
		`{"json":true,"nested":{"a":{"b":{"c":[1,2,{"d":null}]}}}}`,
		`{"json":"cut off`,
		`{"":"empty key","a.b":"dotted","a":{"b":"clash"}}`,
		`{"log":"a field called log","kubernetes":"as a string","@timestamp":"not a time"}`,
		`{"number":1e999,"big":123456789012345678901234567890,"neg":-0.0}`,
		`{"dup":1,"dup":2}`,
		strings.Repeat(`{"deep":`, 200) + "1" + strings.Repeat("}", 200),
		`{"level":"info"}`,
		`{"level":{"name":"an object where a string was"}}`,
		`{"level":42}`,
		`{"_id":"mine","_index":"theirs","_source":{}}`,
		`{"index":{"_index":"eks-log-forged"}}`,
		`2026-11-24T00:00:00.000000000Z stdout F a CRI line within a CRI line`,
		"\\u0000 \\ \" quotes and backslashes \\\\",
		"\u202eright to left, emoji \U0001f600, combining e\u0301",
	}
}
