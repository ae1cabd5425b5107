package indexname

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// object makes a map of keys and values, each msgpack already.
func object(pairs ...[]byte) []byte {
	return append(msgp.AppendMapHeader(nil, uint32(len(pairs)/2)), bytes.Join(pairs, nil)...)
}

func str(s string) []byte  { return msgp.AppendString(nil, s) }
func num(v int64) []byte   { return msgp.AppendInt64(nil, v) }
func flt(v float64) []byte { return msgp.AppendFloat64(nil, v) }
func raw(s string) []byte  { return []byte(s) }
func list(v ...[]byte) []byte {
	return append(msgp.AppendArrayHeader(nil, uint32(len(v))), bytes.Join(v, nil)...)
}

const indexSec = 1795432034 // 2026-11-23T11:07:14Z, a Monday

func TestIndexSuccess(t *testing.T) {
	body := object(
		str("kubernetes"), object(
			str("namespace_name"), str("Shop/A"),
			str("labels"), object(str("app.kubernetes.io/name"), str("orders")),
			str("ports"), list(num(80), num(443))),
		str("level"), num(-3), str("n"), msgp.AppendUint64(nil, 1<<63), str("f"), flt(1.5),
		str("ok"), raw("\xc3"),
		str("ko"), str("주문É"), str("bad"), str("a\xffb"), str("twice"), str("x"), str("twice"), str("y"), num(5), num(6))
	f := func(text, want string) {
		t.Helper()
		x, err := Compile(text)
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
	body := object(str("a"), object(), str("b"), raw("\xc0"), str("e"), str(""), str("dash"),
		str("-x"), str("dots"), str(".."), str("hidden"), str(".x"),
		str("long"), str(strings.Repeat("x", maxName)), str("l"), list(num(1)))
	f := func(text string, body []byte) {
		t.Helper()
		x, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		if out, ok := x.Append([]byte("before"), 0, "a.b", body); ok || string(out) != "before" {
			t.Errorf("%s: got %q, %v, want false", text, out, ok)
		}
	}
	for _, text := range []string{"x-$none", "x-$a", "x-$b", "$e", "$dash", "$dots", "$dots$e",
		"$hidden", "$hidden-x", "$e$hidden", "x-$long", "x-$a['none']", "x-$dash['none']",
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

func TestCompileFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) {
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
	x, err := Compile("logs-$kubernetes['namespace_name']-$TAG[1]-%Y.%m.%d-%H%M%S")
	if err != nil {
		t.Fatal(err)
	}
	body := object(str("kubernetes"), object(str("namespace_name"), str("Shop")))
	dst := make([]byte, 0, maxName)
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

func FuzzIndex(f *testing.F) {
	f.Add("logs-%Y.%m.%d", object(), "a")
	f.Add("$kubernetes['namespace_name']-$TAG[1]",
		object(str("kubernetes"), object(str("namespace_name"), str("A b"))), "x.y")
	f.Add("a$b[0]['c']%H", object(str("b"), list(object(str("c"), flt(1)))), "")
	f.Fuzz(func(t *testing.T, text string, body []byte, tag string) {
		x, err := Compile(text)
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
		if err := checkLiteral(string(out), true); err != nil || len(out) == 0 ||
			len(out) > maxName {
			t.Fatalf("%q gives %q: %v", text, out, err)
		}
	})
}

func BenchmarkIndex(b *testing.B) {
	for _, text := range []string{"eks-logs", "eks-logs-%Y.%m.%d",
		"logs-$kubernetes['namespace_name']"} {
		b.Run(text, func(b *testing.B) {
			x, err := Compile(text)
			if err != nil {
				b.Fatal(err)
			}
			body := object(str("log"), str(strings.Repeat("x", 100)), str("stream"), str("stdout"),
				str("kubernetes"), object(str("pod_name"), str("orders-7d9f"),
					str("namespace_name"), str("shop"), str("host"), str("ip-10-0-1-17")))
			dst := make([]byte, 0, maxName)
			for b.Loop() {
				if _, ok := x.Append(dst, indexSec, "kube.x", body); !ok {
					b.Fatal("no name")
				}
			}
		})
	}
}
