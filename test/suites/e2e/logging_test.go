package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogLevel has the service's Log_Level decide what the plugin says.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	n.config = shipped(t, append(impatient, set{"SERVICE", "Log_Level", "error"})...)
	n.ownToken() // and no token in it
	a := n.launch()
	n.write(10)
	a.wait(`\[error\] \[opensearch_irsa\.0\] cannot deliver: cannot read the token file`)
	a.stop()
	for _, level := range []string{"warn", "info", "debug", "trace"} {
		if lines := a.ours(level); len(lines) > 0 {
			t.Errorf("with Log_Level error the plugin said at level %s: %s", level, lines[0])
		}
	}
}

// TestLogFile has the plugin's lines where the core's are.
func TestLogFile(t *testing.T) {
	t.Parallel()
	if unmet == "" && host.TestHost {
		t.Skip("fbhost logs to standard error only")
	}
	n := newNode(t, newest())
	file := filepath.Join(n.dir, "fluent-bit.log")
	n.config = shipped(t, append(impatient, set{"SERVICE", "Log_File", file})...)
	token := n.ownToken()
	a := n.launch()
	n.write(10)
	t.Cleanup(func() {
		text, err := os.ReadFile(file)
		_, _ = said.Write(text)
		if t.Failed() {
			t.Logf("the file (%v):\n%s", err, text)
		}
	})
	eventually(t, func() error {
		return inFile(file, "[error] [opensearch_irsa.0] cannot deliver: cannot "+
			"read the token file")
	})
	n.replace(token, mustRead(t, world.TokenFile))
	expectLines(t, n.index, 10)
	a.stop()
	for _, line := range []string{
		"[ info] [opensearch_irsa.0] version ", "[ info] [opensearch_irsa.0] delivery recovered", "[ info] [opensearch_irsa.0] ended: ",
	} {
		if err := inFile(file, line); err != nil {
			t.Error(err)
		}
	}
	if lines := append(a.ours("info"), a.ours("error")...); len(lines) > 0 {
		t.Errorf("the plugin wrote past Log_File: %s", lines[0])
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inFile is an error unless the file has the text.
func inFile(path, text string) error {
	got, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(got), text) {
		err = &missingText{path, text}
	}
	return err
}

type missingText struct{ path, text string }

func (m *missingText) Error() string { return filepath.Base(m.path) + " does not say " + m.text }
