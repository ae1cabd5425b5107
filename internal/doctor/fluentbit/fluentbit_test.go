package fluentbit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes files and returns where they are. Names and contents come in pairs.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// dump writes what was read in one line: kind{key=value …}, with what is unset behind a !.
func dump(c *Config) string {
	var w strings.Builder
	for _, s := range c.Sections {
		w.WriteString(s.Kind + "{")
		for i, p := range s.Properties {
			if i > 0 {
				w.WriteByte(' ')
			}
			fmt.Fprintf(&w, "%s=%s", p.Key, p.Value)
			for _, u := range p.Unset {
				w.WriteString("!" + u)
			}
		}
		w.WriteString("}")
	}
	return w.String()
}

var vars = map[string]string{"A": "1", "HOST": "logs.example", "EMPTY": "", "HOSTNAME": "node-1"}

func getenv(name string) string { return vars[name] }

func TestClassicSuccess(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c, err := Read(filepath.Join(folder(t, "a.conf", text), "a.conf"), getenv)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if got := dump(c); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	f("", "")
	f("# nothing\n\n", "")
	f("[SERVICE]\n    Flush 1\n", "service{flush=1}")
	f("[Service]\n\tFlush 1\n\tGrace  30 \r\n", "service{flush=1 grace=30}")
	f("[OUTPUT]\n Name x\n Match *\n[OUTPUT]\n Name y", "output{name=x match=*}output{name=y}")
	f("[OUT]\n Name x\n[P]\n Name y\n[other]\n Name z\n[]\n", "output{name=x}parser{name=y}{name=z}{}") // a beginning will do
	f("[SERVICE]\n Flush 1\n[INPUT]\n Name t\n[SERVICE]\n Grace 2\n", "service{flush=1 "+
		"grace=2}input{name=t}")
	f("[OUTPUT] trailing\n Name x\n # a comment\n\n Tag  a b \t\n", "output{name=x tag=a b}")
	f("[OUTPUT]\n Name x\n  [GROUP]x y\n  Inside 1\n Index i\n", "output{name=x index=i}")
	f("[OUTPUT]\n Host ${HOST}:${A}\n B ${EMPTY}x${NONE}\n", "output{host=logs.example:1 "+
		"b=x!EMPTY!NONE}")
	f("[OUTPUT]\n Index ${NONE}\n", "output{index=!NONE}")
	f("[OUTPUT]\n Index ${NONE:-logs}-${A:-2}-${EMPTY:-3}-${NONE:x}\n",
		"output{index=logs-1-3-!NONE:x}")
	f("@SET Z=9=8\n@set W=${A}\n@other x\n[OUTPUT]\n Index ${Z}${W}\n", "output{index=9=8${A}}")
	f("[OUTPUT]\n Index ${Q}\n@SET Q=late\n", "output{index=late}") // commands run before options are looked at
	f("[OUTPUT]\n Index ${\n B a${}\n C ${A}x${\n D ${A}x}y\n E $A\n", "output{index=${ b=a${} "+
		"c=1 d=1x}y e=$A}")
	f("[OUTPUT]\n Host ${HOSTNAME}\n Index a\n index b\n", "output{host=node-1 index=a index=b}")
	f("[OUTPUT]\n Key  \n", "output{key=}")
	f("[OUTPUT]\n Key v\x00junk\n", "output{key=v}")
}

func TestClassicFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Read(filepath.Join(folder(t, "a.conf", text), "a.conf"), getenv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	f("[OUTPUT\n", "a.conf:1: the section's header has no ]")
	f("[OUTPUT]\nName x\n", "a.conf:2: an option must be indented")
	f("[OUTPUT]\n    Name x\n  Match *\n", "a.conf:3: the line is indented otherwise than the "+
		"file's first option, which has 4 spaces")
	f("[OUTPUT]\n    Name x\n      Match *\n", "a.conf:3: the line is indented more")
	f("[OUTPUT]\n\tName x\n    Match *\n", "1 tabs")
	f("[OUTPUT]\n    Name x\n  \n", "a.conf:3: the line is indented otherwise") // blanks alone count too
	f("[OUTPUT]\n    Name\n", "a.conf:2: Name has no value")
	f("[OUTPUT]\n    Name\tx\n", "has no value: write it behind a space")
	f("[OUTPUT]\n    Name \n", "a.conf:2: Name has an empty value")
	f(" Name x\n", "a.conf:1: Name stands before the first section")
	f("@SETA=1\n", "a.conf:1: @SETA=1 has no value")
	f("@SET A\n", "write @SET NAME=value")
	f("@INCLUDE none.conf\n", `a.conf:1: cannot read "`)
	f("@INCLUDE none*.conf\n", "a.conf:1: cannot include")
	f("@INCLUDE a.conf\n", "a.conf is included twice")
	if _, err := Read(filepath.Join(t.TempDir(), "none.conf"), getenv); err == nil {
		t.Error("a file that is not there was read")
	}
	if _, err := Read(t.TempDir(), getenv); err == nil {
		t.Error("a folder was read")
	}
}

func TestIncludes(t *testing.T) {
	dir := folder(t,
		"main.conf", "@SET I=own\n@INCLUDE inputs.conf\n@include out/*.conf\n[FILTER]\n  Name f\n",
		"inputs.conf", "[INPUT]\n    Name tail\n",
		"out/1.conf", "[OUTPUT]\n Name a\n Index ${I}\n",
		"out/2.conf", "[OUTPUT]\n\tName b\n")
	c, err := Read(filepath.Join(dir, "main.conf"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := dump(c), "input{name=tail}output{name=a "+
		"index=own}output{name=b}filter{name=f}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := c.Of("output")[1]; filepath.Base(s.Path) != "2.conf" || s.Line != 1 ||
		s.Properties[0].Line != 2 {
		t.Errorf("the second output stands at %s:%d, its name at %d", s.Path, s.Line,
			s.Properties[0].Line)
	}
}

func TestYAMLSuccess(t *testing.T) {
	f := func(want string, files ...string) {
		t.Helper()
		c, err := Read(filepath.Join(folder(t, files...), "a.yaml"), getenv)
		if err != nil {
			t.Errorf("%q: %v", files, err)
			return
		}
		if got := dump(c); got != want {
			t.Errorf("%q: got %s, want %s", files, got, want)
		}
	}
	f("", "a.yaml", "")
	f("service{flush=1 hot_reload=on}input{name=tail tag=kube.*}output{name=x aws_region=eu "+
		"host=logs.example retry_limit=no_limits b=!NONE}",
		"a.yaml", `
service: {flush: 1, Hot_Reload: on}
pipeline:
  inputs:
    - name: tail
      tag: kube.*
      processors: {logs: [{name: x}]}
  outputs:
    - name: x
      awsRegion: eu
      Host: ${HOST}
      retry_limit: no_limits
      b: "${NONE}"
`)
	f("output{name=x a=1 a=2}service{grace=5}", "a.yaml", "includes: ['sub/*.yaml']\nservice: "+
		"{grace: 5}\nenv: {N: x}\n", "sub/b.yml", "", "sub/c.yaml", "pipeline:\n  outputs:\n    "+
		"- name: ${N}\n      a: [1, 2]\n")
	f("output{name=v}", "a.yaml", "env: [{name: N, value: v}]\npipeline: "+
		"{outputs: [{name: '${N}'}]}\n")
}

func TestYAMLFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Read(filepath.Join(folder(t, "a.yml", text), "a.yml"), getenv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	f("a: b: c\n", "a.yml")
	f("- a\n", "a.yml:1: a map of keys and values is needed here")
	f("pipeline:\n  outputs:\n    name: x\n", "a.yml:3: a list is needed here")
	f("pipeline:\n  outputs:\n    - x\n", "a.yml:3: a map of keys")
	f("x: &o {name: x}\npipeline:\n  outputs:\n    - *o\n", "a.yml:4: a map of keys") // Fluent Bit knows no aliases
	f("includes: [none.yaml]\n", "a.yml:1: cannot include")
}

func TestFileVariable(t *testing.T) {
	dir := folder(t, "secret", "s3cret\n")
	text := "@SET P=file://" + dir + "/secret\n@SET Q=file://" + dir + "/none\n[OUTPUT]\n " +
		"HTTP_Passwd ${P}\n B ${Q}\n"
	if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Read(filepath.Join(dir, "a.conf"), getenv)
	if err != nil || dump(c) != "output{http_passwd=s3cret b=!Q}" {
		t.Errorf("got %v, %v", c, err)
	}
}

// FuzzClassic feeds lines to the reader: it must come back, and what it takes must come out the
// same when it is written plainly.
func FuzzClassic(f *testing.F) {
	shipped, err := os.ReadFile("../../../fluent-bit.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(shipped))
	f.Add("@SET a=b\n[OUTPUT]\n    Name ${a:-x}\n        [G] x\n        K v\n    M *\n")
	f.Add("[O]\n\tA b\r\n\t#c\n@INCLUDE /dev/zero\n[]\nx y")
	f.Fuzz(func(t *testing.T, text string) {
		r := &reader{config: &Config{}, env: newEnvironment(getenv)}
		if strings.Contains(strings.ToLower(text), "@include") ||
			r.classicText("fuzz", text) != nil {
			return
		}
		var plain strings.Builder
		for _, s := range r.config.Sections {
			fmt.Fprintf(&plain, "[%s]\n", s.Kind)
			for _, p := range s.Properties {
				if p.Key != strings.ToLower(p.Key) || trim(p.Value) != p.Value ||
					strings.ContainsAny(p.Key+p.Value, "\n\x00") {
					t.Fatalf("%q became the option %q %q", text, p.Key, p.Value)
				}
				fmt.Fprintf(&plain, "    %s %s \n", p.Key, p.Value)
			}
		}
		again := &reader{config: &Config{}, env: r.env}
		if err := again.classicText("fuzz", plain.String()); err != nil {
			t.Fatalf("%q: %v", plain.String(), err)
		}
		if got, want := dump(again.config), dump(r.config); got != want {
			t.Fatalf("%s became %s", want, got)
		}
		for _, s := range r.config.Sections {
			for _, p := range s.Properties {
				out, unset := r.env.expand(p.Value)
				if !strings.Contains(p.Value, "${") && (out != p.Value || unset != nil) ||
					slices.Contains(unset, "") {
					t.Fatalf("%q expands to %q, unset %q", p.Value, out, unset)
				}
			}
		}
	})
}
