package equality

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// entry is one record of the corpus.
type entry struct {
	name string // in the record itself, under "record"
	id   string // in the record too, under "id"; "" where the record is not of add
	sec  uint32
	nsec uint32
	body value
	// whole makes the time an integer of seconds, as old Fluentd sends it, instead of an EventTime.
	whole bool
	// apart puts the record into another chunk than most: because of it the built-in output loses
	// others too.
	apart string
}

// What the built-in output makes of a record, and the first part of such records' tags.
const (
	noJSON  = "nojson"  // text that is no JSON, for which OpenSearch refuses a whole request of updates
	tooDeep = "deep"    // nothing, and nothing of any record that follows in the chunk
	badID   = "badid"   // an id for which OpenSearch refuses the whole request
	badName = "badname" // the name of an index for which it does
)

// twin is added to the name of a record that says in plain msgpack what another record says in a
// way that the built-in output does not understand: what it stores of the twin is what we have to
// store of the other.
const twin = "=plain"

// firstSecond is the time of the corpus's first record, 2024-02-29T00:10:00Z. They are of one day,
// since each index costs time.
const firstSecond = 1709165400

// corpus makes the records. Each has another time, except that a twin has the other's.
type corpus struct{ entries []entry }

// add adds a record that every option of the matrix finds its field in, with more fields of its
// own.
func (c *corpus) add(name string, fields ...value) {
	c.bare(name, append([]value{str("id"), str("id-" + name), str("app"), str("shop"),
		str("kubernetes"), object(str("namespace_name"), str("ns-a"), str("ports"),
			list(num(80), num(443)))}, fields...)...)
	c.entries[len(c.entries)-1].id = "id-" + name
}

// bare adds a record that has nothing but its name and the fields given.
func (c *corpus) bare(name string, fields ...value) {
	n := len(c.entries)
	c.entries = append(c.entries, entry{name: name, sec: firstSecond +
		uint32(n)*97, nsec: 1_000_003*uint32(n) +
		7, body: object(append([]value{str("record"), str(name)}, fields...)...)})
}

// pair adds a record and its twin, which have the same fields except for what differs.
func (c *corpus) pair(name string, odd, plain []value) {
	c.add(name, odd...)
	c.add(name+twin, plain...)
	n := len(c.entries)
	c.entries[n-1].sec, c.entries[n-1].nsec = c.entries[n-2].sec, c.entries[n-2].nsec
}

func v(x value) []value { return []value{str("v"), x} }

func makeCorpus() []entry {
	c := &corpus{}
	c.add("plain")
	c.scalars()
	c.strings()
	c.binary()
	c.containers()
	c.keys()
	c.names()
	c.ids()
	c.times()
	for i := range c.entries {
		e := &c.entries[i]
		switch {
		case strings.HasSuffix(e.name, twin):
		case strings.Contains(e.name, "maps 150 deep"):
			e.apart = tooDeep
		case e.name == "id 513 bytes" || e.name == "id empty":
			e.apart = badID
		case e.name == "namespace bad bytes":
			e.apart = badName
		case strings.HasPrefix(e.name, "ext ") || strings.HasPrefix(e.name, "NaN") || strings.HasPrefix(e.name, "infinity"):
			e.apart = noJSON
		}
	}
	return c.entries
}

func (c *corpus) scalars() {
	for name, x := range ordered(
		"nil", null, "false", raw("\xc2"), "true", raw("\xc3"),
		"fixint 0", num(0), "fixint 127", raw("\x7f"), "fixint -1", raw("\xff"), "fixint -32", raw("\xe0"),
		"uint8", raw("\xcc\xff"), "uint8 of 1", raw("\xcc\x01"), "uint16", raw("\xcd\xff\xff"), "uint32", raw("\xce\xff\xff\xff\xff"),
		"uint64 largest", raw("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "uint64 above int64", raw("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
		"int8", raw("\xd0\x80"), "int16", raw("\xd1\x80\x00"), "int32", raw("\xd2\x80\x00\x00\x00"), "int32 positive", raw("\xd2\x00\x00\x00\x07"),
		"int64 smallest", raw("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "int64 2^53+1", num(1<<53+1),
		"float 0", flt(0), "float -0", flt(math.Copysign(0, -1)), "float 1", flt(1), "float -3", flt(-3), "float 0.1", flt(0.1), "float -2.5", flt(-2.5),
		"float 1e15", flt(1e15), "float 1e16", flt(1e16), "float 2^53", flt(1<<53), "float 2^63", flt(1<<63), "float 1e21", flt(1e21), "float 1e300", flt(1e300),
		"float 1e-7", flt(1e-7), "float 1e-300", flt(1e-300), "float 1.5e-5", flt(1.5e-5), "float 123456789.125", flt(123456789.125),
		"float32 1", flt32(1), "float32 0.5", flt32(0.5), "float32 -0", flt32(float32(math.Copysign(0, -1))), "float32 16777217", flt32(16777217),
		// 17 digits are needed to tell these from their neighbours.
		"float pi", flt(math.Pi), "float 0.1+0.2", flt(0.30000000000000004), "float largest", flt(math.MaxFloat64), "float least", flt(5e-324),
		"float 1/3", flt(1.0/3),
	) {
		c.add(name, v(x)...)
	}
	c.pair("float32 0.1", v(flt32(0.1)), v(flt(0.1)))
	c.pair("float32 largest", v(flt32(math.MaxFloat32)), v(flt(3.4028235e38)))
	c.pair("float32 of a map in an array", v(list(object(str("x"), flt32(1.1)))),
		v(list(object(str("x"), flt(1.1)))))
	c.pair("NaN", v(flt(math.NaN())), v(null))
	c.pair("NaN float32", v(flt32(float32(math.NaN()))), v(null))
	c.pair("infinity", v(flt(math.Inf(1))), v(null))
	c.pair("infinity negative", v(flt(math.Inf(-1))), v(null))
}

func (c *corpus) strings() {
	var controls strings.Builder
	for b := range byte(0x20) {
		controls.WriteByte(b)
	}
	for name, s := range orderedText(
		"empty", "", "ASCII", " !\"#$%&'()*+,-./0123456789:;<=>?@AZ[\\]^_`az{|}~", "controls", controls.String(), "DEL", "a\x7fb", "NUL", "a\x00b", "lines", "a\r\nb\tc\n",
		"backslashes", `a\nb\\c\u0041\`, "JSON", `{"a":[1,"b"]}`, "HTML", "<a href='x'>&amp;</a>", "ANSI", "\x1b[31mred\x1b[0m",
		"Latin", "Größe naïve", "Hangul", "주문이 접수되었습니다", "emoji", "👍🏽 👨‍👩‍👧", "beyond BMP", "𝒳𐍈\U0010fffd", "combining", "e\u0301", "right to left", "\u202eabc",
		"U+2028", "a\u2028b\u2029c", "BOM", "\ufeffa", "noncharacter", "a\uffffb\ufffeb", "replacement", "a\ufffdb", "C1 controls", "a\u0080\u0085\u009fb",
		"long", strings.Repeat("0123456789abcdef", 2500), "long Hangul", strings.Repeat("주문", 5000), "long controls", strings.Repeat("\x01\"", 3000),
		"15 bytes and one wide", strings.Repeat("a", 15)+"é"+strings.Repeat("b", 15)+"주",
	) {
		c.add("string "+name, v(str(s))...)
	}
	for name, x := range ordered("str8", raw("\xd9\x01a"), "str16", raw("\xda\x00\x01a"), "str32", raw("\xdb\x00\x00\x00\x01a"), "str8 empty", raw("\xd9\x00")) {
		c.add("string as "+name, v(x)...)
	}
	const bad = "\ufffd" // one for each byte that is no character
	for _, s := range [][3]string{
		{"lone continuation", "a\x80b", "a" + bad + "b"}, {"0xff", "a\xff\xfeb", "a" + bad + bad + "b"}, {"cut at the end", "a\xe2\x82", "a" + bad + bad},
		{"cut in the middle", "a\xe2\x82b", "a" + bad + bad + "b"}, {"overlong", "a\xc0\xafb", "a" + bad + bad + "b"}, {"surrogate", "a\xed\xa0\x80b", "a" + bad + bad + bad + "b"},
		{"beyond Unicode", "a\xf4\x90\x80\x80b", "a" + bad + bad + bad + bad + "b"}, {"Latin-1", "Gr\xf6\xdfe", "Gr" + bad + bad + "e"},
		{"emoji cut", "a\xf0\x9f\x91", "a" + bad + bad + bad}, {"emoji cut and text", "\xf0\x9f\x91 and more text behind it", bad + bad + bad + " and more text behind it"},
	} {
		c.pair("bytes "+s[0], v(str(s[1])), v(str(s[2])))
	}
}

func (c *corpus) binary() {
	c.add("bin text", v(bin("text \"quoted\" größe"))...)
	c.add("bin empty", v(bin(""))...)
	c.add("bin16", v(raw("\xc5\x00\x01a"))...)
	c.add("bin32", v(raw("\xc6\x00\x00\x00\x01a"))...)
	c.pair("bin bytes", v(bin("\x00\x01\xfe\xff")), v(str("\x00\x01\ufffd\ufffd")))
	for name, x := range ordered("fixext1", raw("\xd4\x05\x01"), "fixext2", raw("\xd5\x05\x01\x02"), "fixext4", raw("\xd6\x05\x01\x02\x7f\x04"),
		"fixext8", raw("\xd7\x05\x01\x02\x03\x04\x05\x06\x07\x08"), "fixext16", raw("\xd8\x05"+strings.Repeat("\x11", 16)), "ext8", ext(5, "\x01\x02\x03"),
		"ext16", raw("\xc8\x00\x01\x05\x0a"), "ext32", raw("\xc9\x00\x00\x00\x01\x05\x0a"), "ext of high bytes", ext(5, "\xfe\xff")) {
		data := x[len(x)-extLength[name]:]
		c.pair("ext "+name, v(x), v(str(hex.EncodeToString(data))))
	}
	c.add("extension empty", v(ext(5, ""))...)
	c.pair("ext EventTime", v(raw("\xd7\x00\x65\xe0\x9f\x80\x00\x00\x00\x07")), v(str("2024-02-29T15:15:12.000000007Z")))
	c.pair("ext timestamp 32", v(raw("\xd6\xff\x65\xe0\x9f\x80")), v(str("2024-02-29T15:15:12.000000000Z")))
	c.pair("ext timestamp 96", v(ext(-1, "\x00\x00\x00\x07\x00\x00\x00\x00\x65\xe0\x9f\x80")), v(str("2024-02-29T15:15:12.000000007Z")))
}

var extLength = map[string]int{"fixext1": 1, "fixext2": 2, "fixext4": 4, "fixext8": 8, "fixext16": 16, "ext8": 3, "ext16": 1, "ext32": 1, "ext of high bytes": 2}

func (c *corpus) containers() {
	for name, x := range ordered(
		"array empty", list(), "array mixed", list(num(1), str("a"), null, flt(1), raw("\xc3"), list(), object()), "array of maps", list(object(str("a.b"), num(1)), object(str("a.b"), num(2))),
		"array of arrays", list(list(num(1)), list(list(object(str("c.d"), num(2))))), "array16", raw("\xdc\x00\x02\x01\x02"), "array32", raw("\xdd\x00\x00\x00\x01\x01"),
		"map empty", object(), "map16", raw("\xde\x00\x01\xa1a\x01"), "map32", raw("\xdf\x00\x00\x00\x01\xa1a\x01"), "map of empty maps", object(str("a"), object(), str("b"), object(str("c"), object())),
		"maps 15 deep", nested(15, "a", str("x")), "maps 60 deep", nested(60, "a", str("x")), "arrays 60 deep", nested(60, "", str("x")), "maps with dots 5 deep", nested(5, "a.b", str("x")),
	) {
		c.add(name, v(x)...)
	}
	c.add("in front of maps 150 deep") // a chunk that begins with such a record does not get past the forward input
	c.add("maps 150 deep", v(nested(150, "a", str("x")))...)
	c.pair("behind maps 150 deep", v(num(1)), v(num(1)))
	many := []value{}
	for i := range 300 {
		many = append(many, str(fmt.Sprintf("key%03d", i)), num(int64(i)))
	}
	c.add("300 keys", many...)
	c.add("300 keys in a map", v(object(many...))...)
	// The only record without a name: it has nothing at all.
	c.bare("empty body")
	c.entries[len(c.entries)-1].body = object()
}

func (c *corpus) keys() {
	for name, k := range ordered(
		"with a dot", str("a.b"), "of a dot", str("."), "with a dot in front", str(".a"), "with a dot behind", str("a."), "with two dots", str("a..b"), "empty", str(""), "of a space", str(" "),
		"Hangul", str("주문"), "with controls", str("a\x01\n\tb"), "with a quotation mark", str(`a"b\c`), "long", str(strings.Repeat("k", 300)), "long with dots", str(strings.Repeat("k.", 150)+"z"),
		"as bin", bin("bin"), "as bin with a dot", bin("b.c"), "as str8", raw("\xd9\x01k"), "emoji", str("👍"),
	) {
		c.add("key "+name, k, num(1))
		c.add("key inside "+name, v(object(k, object(k, num(1))))...)
	}
	c.pair("key of bad bytes", []value{str("a\xffb"), num(1)}, []value{str("a\ufffdb"), num(1)})
	for name, k := range ordered("integer", num(5), "negative", num(-7), "float", flt(1.5), "nil", null, "bool", raw("\xc3")) {
		c.pair("key "+name, []value{k, num(1)}, []value{str(map[string]string{"integer": "5", "negative": "-7", "float": "1.5", "nil": "null", "bool": "true"}[name]), num(1)})
	}
	c.pair("keys of two integers", []value{num(1), str("a"), num(2), str("b")}, []value{str("1"), str("a"), str("2"), str("b")})
	c.pair("key inside integer", v(object(num(5), num(1))), v(object(str("5"), num(1))))
	c.pair("key array", []value{list(num(1), str("x")), num(1)}, []value{str(`[1,"x"]`), num(1)})
	c.pair("key map", []value{object(str("a"), num(1)), num(1)}, []value{str(`{"a":1}`), num(1)})
	c.pair("key ext", []value{ext(5, "\x0a"), num(1)}, []value{str("0a"), num(1)})

	c.add("key twice", str("v"), num(1), str("v"), str("last"))
	c.add("key three times", str("v"), num(1), str("w"), num(2), str("v"), num(3), str("x"), num(4), str("v"), num(5))
	c.add("key twice inside", v(object(str("a"), num(1), str("b"), num(2), str("a"), num(3)))...)
	c.add("key twice as str and bin", str("v"), num(1), bin("v"), num(2))
	c.add("key twice once dots are replaced", str("a.b"), num(1), str("a_b"), num(2))
	c.add("time there", str("@timestamp"), str("2001-02-03T04:05:06.789Z"))
	c.add("time there as number", str("@timestamp"), num(7))
	c.add("time there under another name", str("when"), str("then"))
	c.add("tag there", str("flb-key"), str("mine"), str("tag"), str("mine too"))
	c.pair("labels that clash", []value{str("kubernetes"), object(str("namespace_name"), str("ns-a"), str("ports"), list(num(80), num(443)), str("labels"), object(str("app"), str("shop"), str("app.kubernetes.io/name"), str("cart")),
		str("annotations"), object(str("a.b/c"), str("d")))},
		[]value{str("kubernetes"), object(str("namespace_name"), str("ns-a"), str("ports"), list(num(80), num(443)), str("labels"), object(str("app"), str("shop"), str("app_kubernetes_io/name"), str("cart")),
			str("annotations"), object(str("a_b/c"), str("d")))})
}

// names adds what index names are made of.
func (c *corpus) names() {
	for name, x := range ordered("other", str("ns-b"), "upper case", str("NS-C"), "Hangul", str("주문"), "number", num(7), "negative number", num(-7), "float", flt(1.5), "bool", raw("\xc3"), "nil", null,
		"space", str("a b"), "slash", str("a/b"), "comma", str("a,b"), "star", str("a*b"), "hash", str("a#b"), "colon", str("a:b"), "dots", str("../x"), "angle", str("<x>"), "quote", str(`a"b`),
		"backslash", str(`a\b`), "newline", str("a\nb"), "empty", str(""), "100 bytes", str(strings.Repeat("n", 100)), "200 bytes", str(strings.Repeat("n", 200)), "300 bytes", str(strings.Repeat("n", 300)),
		"map", object(str("a"), num(1)), "array", list(num(1)), "bin", bin("ns-bin"), "bad bytes", str("a\xffb")) {
		c.bare("namespace "+name, str("app"), str("shop"), str("kubernetes"), object(str("namespace_name"), x, str("ports"), list(num(80), num(443))))
	}
	for name, x := range ordered("other", str("Cart"), "number", num(7), "nil", null) {
		c.bare("app "+name, str("app"), x)
	}
	c.bare("namespace missing", str("app"), str("shop"))
	c.bare("namespace of no map", str("app"), str("shop"), str("kubernetes"), str("text"))
}

func (c *corpus) ids() {
	for name, x := range ordered("number", num(42), "float", flt(1.5), "bool", raw("\xc3"), "nil", null, "map", object(), "empty", str(""), "quote", str(`id-"q"`), "backslash", str(`id-\b`),
		"newline", str("id-\n"), "Hangul", str("id-주문"), "512 bytes", str(strings.Repeat("i", 512)), "513 bytes", str(strings.Repeat("i", 513)), "bin", bin("id-bin")) {
		c.bare("id "+name, str("id"), x, str("app"), str("shop"), str("kubernetes"), object(str("namespace_name"), str("ns-a")))
	}
	c.bare("id missing", str("app"), str("shop"), str("kubernetes"), object(str("namespace_name"), str("ns-a")))
}

func (c *corpus) times() {
	c.add("time of 1970")
	c.entries[len(c.entries)-1].sec = 5
	c.add("time of 2100")
	c.entries[len(c.entries)-1].sec = 4102444800
	c.add("time without a fraction")
	c.entries[len(c.entries)-1].nsec = 0
	c.add("time of 999999999 ns")
	c.entries[len(c.entries)-1].nsec = 999_999_999
	c.add("time as an integer")
	c.entries[len(c.entries)-1].whole, c.entries[len(c.entries)-1].nsec = true, 0
}

// ordered gives pairs of a name and a value in order.
func ordered(pairs ...any) func(yield func(string, value) bool) {
	return func(yield func(string, value) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i].(string), pairs[i+1].(value)) {
				return
			}
		}
	}
}

func orderedText(pairs ...string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for pair := range slices.Chunk(pairs, 2) {
			if !yield(pair[0], pair[1]) {
				return
			}
		}
	}
}

func (e *entry) time() time.Time { return time.Unix(int64(e.sec), int64(e.nsec)).UTC() }

// tag is the tag of the chunk that the record is in.
func (e *entry) tag() string {
	if e.apart == "" {
		return "kube.shop.Cart"
	}
	return e.apart + ".shop.Cart"
}

// appendTime appends the record's time as Fluentd and Fluent Bit write it.
func (e *entry) appendTime(b []byte) []byte {
	if e.whole {
		return msgp.AppendUint32(b, e.sec)
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(append(b, 0xd7, 0), e.sec), e.nsec)
}

// pack is the records of one chunk, back to back. As they come in by the forward protocol they are
// [time, body]; as Fluent Bit 5 hands them over, [[time, {}], body].
func pack(entries []entry, apart string, incoming bool) []byte {
	var b []byte
	for i := range entries {
		e := &entries[i]
		if e.apart != apart {
			continue
		}
		b = msgp.AppendArrayHeader(b, 2)
		if incoming {
			b = e.appendTime(b)
		} else {
			b = msgp.AppendMapHeader(e.appendTime(msgp.AppendArrayHeader(b, 2)), 0)
		}
		b = append(b, e.body...)
	}
	return b
}

// chunks calls f with the tag and the records of each chunk.
func chunks(entries []entry, incoming bool, f func(tag string, records []byte)) {
	for _, apart := range []string{"", noJSON, tooDeep, badID, badName} {
		f((&entry{apart: apart}).tag(), pack(entries, apart, incoming))
	}
}

func fingerprint(entries []entry) string {
	sum := sha256.New()
	chunks(entries, true, func(tag string, records []byte) {
		sum.Write([]byte(tag))
		sum.Write(records)
	})
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
