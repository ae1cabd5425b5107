package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"out_opensearch_irsa/test/fixtures/stack"
)

// brisk are values that make things happen sooner than in the shipped configuration: chunks,
// retries, time-outs.
var brisk = map[string]string{"Flush": "0.2", "Grace": "10", "scheduler.cap": "3"}

// config is the configuration of a node: the shipped one, with some values changed.
type config struct {
	values  map[string]string // by key: another value; each key has to be there, and all places of it change
	input   []string          // lines "Key value" for the [INPUT] section
	options []string          // lines "Key value" for the [OUTPUT] section
	second  []string          // such lines for a second [OUTPUT]; nil for none
	json    bool              // a second [INPUT] with the json parser, which reads $JSON_LOGS
	output  string            // what stands instead of the [OUTPUT] section; "" for nothing
}

// own are options of every section: what happens sooner, and one index instead of one for each day,
// so that a row has its own.
var own = []string{"Index ${INDEX_NAME}", "Retry_Budget 1s", "Request_Timeout 8s"}

// filters are sections that have no part in delivery.
var filters = regexp.MustCompile(`(?m)^(?:#.*\n)*\[FILTER\]\n(?:[ \t#].*\n)+`)

// render makes the text out of the shipped one.
func (c config) render(shipped, parsers string) (string, error) {
	text := filters.ReplaceAllString(shipped, "")
	for _, values := range []map[string]string{brisk, c.values} {
		for key, value := range values {
			line := regexp.MustCompile(`(?m)^(\s+` + regexp.QuoteMeta(key) + `\s+)\S.*$`)
			if !line.MatchString(text) {
				return "", fmt.Errorf("cannot change %q in fluent-bit.conf: it is not there", key)
			}
			text = line.ReplaceAllString(text, "${1}"+strings.ReplaceAll(value, "$", "$$"))
		}
	}
	for _, line := range c.input {
		text = strings.Replace(text, "[INPUT]\n", "[INPUT]\n    "+line+"\n", 1)
	}
	head, output, found := strings.Cut(text, "[OUTPUT]\n")
	if !found || strings.Contains(output, "\n[") {
		return "", fmt.Errorf("cannot change fluent-bit.conf: it does not end in its only " +
			"[OUTPUT] section")
	}
	if c.json {
		head = strings.Replace(head, "[SERVICE]\n", "[SERVICE]\n    Parsers_File "+parsers+"\n",
			1) + jsonInput
	}
	if c.output != "" {
		return head + "[OUTPUT]\n" + c.output, nil
	}
	text = head + section(output, slices.Concat(own, c.options))
	if c.second != nil {
		text += "\n" + section(output, slices.Concat(own, c.second))
	}
	return text, nil
}

// section is an [OUTPUT] section with some options set anew; a later one wins over an earlier one
// of the same name.
func section(output string, options []string) string {
	for _, option := range options {
		key, _, _ := strings.Cut(option, " ")
		output = regexp.MustCompile(`(?m)^\s+`+regexp.QuoteMeta(key)+`\s.*\n`).ReplaceAllString(output, "")
		output += "    " + option + "\n"
	}
	return "[OUTPUT]\n" + output
}

// jsonInput reads lines that are JSON objects, for records whose fields can be of a wrong type.
const jsonInput = `[INPUT]
    Name                      tail
    Tag                       kube.json
    Path                      ${JSON_LOGS}
    Parser                    json
    DB                        ${FLUENT_BIT_STATE}/json.db
    storage.type              filesystem
    Read_from_Head            On
    Refresh_Interval          1
    Buffer_Max_Size           1M

`

const jsonParser = "[PARSER]\n    Name   json\n    Format json\n"

// write puts the configuration's files into dir and returns the path of the main one.
func (c config) write(dir string) (string, error) {
	root, err := stack.ModuleRoot()
	if err != nil {
		return "", err
	}
	shipped, err := os.ReadFile(filepath.Join(root, "fluent-bit.conf"))
	if err != nil {
		return "", fmt.Errorf("cannot read the shipped configuration: %w", err)
	}
	parsers, main := filepath.Join(dir, "parsers.conf"), filepath.Join(dir, "fluent-bit.conf")
	text, err := c.render(string(shipped), parsers)
	if err != nil {
		return "", err
	}
	for path, content := range map[string]string{
		main: text, parsers: jsonParser,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", fmt.Errorf("cannot write the configuration: %w", err)
		}
	}
	return main, nil
}
