package simulation

import (
	"fmt"
	"math"
	"strings"
)

// secret begins a text that no log line may have.
const secret = "S3CR3T-"

// record draws the body of a line: most are what a container writes, with the pod's metadata.
func (w *writer) record(l *line) object {
	if w.chance(w.oddity / 5) {
		return w.bare(l)
	}
	text, stream, namespace := w.logLine(l)
	o := object{{"log", text}, {"stream", stream}}
	if w.index%2 == 0 {
		o = append(o, pair{"kubernetes", object{
			{"namespace_name", namespace}, {"pod_name", "pod-" + fmt.Sprint(w.index)},
			{"labels", object{{"app", "shop"}, {"app.kubernetes.io/name", "shop"}}},
		}})
	}
	if w.index%3 > 0 {
		o = append(o, pair{"level", int64(w.IntN(7))}, pair{"took", w.Float64()})
	}
	if w.chance(0.9) {
		o = append(o, pair{"ns", w.oneOf("shop", "pay")})
	}
	for w.chance(w.oddity) {
		o = w.oddly(o, l)
	}
	if w.chance(w.poison) {
		o = w.poisoned(o, l)
	}
	if w.chance(w.oddity / 10) {
		w.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	}
	// The name comes first: it is what is left of a record that was cut to fit.
	return append(object{{"k", l.name()}}, o...)
}

// bare has nothing of what a container writes.
func (w *writer) bare(l *line) object {
	l.odd = "bare "
	key := w.oneOf("@timestamp", "@timestamp", "tag", "flb-key", "log", "")
	return object{{key, w.scalar()}, {key, w.scalar()}, {"@timestamp", w.scalar()},
		{key, w.scalar()}}[:w.IntN(5)]
}

func (w *writer) text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"[w.IntN(64)]
	}
	return string(b)
}

// oddly adds something unusual.
func (w *writer) oddly(o object, l *line) object {
	l.odd += "odd "
	tagKey := w.s.option("Tag_Key")
	if tagKey == "" {
		tagKey = "flb-key"
	}
	switch w.IntN(20) {
	case 0:
		return append(o, pair{"@timestamp", w.scalar()})
	case 1:
		return append(o, pair{"@timestamp", w.scalar()}, pair{"@timestamp", w.scalar()})
	case 2:
		return append(o, pair{tagKey, w.scalar()}, pair{tagKey, w.scalar()})
	case 3:
		return append(object{{"stream", w.scalar()}}, o...) // comes twice
	case 4:
		return append(o, o[w.IntN(len(o))])
	case 5:
		return append(o, pair{"bad \xff\xc3( utf8", "\xed\xa0\x80 \xf0\x9f\x98 " +
			"\x00\x1f\"\\\u2028</script>\U0001F600"})
	case 6:
		return append(o, pair{"big", strings.Repeat(w.text(64), 1+w.IntN(64))})
	case 7:
		return append(o, pair{"", ""}, pair{w.scalarKey(), w.scalar()})
	case 8:
		return append(o, pair{"many", w.manyKeys()})
	case 9:
		return append(o, pair{"deep", w.deep(1 + w.IntN(40))})
	case 10:
		return append(o, pair{"a.b", int64(1)}, pair{"a_b", int64(2)})
	case 11:
		return append(o, pair{"kubernetes",
			object{{"labels", object{{"a.b", "1"}, {"a_b", "2"}, {"a.b", "3"}}}}})
	case 12:
		return append(o, pair{"bin", blob(w.text(w.IntN(40)))},
			pair{"ext", ext{5, []byte(w.text(1 + w.IntN(20)))}})
	case 13:
		return append(o, pair{"when", ext{0,
			[]byte{0x38, 0x6d, 0x43, 0x80, 0, 0, 1, byte(w.IntN(256))}}})
	case 14:
		return append(o, pair{"list", list{w.scalar(), list{}, object{},
			list{w.scalar(), object{{"a", nil}}}}})
	case 15:
		return append(o, pair{"e", object{}})
	default:
		return append(o, pair{"x" + w.text(w.IntN(20)), w.scalar()})
	}
}

func (w *writer) scalar() any {
	switch w.IntN(14) {
	case 0:
		return nil
	case 1:
		return w.chance(0.5)
	case 2:
		return int64(w.Uint64())
	case 3:
		return w.Uint64()
	case 4:
		return int64(w.IntN(512) - 256)
	case 5:
		return float32(w.NormFloat64())
	case 6:
		return math.Float64frombits(w.Uint64())
	case 7:
		return float64(w.IntN(1000))
	case 8:
		return []any{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64,
			5e-324}[w.IntN(6)]
	case 9:
		return ""
	default:
		return secret + w.text(w.IntN(40))
	}
}

func (w *writer) scalarKey() any {
	return []any{int64(w.IntN(1000)), nil, true, w.text(5), blob("bin"), uint64(1) << 63,
		"\xff"}[w.IntN(7)]
}

func (w *writer) manyKeys() object {
	var o object
	for i := range w.IntN(100) {
		o = append(o, pair{fmt.Sprintf("key%d", i%(1+w.IntN(60))), w.scalar()})
	}
	return o
}

func (w *writer) deep(n int) any {
	v := w.scalar()
	for range n {
		if w.chance(0.5) {
			v = list{v}
		} else {
			v = object{{"d", v}}
		}
	}
	return v
}

// rejections are what the domain will not take, with its own words; the preview quotes the
// document.
var rejections = map[string]struct{ kind, reason string }{
	"mapping": {"mapper_parsing_exception", "failed to parse field [code] of type [long] in " +
		"document with id 'x'. Preview of field's value: '%s'"},
	"strict": {"strict_dynamic_mapping_exception", "mapping set to strict, dynamic " +
		"introduction of [%s] within [_doc] is not allowed"},
	"limit": {"illegal_argument_exception", "Limit of total fields [1000] has been exceeded"},
	"immense": {"illegal_argument_exception", "Document contains at least one immense term in " +
		"field=\"log\" (whose UTF-8 encoding is longer than the max length 32766), all of which " +
		"were skipped. The prefix of the first immense term is: '%s'"},
	"unheard": {"some_new_exception", "pipeline with id [%s] 429 " +
		"cluster_block_exception, retry later"},
	"too large": {"", ""},
}

func (w *writer) poisoned(o object, l *line) object {
	l.poison = w.oneOf("mapping", "mapping", "strict", "limit", "immense", "unheard")
	if limit := w.s.domain.limit; limit > 0 && w.traces == 0 && w.large < 3 && w.chance(0.3) {
		w.large++
		l.poison = "too large"
		return append(o, pair{"filler", w.text(limit*16/10 + w.IntN(limit))})
	}
	return append(o, pair{"poison", l.poison})
}
