package accessor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

func TestFieldSuccess(t *testing.T) {
	body, err := msgp.AppendIntf(nil, map[string]any{
		"id": "Ab\"c\n", "n": 42, "neg": int64(-7), "f": 1.5, "b": true, "k": map[string]any{"x y": []any{"p", "q"}}, "long": strings.Repeat("é", 256),
		"fixed": "aa" + strings.Repeat("\xff", 170),
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(text, want string) {
		t.Helper()
		field, err := CompileField(text)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := field.Append([]byte("-"), "kube.var.log", body)
		var got string
		if !ok || json.Unmarshal(out[1:], &got) != nil || got != want {
			t.Fatalf("%s: %s, %v; want %q", text, out, ok, want)
		}
	}
	f("id", "Ab\"c\n")
	f("$id", "Ab\"c\n")
	f("n", "42")
	f("$neg", "-7")
	f("f", "1.5")
	f("$b", "true")
	f("$k['x y'][1]", "q")
	f("$TAG", "kube.var.log")
	f("$TAG[1]", "var")
	f("long", strings.Repeat("é", 256))
	f("fixed", "aa"+strings.Repeat("\ufffd", 170))
}

func TestFieldFailure(t *testing.T) {
	for _, text := range []string{"", "$", "$a['b", "$a-$b", "$TAG['x']"} {
		if _, err := CompileField(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	body, _ := msgp.AppendIntf(nil,
		map[string]any{"empty": "", "map": map[string]any{}, "nil": nil,
			"long":  strings.Repeat("x", 513),
			"grows": "aaa" + strings.Repeat("\xff", 170)}) // 513 bytes with U+FFFD in the place of what is no UTF-8
	for _, text := range []string{"empty", "map", "nil", "missing", "long", "grows", "$map['x']",
		"$TAG[9]"} {
		field, err := CompileField(text)
		if err != nil {
			t.Fatal(err)
		}
		if out, ok := field.Append([]byte("-"), "kube.var.log", body); ok || string(out) != "-" {
			t.Errorf("%q: %s, %v", text, out, ok)
		}
	}
}
