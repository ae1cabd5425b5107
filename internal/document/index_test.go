package document

import (
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

const indexSec = 1795432034 // 2026-11-23T11:07:14Z, a Monday

func TestIndexSuccess(t *testing.T) {
	body := object(
		str("kubernetes"), object(
			str("namespace_name"), str("Shop/A"),
			str("labels"), object(str("app.kubernetes.io/name"), str("orders")),
			str("ports"), list(num(80), num(443))),
		str("level"), num(-3), str("n"), msgp.AppendUint64(nil, 1<<63), str("f"), flt(1.5), str("ok"), raw("\xc3"),
		str("ko"), str("주문É"), str("bad"), str("a\xffb"), str("twice"), str("x"), str("twice"), str("y"), num(5), num(6))
	f := func(text, want string) {
		t.Helper()
		x, err := CompileIndex(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		for range 2 {
			out, ok := x.Append([]byte("before "), indexSec, "kube.var.App", body)
			if !ok || string(out) != "before "+want {
				t.Errorf("%s: got %q, %v, want %q", text, out, ok, want)
			}
		}
	}
	f("eks-logs", "eks-logs")
	f(".hidden", ".hidden")
	f("주문", "주문")
	f("logs-%Y.%m.%d", "logs-2026.11.23")
	f("%Y", "2026")
	f("logs-%Y.%m.%d.%H%M%S-x", "logs-2026.11.23.110714-x")
	f("logs-%b-%a-%p", "logs-nov-mon-am")
	f("logs-%e%%", "logs-23%")
	f("logs-$TAG", "logs-kube.var.app")
	f("logs-$TAG[1]-%y", "logs-var-26")
	f("logs-$TAG[2]", "logs-app")
	f("logs-$kubernetes['namespace_name']-%Y", "logs-shop-a-2026")
	f("logs-$kubernetes['labels']['app.kubernetes.io/name']", "logs-orders")
	f("logs-$kubernetes['ports'][1]", "logs-443")
	f("l$level-$n-$f-$ok", "l-3-9223372036854775808-1.5-true")
	f("$ko", "주문é")
	f("$bad", "a\ufffdb")
	f("$twice.$ko", "y.주문é")
	f("$['ko']-$['kubernetes']['ports'][0]", "주문é-80")
	f("%Y%m%d%H", "2026112311")
}

func TestIndexAppendFailure(t *testing.T) {
	body := object(str("a"), object(), str("b"), raw("\xc0"), str("e"), str(""), str("dash"), str("-x"), str("dots"), str(".."), str("hidden"), str(".x"),
		str("long"), str(strings.Repeat("x", maxIndexName)), str("l"), list(num(1)))
	f := func(text string, body []byte) {
		t.Helper()
		x, err := CompileIndex(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		if out, ok := x.Append([]byte("before"), 0, "a.b", body); ok || string(out) != "before" {
			t.Errorf("%s: got %q, %v, want false", text, out, ok)
		}
	}
	for _, text := range []string{"x-$none", "x-$a", "x-$b", "$e", "$dash", "$dots", "$dots$e", "$hidden", "$hidden-x", "$e$hidden", "x-$long", "x-$a['none']", "x-$dash['none']",
		"x-$l", "x-$l[1]", "x-$a[0]", "x-$TAG[2]"} {
		f(text, body)
	}
	for cut := range body {
		f("x-$l[0]", body[:cut])
	}
	f("x-$a", nil)
	f("x-$a", raw("\xc0"))
	f("x-$a", raw("\x81\xc1"))
}

func TestCompileIndexFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := CompileIndex(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	f("", "empty")
	f("Logs", "'L' is upper case")
	f("É", "upper case")
	f("a b", "' '")
	f("a/b", "'/'")
	f("a\x00", `'\x00'`)
	f("logs-%Y:%m", "':'")
	f("logs,x", "','")
	f("_x", "cannot start with '_'")
	f("-%Y", "cannot start with '-'")
	f("+$TAG", "cannot start with '+'")
	f("..", `cannot be ".."`)
	f("x-%T", "':'")
	f("a\xff", "UTF-8")
	f("x-%Q", "%Q")
	f("x-%Ey", "%E")
	f("x-%", "%%")
	f("x-%n", `'\n'`)
	f(strings.Repeat("x", 256), "256 bytes")
	f("x-$", "name of a field")
	f("x-$[0]", "name of a field")
	f("x-$['a", "closing bracket")
	f("x-$a['b", "closing bracket")
	f("x-$a[", "closing bracket")
	f("x-$a[b]", "in quotes")
	f("x-$a[-1]", "in quotes")
	f("x-$TAG['a']", "one number")
	f("x-$TAG[1][2]", "one number")
}

func TestIndexAllocatesNothing(t *testing.T) {
	x, err := CompileIndex("logs-$kubernetes['namespace_name']-$TAG[1]-%Y.%m.%d-%H%M%S")
	if err != nil {
		t.Fatal(err)
	}
	body := object(str("kubernetes"), object(str("namespace_name"), str("Shop")))
	dst := make([]byte, 0, maxIndexName)
	sec := int64(indexSec)
	if n := testing.AllocsPerRun(100, func() {
		sec++
		if _, ok := x.Append(dst, sec, "a.b.c", body); !ok {
			t.Fatal("no name")
		}
	}); n != 0 {
		t.Errorf("%v allocations for a name, want none", n)
	}
}

// TestStrftime compares with Go's own formats over many days.
func TestStrftime(t *testing.T) {
	f := func(text, layout string) {
		t.Helper()
		format, err := compileTime(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for sec := int64(0); sec < 4e9; sec += 86400*11 + 3661 {
			want := time.Unix(sec, 0).UTC().Format(layout)
			if got := string(format.append(nil, sec)); got != want {
				t.Fatalf("%s of %d: got %q, want %q", text, sec, got, want)
			}
		}
	}
	f("%Y-%m-%dT%H:%M:%S", "2006-01-02T15:04:05")
	f("%F %T", "2006-01-02 15:04:05")
	f("%D %R", "01/02/06 15:04")
	f("%a %A %b %B %h", "Mon Monday Jan January Jan")
	f("%e|%j|%y", "_2|002|06")
	f("%I:%M:%S %p %P", "03:04:05 PM pm")
	f("%r", "03:04:05 PM")
	f("%c", "Mon Jan _2 15:04:05 2006")
	f("%x %X", "01/02/06 15:04:05")
	f("%Z %z", "UTC +0000")
	f("%n%t", "\n\t")
}

// TestStrftimeRare compares with the C library's strftime, through date(1), what
// Go has no format for.
func TestStrftimeRare(t *testing.T) {
	date, err := exec.LookPath("date")
	if err != nil {
		t.Skip("there is no date(1) to compare with")
	}
	const text = "%C %g %G %V %u %w %U %W %k %l %s %j"
	format, err := compileTime(text)
	if err != nil {
		t.Fatal(err)
	}
	var input, want strings.Builder
	for _, year := range []int{1970, 1999, 2000, 2020, 2024, 2025, 2026, 2027, 2028, 9999} {
		for _, day := range []int{1, 2, 3, 4, 5, 6, 7, 100, 360, 361, 362, 363, 364, 365} {
			at := time.Date(year, 1, day, day%24, 0, 0, 0, time.UTC)
			input.WriteString(at.Format("2006-01-02T15:04:05Z\n"))
			want.Write(append(format.append(nil, at.Unix()), '\n'))
		}
	}
	c := exec.Command(date, "-u", "-f", "-", "+"+text)
	c.Stdin = strings.NewReader(input.String())
	c.Env = []string{"LC_ALL=C"}
	out, err := c.Output()
	if err != nil {
		t.Skip("date(1) is not GNU's")
	}
	if string(out) != want.String() {
		t.Errorf("got\n%s\ndate says\n%s", want.String(), out)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add("logs-%Y.%m.%d", object(), "a")
	f.Add("$kubernetes['namespace_name']-$TAG[1]", object(str("kubernetes"), object(str("namespace_name"), str("A b"))), "x.y")
	f.Add("a$b[0]['c']%H", object(str("b"), list(object(str("c"), flt(1)))), "")
	f.Fuzz(func(t *testing.T, text string, body []byte, tag string) {
		x, err := CompileIndex(text)
		if err != nil {
			return
		}
		out, ok := x.Append(nil, indexSec, tag, body)
		if !ok {
			return
		}
		if !utf8.Valid(out) {
			t.Fatalf("%q gives %q, which is no UTF-8", text, out)
		}
		if err := checkLiteral(string(out), true); err != nil || len(out) == 0 || len(out) > maxIndexName {
			t.Fatalf("%q gives %q: %v", text, out, err)
		}
	})
}

func BenchmarkIndex(b *testing.B) {
	for _, text := range []string{"eks-logs", "eks-logs-%Y.%m.%d", "logs-$kubernetes['namespace_name']"} {
		b.Run(text, func(b *testing.B) {
			x, err := CompileIndex(text)
			if err != nil {
				b.Fatal(err)
			}
			body := k8sChunk(1, true)[13:]
			dst := make([]byte, 0, maxIndexName)
			for b.Loop() {
				if _, ok := x.Append(dst, indexSec, "kube.x", body); !ok {
					b.Fatal("no name")
				}
			}
		})
	}
}
