package fbhost_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const service = `
[SERVICE]
    Flush 0.05
    Grace 5
    scheduler.base 1
    scheduler.cap 1
    storage.path DIR/storage
`

const input = `
[INPUT]
    Name tail
    Tag kube.*
    Path DIR/*.log
    Read_from_Head On
    DB DIR/offsets
`

const output = `
[OUTPUT]
    Name recorder
    Match *
    Out DIR/out
    Events DIR/events
`

// tm is the event time of 2026-11-23T14:00:00.123456789Z: 1795442400 and 123456789, as fixext 8 of type 0.
const tm = "d700" + "6b0446e0" + "075bcd15"

func str(s string) string { return fmt.Sprintf("%02x%x", 0xa0+len(s), s) }

func TestEncoding(t *testing.T) {
	const stamp = "2026-11-23T14:00:00.123456789Z"
	stampHex, stream := str("time")+str(stamp), str("stream")+str("stdout")
	head := map[string]string{
		"1.9": "92" + tm,
		"4.2": "dd00000002" + "dd00000002" + tm + "df00000000",
		"5.1": "92" + "92" + tm + "df00000000",
	}
	pathKey := func(h *host) string { p := h.path("x.log"); return str("file") + fmt.Sprintf("d9%02x%x", len(p), p) }
	f := func(name, options, line string, body func(abi string, h *host) string) {
		t.Helper()
		for _, abi := range abis {
			t.Run(name+"/"+abi, func(t *testing.T) {
				h := newHost(t, abi)
				h.dir = filepath.Join(h.dir, strings.Repeat("d", 32)) // so that a path is a str 8
				if err := os.Mkdir(h.dir, 0o700); err != nil {
					t.Fatal(err)
				}
				h.write("fb.conf", service+input+options+output)
				h.write("x.log", line+"\n")
				if code := h.once(); code != 0 {
					t.Fatalf("exit code %d:\n%s", code, h.log.String())
				}
				got := h.flushes("out")
				if len(got) != 1 {
					t.Fatalf("%d flushes, want 1", len(got))
				}
				if want := head[abi] + body(abi, h); hex.EncodeToString(got[0].data) != want {
					t.Errorf("got  %x\nwant %s", got[0].data, want)
				}
				if want := "kube" + strings.ReplaceAll(h.path("x.log"), "/", "."); got[0].tag != want {
					t.Errorf("tag %q, want %q", got[0].tag, want)
				}
			})
		}
	}
	f("cri", "    Parser cri\n", stamp+" stdout F hi", func(abi string, _ *host) string {
		fields := stream + str("logtag") + str("F") + str("message") + str("hi")
		if abi == "1.9" { // its parsers.conf has no Time_Keep
			return "83" + fields
		}
		return "df00000004" + stampHex + fields
	})
	f("cri with keys", "    Parser cri\n    Path_Key file\n    Offset_Key at\n", stamp+" stdout F hi", func(abi string, h *host) string {
		fields := stream + str("logtag") + str("F") + str("message") + str("hi")
		if abi == "1.9" {
			return "85" + str("at") + "00" + pathKey(h) + fields
		}
		return "df00000006" + stampHex + fields + pathKey(h) + str("at") + "00"
	})
	f("multiline", "    multiline.parser cri\n", stamp+" stdout P a\n2026-11-23T14:00:01.0Z stdout F b", func(string, *host) string {
		return "84" + stampHex + stream + str("_p") + str("P") + str("log") + str("ab")
	})
	f("multiline with key", "    multiline.parser cri\n    Path_Key file\n", stamp+" stdout F a", func(_ string, h *host) string {
		return "df00000005" + stampHex + stream + str("_p") + str("F") + str("log") + str("a") + pathKey(h)
	})
}

// A line that no parser takes has the current time, so that its eight bytes are not compared.
func TestEncodingOfRawLines(t *testing.T) {
	for _, abi := range abis {
		for _, c := range []struct{ name, parser, line, body19, body string }{
			{"none", "none", "hi", "81" + str("log") + str("hi"), "df00000001" + str("log") + str("hi")},
			{"not cri", "cri", "garbage", "81" + str("log") + str("garbage"), "df00000001" + str("log") + str("garbage")},
			{"json", "json", `{"a":[1,-7,2.5,null,true],"b":{"c":"é\n"}}`,
				"82" + str("a") + "95" + "01" + "f9" + "cb4004000000000000" + "c0" + "c3" + str("b") + "81" + str("c") + str("é\n"),
				"df00000002" + str("a") + "95" + "01" + "f9" + "cb4004000000000000" + "c0" + "c3" + str("b") + "81" + str("c") + str("é\n")},
		} {
			t.Run(c.name+"/"+abi, func(t *testing.T) {
				h := newHost(t, abi)
				h.write("fb.conf", service+input+"    Parser "+c.parser+"\n"+output)
				h.write("x.log", c.line+"\n")
				if code := h.once(); code != 0 {
					t.Fatalf("exit code %d:\n%s", code, h.log.String())
				}
				before, after := "92d700", c.body19
				switch abi {
				case "4.2":
					before, after = "dd00000002dd00000002d700", "df00000000"+c.body
				case "5.1":
					before, after = "9292d700", "df00000000"+c.body
				}
				got := hex.EncodeToString(h.flushes("out")[0].data)
				if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || len(got) != len(before)+16+len(after) {
					t.Errorf("got  %s\nwant %s…%s", got, before, after)
				}
			})
		}
	}
}

func TestConfigFailure(t *testing.T) {
	f := func(name, config, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "5.1")
			h.write("fb.conf", config)
			h.write("other.conf", "[OTHER]\n    Key value\n")
			if code := h.once(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if want = strings.ReplaceAll(want, "DIR", h.dir); !strings.Contains(h.log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, h.log.String())
			}
		})
	}
	f("unknown service key", "[SERVICE]\n    Flsh 1\n", "DIR/fb.conf:2: unknown key Flsh in section [SERVICE]; keys known there: Flush, Grace")
	f("unknown input key", "[INPUT]\n    # comment\n    Name tail\n    Pth x\n", "DIR/fb.conf:4: unknown key Pth in section [INPUT]; keys known there: Name")
	f("unknown section", "[CUSTOM]\n    Name x\n", "DIR/fb.conf:1: unknown section [CUSTOM]")
	f("unknown input", "[INPUT]\n    Name head\n    Path x\n", "needs Name tail")
	f("missing value", "[SERVICE]\n    Flush\n", "DIR/fb.conf:2: key Flush has no value")
	f("indentation", "[SERVICE]\n    Flush 1\n  Grace 1\n", "DIR/fb.conf:3: invalid indentation level")
	f("daemon", "[SERVICE]\n    Daemon on\n", "fbhost stays in the foreground")
	f("bad number", "[SERVICE]\n    Flush soon\n", "cannot use soon for key Flush")
	f("cap below base", "[SERVICE]\n    scheduler.cap 2\n", "scheduler.cap must be greater")
	f("tls", "[OUTPUT]\n    Name recorder\n    tls On\n", "recorder don't support TLS")
	f("plugin not loaded", "[OUTPUT]\n    Name nobody\n", "output plugin 'nobody' cannot be loaded")
	f("init fails", output+"    Init_Result 0\n", "[go proxy]: plugin 'recorder' failed to initialize")
	f("filesystem without path", strings.ReplaceAll(input, "DB", "storage.type filesystem\n    DB"), "needs storage.path")
	f("missing include", "@INCLUDE none.conf\n", "DIR/fb.conf:1: cannot include DIR/none.conf: no such file")
	f("wrong section in parsers file", "[SERVICE]\n    Parsers_File other.conf\n", "other.conf:1: section [OTHER] does not belong here")
	f("parser", "[INPUT]\n    Name tail\n    Path x\n    Parser docker\n", "must be cri, json or none")
}

func TestForeignDatabase(t *testing.T) {
	h := newHost(t, "5.1")
	h.write("fb.conf", service+input+output)
	h.write("offsets", "SQLite format 3\x00")
	if code := h.once(); code != 1 || !strings.Contains(h.log.String(), "not in fbhost's format") {
		t.Errorf("exit code %d:\n%s", code, h.log.String())
	}
}

func TestConfigSuccess(t *testing.T) {
	h := newHost(t, "5.1")
	h.env = []string{"FBHOST_TEST_LABEL=from the environment"}
	h.write("fb.conf", "@SET where=DIR\n@INCLUDE in*.conf\n[SERVICE]\n  flush 0.1\n  plugins_file plugins.conf\n"+
		"[output]\n\tNAME recorder\n\tMATCH *\n\tHost x\n\tOUT ${where}/out\n\tEvents ${where}/events\n\tLabel ${FBHOST_TEST_LABEL}\n")
	h.write("in1.conf", input)
	h.write("plugins.conf", "[PLUGINS]\n    Path "+built.recorder+"\n")
	h.write("x.log", "a\nb")
	if code := h.once(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, h.log.String())
	}
	// Match and Host are the core's: the plugin does not see them.
	if want := "init match=0 host=0 from the environment\n"; !strings.HasPrefix(h.read("events"), want) {
		t.Errorf("events %q, want %q first", h.read("events"), want)
	}
	if got := h.flushes("out"); len(got) != 1 || bytes.Contains(got[0].data, []byte(str("b"))) {
		t.Errorf("flushes %v: want one, without the line that has no newline yet", got)
	}
}

// TestFilters passes filters and their parsers, and says so.
func TestFilters(t *testing.T) {
	h := newHost(t, "5.1")
	h.write("fb.conf", service+"    Parsers_File parsers.conf\n"+input+"[FILTER]\n    Match *\n    Name grep\n    Exclude log .\n"+output)
	h.write("parsers.conf", "[MULTILINE_PARSER]\n    name x\n    rule \"start_state\" \"/^x/\" \"x\"\n")
	h.write("x.log", "a\n")
	if code := h.once(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, h.log.String())
	}
	if got := h.flushes("out"); len(got) != 1 || !bytes.Contains(got[0].data, []byte("\xa1a")) {
		t.Errorf("flushes %v: want the one line", got)
	}
	if want := "fbhost runs no filters: records pass filter grep as they are"; strings.Count(h.log.String(), want) != 1 {
		t.Errorf("the log does not say once %q:\n%s", want, h.log.String())
	}
}

var lineNumber = regexp.MustCompile(`line-(\d+);`)

func (h *host) lines(outs ...string) map[string]int {
	seen := map[string]int{}
	for _, out := range outs {
		for _, f := range h.flushes(out) {
			for _, m := range lineNumber.FindAllSubmatch(f.data, -1) {
				seen[string(m[1])]++
			}
		}
	}
	return seen
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "2026-11-23T14:00:00.%09dZ stdout F line-%d;\n", i, i)
	}
	return b.String()
}

func TestReplayAfterKill(t *testing.T) {
	const lines = 20000
	for _, abi := range abis {
		t.Run(abi, func(t *testing.T) {
			h := newHost(t, abi)
			config := service + input + "    storage.type filesystem\n    multiline.parser cri\n" + output + "    Workers 2\n    Retry_Limit no_limits\n"
			h.write("fb.conf", strings.Replace(config, "Out DIR/out", "Out DIR/out1\n    Wait_For DIR/go", 1))
			h.append("x.log", numbered(0, lines/2))
			h.start("--flush-size", "30000")
			h.until("chunks on disk", func() bool { return len(h.chunks()) > 3 })
			h.append("x.log", numbered(lines/2, lines))
			h.kill()

			if len(h.chunks()) == 0 {
				t.Fatal("no chunk was left by the kill")
			}
			// What a crash in the middle of an append leaves.
			torn := h.chunks()[0]
			f, err := os.OpenFile(torn, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("\x10\x27\x00\x00torn"); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}

			h.write("fb.conf", strings.Replace(config, "Out DIR/out", "Out DIR/out2", 1))
			if code := h.once("--flush-size", "30000"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, h.log.String())
			}
			if n := len(h.lines("out1", "out2")); n != lines {
				t.Errorf("%d of %d lines arrived", n, lines)
			}
			if left := h.chunks(); len(left) != 0 {
				t.Errorf("chunks left: %v", left)
			}
			if !strings.Contains(h.log.String(), "that a crash left unfinished") {
				t.Errorf("the torn batch was not cut:\n%s", h.log.String())
			}
		})
	}
}

func (h *host) chunks() []string {
	found, err := filepath.Glob(h.path("storage/tail.0/*.flb"))
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

func TestTerminateKeepsChunksOnDisk(t *testing.T) {
	h := newHost(t, "5.1")
	config := strings.Replace(service, "Grace 5", "Grace 0", 1) + input + "    storage.type filesystem\n" + output + "    Workers 1\n"
	h.write("fb.conf", config+"    Retry_First 1000000\n    Retry_Limit no_limits\n")
	h.write("x.log", numbered(0, 100))
	h.start()
	h.until("a retry", func() bool { return strings.Contains(h.read("events"), "flush retry") })
	h.signal(syscall.SIGTERM)
	if code := h.wait(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, h.log.String())
	}
	if !strings.HasSuffix(h.read("events"), "exit\n") {
		t.Errorf("events %q do not end in exit", h.read("events"))
	}
	refused := h.flushes("out")[0]
	h.write("fb.conf", strings.Replace(config, "DIR/out", "DIR/out2", 1))
	if code := h.once(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, h.log.String())
	}
	if got := h.flushes("out2"); len(got) != 1 || got[0].tag != refused.tag || !bytes.Equal(got[0].data, refused.data) {
		t.Errorf("%d flushes after the start, want the one that was refused before, byte for byte", len(got))
	}
}

func TestRetry(t *testing.T) {
	f := func(name, options string, wantCode int, wantEvents ...string) {
		t.Helper()
		for _, storage := range []string{"memory", "filesystem"} {
			t.Run(name+"/"+storage, func(t *testing.T) {
				h := newHost(t, "5.1")
				h.write("fb.conf", service+input+"    storage.type "+storage+"\n"+output+options)
				h.write("x.log", numbered(0, 10))
				if code := h.once(); code != wantCode {
					t.Errorf("exit code %d, want %d:\n%s", code, wantCode, h.log.String())
				}
				events := strings.Split(strings.TrimSpace(h.read("events")), "\n")
				if got := events[1 : len(events)-1]; !slices.Equal(got, wantEvents) {
					t.Errorf("got %v, want %v", got, wantEvents)
				}
				all := h.flushes("out")
				for _, again := range all[1:] {
					if again.tag != all[0].tag || !bytes.Equal(again.data, all[0].data) {
						t.Error("a retry brought other bytes")
					}
				}
			})
		}
	}
	f("succeeds", "    Retry_First 1\n    Workers 2\n", 0, "flush retry", "flush ok")
	f("engine thread", "    Retry_First 2\n    Retry_Limit 2\n", 0, "flush retry", "flush retry", "flush ok")
	f("limit", "    Retry_First 9\n    Retry_Limit 1\n    Workers 1\n", 2, "flush retry", "flush retry")
	f("no retries", "    Retry_First 9\n    Retry_Limit no_retries\n", 2, "flush retry")
	f("error", "    Answer error\n", 2, "flush error")
}

func TestSeveralOutputs(t *testing.T) {
	for _, abi := range abis {
		t.Run(abi, func(t *testing.T) {
			h := newHost(t, abi)
			h.write("fb.conf", service+input+`
[OUTPUT]
    Name recorder
    Match kube.*x.log
    Out DIR/first
    Events DIR/events
    Label one
    Retry_First 1
[OUTPUT]
    Name recorder
    Match_Regex ^kube
    Out DIR/second
    Events DIR/events
    Label two
    Workers 3
[OUTPUT]
    Name recorder
    Match other.*
    Out DIR/third
    Events DIR/events
    Label three
`)
			h.write("x.log", numbered(0, 500))
			h.write("y.log", numbered(500, 1000))
			if code := h.once("--flush-size", "5000"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, h.log.String())
			}
			if a, b, c := len(h.lines("first")), len(h.lines("second")), len(h.lines("third")); a != 500 || b != 1000 || c != 0 {
				t.Errorf("%d, %d and %d lines, want 500, 1000 and 0", a, b, c)
			}
			want := "exit one\nexit two\nexit three\n"
			if abi == "1.9" { // it tells the context that was initialized last, whichever section ends
				want = "exit three\nexit three\nexit three\n"
			}
			exits := ""
			for _, line := range strings.SplitAfter(h.read("events"), "\n") {
				if strings.HasPrefix(line, "exit") {
					exits += line
				}
			}
			if exits != want {
				t.Errorf("exits %q, want %q", exits, want)
			}
		})
	}
}

func TestHotReload(t *testing.T) {
	for _, abi := range []string{"4.2", "5.1"} {
		t.Run(abi, func(t *testing.T) {
			h := newHost(t, abi)
			h.env = []string{"RECORDER_EVENTS=" + h.path("events")}
			config := service + "    Hot_Reload On\n" + input + output + "    Workers 1\n    Label "
			h.write("fb.conf", config+"old\n")
			h.write("x.log", numbered(0, 100))
			h.start()
			h.until("the first lines", func() bool { return len(h.lines("out")) == 100 })

			h.write("fb.conf", config+"broken\n    tls On\n")
			h.signal(syscall.SIGHUP)
			h.until("a refused reload", func() bool { return strings.Contains(h.log.String(), "Reloading is halted") })

			h.write("fb.conf", config+"new\n")
			h.signal(syscall.SIGHUP)
			h.until("a reload", func() bool { return strings.Contains(h.log.String(), "successful reload done") })
			h.append("x.log", numbered(100, 200))
			h.until("the new lines", func() bool { return len(h.lines("out")) == 200 })
			h.signal(syscall.SIGINT)
			if code := h.wait(); code != 0 {
				t.Errorf("exit code %d:\n%s", code, h.log.String())
			}
			// As in flb_reload.c: the new plugin registers, the old one exits and unregisters, then the new one starts.
			want := "register\ninit match=0 host=0 old\nflush ok old\nregister\nexit old\nunregister\n" +
				"init match=0 host=0 new\nflush ok new\nexit new\nunregister\n"
			if got := h.read("events"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for line, n := range h.lines("out") {
				if n != 1 {
					t.Errorf("line %s came %d times", line, n)
				}
			}
		})
	}
}

func TestRotation(t *testing.T) {
	h := newHost(t, "5.1")
	h.write("fb.conf", service+input+"    Refresh_Interval 1\n    Rotate_Wait 1\n"+output)
	h.append("x.log", numbered(0, 10)+"2026-11-23T14:00:00.1Z stdout F line-1")
	h.start()
	h.until("ten lines", func() bool { return len(h.lines("out")) == 10 })
	h.append("x.log", "0;\n") // the rest of the last line
	h.until("the eleventh", func() bool { return h.lines("out")["10"] == 1 })

	if err := os.Rename(h.path("x.log"), h.path("x.log.1")); err != nil {
		t.Fatal(err)
	}
	h.append("x.log.1", numbered(11, 20)) // the writer had it open still
	h.append("x.log", numbered(20, 30))
	h.until("both files", func() bool { return len(h.lines("out")) == 30 })

	if err := os.Truncate(h.path("x.log"), 0); err != nil {
		t.Fatal(err)
	}
	h.until("the truncation", func() bool { return strings.Contains(h.log.String(), "file truncated") })
	h.append("x.log", numbered(30, 31))
	h.write("new.log", numbered(31, 40))
	h.until("a file found later", func() bool { return len(h.lines("out")) == 40 })
	h.until("the end of the old file", func() bool { return strings.Contains(h.log.String(), "inotify_fs_remove") })
	h.signal(syscall.SIGTERM)
	if code := h.wait(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, h.log.String())
	}
	for line, n := range h.lines("out") {
		if n != 1 {
			t.Errorf("line %s came %d times", line, n)
		}
	}

	h.append("x.log", numbered(40, 41))
	if code := h.once(); code != 0 || len(h.lines("out")) != 41 || h.lines("out")["39"] != 1 {
		t.Errorf("exit code %d, %d lines after a restart, want 41 and none twice", code, len(h.lines("out")))
	}
}

func TestLongLines(t *testing.T) {
	for _, skip := range []string{"On", "Off"} {
		t.Run(skip, func(t *testing.T) {
			h := newHost(t, "5.1")
			h.write("fb.conf", service+input+"    Buffer_Max_Size 32k\n    Skip_Long_Lines "+skip+"\n"+output)
			h.write("x.log", "line-1;\n"+strings.Repeat("x", 1<<20)+"\nline-2;\n")
			if code := h.once(); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, h.log.String())
			}
			want := map[string]int{"On": 2, "Off": 1}[skip]
			if n := len(h.lines("out")); n != want {
				t.Errorf("%d lines, want %d", n, want)
			}
		})
	}
}

func TestCanary(t *testing.T) {
	for _, c := range []struct {
		abi   string
		fails bool
	}{{"1.9", true}, {"4.2", true}, {"5.1", false}} {
		t.Run(c.abi, func(t *testing.T) {
			h := newHost(t, c.abi)
			h.env = []string{"RECORDER_OVERRUN=1"}
			h.write("fb.conf", service+input+output)
			code := h.once()
			said := strings.Contains(h.log.String(), "wrote beyond struct flb_plugin_proxy_def in or before FLBPluginRegister")
			if (code != 0) != c.fails || said != c.fails {
				t.Errorf("exit code %d:\n%s", code, h.log.String())
			}
		})
	}
}

// 230,000 bytes are more than a coroutine has on any machine (24 KiB on amd64, 192 on arm64, in 1.9 and 4.2); 5.1 has
// at least 64 KiB everywhere.
func TestCoroutineStack(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		for _, abi := range abis {
			t.Run(abi+"/"+workers, func(t *testing.T) {
				h := newHost(t, abi)
				size := map[string]string{"1.9": "230000", "4.2": "230000", "5.1": "40000"}[abi]
				h.write("fb.conf", service+input+output+"    Stack "+size+"\n    Workers "+workers+"\n")
				h.write("x.log", "a\n")
				if code := h.once(); (code != 0) != (abi != "5.1") {
					t.Errorf("exit code %d with %s bytes:\n%s", code, size, h.log.String())
				}
			})
		}
	}
}

func TestHTTP(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", "::"} {
		t.Run(listen, func(t *testing.T) {
			h := newHost(t, "5.1")
			h.write("fb.conf", service+"    HTTP_Server On\n    HTTP_Port 0\n    Health_Check On\n    HTTP_Listen "+listen+"\n"+input+output)
			h.write("x.log", "a\nb\n")
			h.start()
			port := regexp.MustCompile(`listen iface=\S+ tcp_port=(\d+)`)
			h.until("the server", func() bool {
				return port.MatchString(h.log.String()) || strings.Contains(h.log.String(), "cannot listen")
			})
			m := port.FindStringSubmatch(h.log.String())
			if m == nil {
				t.Skip("no IPv6 on this machine")
			}
			host := listen
			if host == "::" {
				host = "::1"
			}
			get := func(path string) (int, string) {
				resp, err := http.Get("http://" + net.JoinHostPort(host, m[1]) + path)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(body)
			}
			h.until("the flush", func() bool { return strings.Contains(h.read("events"), "flush ok") })
			want := fmt.Sprintf(`"output":{"recorder.0":{"proc_records":2,"proc_bytes":%d,"errors":0,"retries":0,`+
				`"retries_failed":0,"dropped_records":0,"retried_records":0}}}`, len(h.flushes("out")[0].data))
			var body string
			h.until("the metrics", func() bool { _, body = get("/api/v1/metrics"); return strings.HasSuffix(body, want) })
			if !strings.HasPrefix(body, `{"input":{"tail.0":{"records":2,"bytes":`) {
				t.Errorf("metrics %s", body)
			}
			if code, body := get("/api/v1/health"); code != 200 || body != "ok\n" {
				t.Errorf("health: %d %q", code, body)
			}
			if code, body := get("/"); code != 200 || !strings.Contains(body, `"edition":"fbhost"`) {
				t.Errorf("root: %d %q", code, body)
			}
			if code, _ := get("/other"); code != 404 {
				t.Errorf("unknown path: %d", code)
			}
		})
	}
}
