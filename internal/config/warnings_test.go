package config

import (
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	f := func(options map[string]string, want ...string) {
		t.Helper()
		options["AWS_Auth"] = "Off"
		c, err := Load(func(name string) string { return options[name] },
			func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		got := c.Warnings()
		if len(got) != len(want) {
			t.Fatalf("%v: %q", options, got)
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%q, want %q", got[i], want[i])
			}
		}
	}
	const password = "HTTP_Passwd goes to search.example unencrypted: write https:// in Endpoint"
	f(map[string]string{"Endpoint": "http://search.example:9200", "HTTP_User": "u",
		"HTTP_Passwd": "p"}, password)
	f(map[string]string{"Endpoint": "http://search.example:9200"})
	f(map[string]string{"Endpoint": "https://search.example", "HTTP_User": "u", "HTTP_Passwd": "p"})
	f(map[string]string{"Endpoint": "http://127.0.0.1:9200", "HTTP_User": "u", "HTTP_Passwd": "p"})
	f(map[string]string{"Endpoint": "http://[::1]:9200", "HTTP_User": "u", "HTTP_Passwd": "p"})
	f(map[string]string{"Endpoint": "http://localhost", "HTTP_User": "u", "HTTP_Passwd": "p"})
	f(map[string]string{"Endpoint": "https://search.example", "TLS_Verify": "Off"},
		"TLS_Verify Off: whoever stands between here and search.example can read and change")
	f(map[string]string{"Endpoint": "http://search.example", "TLS_Verify": "Off"})
}
