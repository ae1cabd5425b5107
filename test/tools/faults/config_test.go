package main

import (
	"os"
	"strings"
	"testing"
)

func shipped(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../fluent-bit.conf")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestConfigSuccess(t *testing.T) {
	f := func(c config, want ...string) {
		t.Helper()
		text, err := c.render(shipped(t), "parsers.conf")
		if err != nil {
			t.Error(err)
		}
		text = strings.Join(strings.Fields(text), " ")
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%+v has no %q", c, part)
			}
		}
	}
	f(config{}, "Flush 0.2", "scheduler.cap 3", "Endpoint ${OPENSEARCH_ENDPOINT}",
		"Retry_Budget 1s", "Retry_Limit no_limits")
	f(config{values: map[string]string{"Compress": "none"},
		options: []string{"Request_Timeout 1s"}}, "Compress none", "Request_Timeout 1s")
	f(config{input: []string{"Mem_Buf_Limit 1"}}, "[INPUT] Mem_Buf_Limit 1 Name tail")
	f(config{json: true}, "[SERVICE] Parsers_File parsers.conf", "Parser json", "Workers 16")
	f(config{second: []string{"Endpoint https://b", "Index b"}}, "Endpoint ${OPENSEARCH_ENDPOINT}",
		"Endpoint https://b", "Index b")
	if text, err := (config{}).render(shipped(t), ""); err != nil ||
		strings.Contains(text, "[FILTER]") || strings.Contains(text, "%Y") {
		t.Errorf("a filter is left, or the date in the index (%v):\n%s", err, text)
	}
	f(config{output: "    Name null\n"}, "[OUTPUT] Name null")
	text, err := config{options: []string{"Request_Timeout 1s"},
		second: []string{"Index b"}}.render(shipped(t), "")
	if err != nil || strings.Count(text, "\n    Request_Timeout ") != 2 ||
		strings.Count(text, "Name                      opensearch_irsa") != 2 {
		t.Errorf("an option stands more than once in a section, or a section is missing (%v):\n%s",
			err, text)
	}
}

func TestConfigFailure(t *testing.T) {
	f := func(c config, text string) {
		t.Helper()
		if got, err := c.render(text, ""); err == nil {
			t.Errorf("%+v gave %q", c, got)
		}
	}
	f(config{values: map[string]string{"No_Such_Key": "1"}}, shipped(t))
	f(config{}, "[SERVICE]\n    Flush 1\n    Grace 1\n    scheduler.cap 1\n")
	f(config{}, shipped(t)+"[CUSTOM]\n    Name grep\n")
}
