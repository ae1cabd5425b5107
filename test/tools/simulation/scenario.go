package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A scenario is everything that a seed decides before the run: options, domain, what is written
// when, and what happens. It is data, so that it can be printed and made smaller.
type scenario struct {
	seed    uint64
	options []option
	domain  domainSpec
	sources []*source
	events  []event
}

type option struct{ name, value string }

func (s *scenario) option(name string) string {
	for _, o := range s.options {
		if o.name == name {
			return o.value
		}
	}
	return ""
}

// domainSpec is how the domain is all the time.
type domainSpec struct {
	// limit is the largest body it takes, in bytes; 0 for any. onWire counts them before gzip is
	// undone.
	limit         int
	onWire, early bool
	// noIDs is a Serverless collection that makes its own ids: it refuses others for each "item" or
	// the whole "request".
	noIDs string
	// stream says that the indices are data streams, which take nothing but create.
	stream bool
	// skew is the domain's clock minus the agent's.
	skew time.Duration
	// keyLife is how long credentials live, with AWS_Auth On.
	keyLife time.Duration
}

// A source is a file that tail reads: its lines, and the chunks in which they are first read.
type source struct {
	tag        string
	resolution time.Duration
	lines      []*line
	cuts       []cut
}

// A cut is the next n lines, handed over at a time after the start.
type cut struct {
	n  int
	at time.Duration
	// torn is the beginning of a record that Fluent Bit was killed in: it stands behind the lines.
	torn []byte
}

type line struct {
	source, n int
	at        time.Time
	body      object
	bytes     []byte // the whole record, as the chunk has it
	poison    string // why the domain will not take it
	odd       string // what is unusual about it, for people
}

func (l *line) name() string { return fmt.Sprintf("L%d.%d.", l.source, l.n) }

// An event happens at a time after the start. A fault lasts until another and hits each request, or
// item, with a probability.
type event struct {
	kind      string
	at, until time.Duration
	p         float64
	arg       string
}

// kinds of events of the agent; all others are the domain's faults.
const (
	restart  = "restart"                           // SIGTERM, and started again
	kill     = "kill"                              // kill -9, and started again
	reread   = "kill, tail DB deleted"             // every line is read again, in other cuts
	rewind   = "kill, tail DB older than the logs" // the last lines are read again
	reload   = "hot reload"                        // the new instance starts before the old one ends
	blocked  = "index blocked"
	explicit = "explicit index not allowed"
	expired  = "credentials expired"
	refusesL = "dead-letter index rejects"
	panics   = "panic" // where the next line of the log is written
)

func ofAgent(kind string) bool {
	switch kind {
	case restart, kill, reread, rewind, reload, panics:
		return true
	}
	return false
}

// draw makes the scenario of a seed.
func draw(seed uint64) *scenario {
	d := &drawing{Rand: rand.New(rand.NewPCG(seed, 0)), s: &scenario{seed: seed}}
	d.options()
	d.domain()
	d.sources()
	d.events()
	return d.s
}

type drawing struct {
	*rand.Rand
	s     *scenario
	large int  // lines that are too large for the domain
	torn  bool // chunks may end in the middle of a record
}

func (d *drawing) chance(p float64) bool { return d.Float64() < p }

func (d *drawing) oneOf(of ...string) string { return of[d.IntN(len(of))] }

// between draws a time, short ones as often as long ones.
func (d *drawing) between(low, high time.Duration) time.Duration {
	f := d.Float64()
	return low + time.Duration(float64(high-low)*f*f)
}

func (d *drawing) set(name, value string) {
	d.s.options = append(d.s.options, option{name, value})
}

func (d *drawing) options() {
	maybe := func(p float64, name string, values ...string) {
		if d.chance(p) {
			d.set(name, d.oneOf(values...))
		}
	}
	maybe(0.4, "Compress", "gzip")
	maybe(0.25, "Write_Operation", "index", "index", "upsert")
	if d.s.option("Write_Operation") != "upsert" {
		maybe(0.15, "Generate_ID", "Off")
		maybe(0.15, "Id_Key", "id", "$nested['id']")
	}
	if d.chance(0.2) && (d.s.option("Write_Operation") == "" ||
		d.s.option("Generate_ID") == "Off" && d.s.option("Id_Key") == "") {
		d.multiline()
	}
	maybe(0.7, "Index", "logs", "logs-%Y.%m.%d", "logs-$ns", "logs-%Y.%m.%d-$ns")
	maybe(0.3, "Max_Request_Size", "64K", "128K", "1M")
	maybe(0.25, "Dead_Letter_Path", "dead-letters.jsonl")
	maybe(0.3, "Retry_Budget", "0s", "1s", "20s")
	maybe(0.3, "Request_Timeout", "2s", "10s")
	if d.chance(0.25) {
		d.set("Include_Tag_Key", "On")
		maybe(0.7, "Tag_Key", "tag")
	}
	maybe(0.1, "Replace_Dots", "On")
	maybe(0.1, "Dedot", "Off")
	maybe(0.2, "Time_Key_Nanos", "On")
	maybe(0.75, "AWS_Auth", "Off")
	maybe(0.9, "Workers", "1", "2", "2", "4", "8", "32")
}

func (d *drawing) domain() {
	spec := &d.s.domain
	if d.chance(0.3) {
		// A real one is 10 MiB; the plugin's smallest request, 64 KiB, fits into any.
		spec.limit = 66<<10 + d.IntN(100<<10)
		spec.onWire, spec.early = d.chance(0.5), d.chance(0.3)
	}
	if d.chance(0.08) && d.s.option("Write_Operation") != "upsert" {
		spec.noIDs = d.oneOf("item", "item", "request")
	}
	spec.stream = d.s.joins() && d.s.option("Write_Operation") == "" && d.chance(0.15)
	spec.keyLife = 20*time.Minute + d.between(0, time.Hour)
	if d.chance(0.1) {
		spec.skew = time.Duration(d.IntN(1200)-600) * time.Second
	}
}

func (d *drawing) sources() {
	total := 0
	switch f := d.Float64(); {
	case f < 0.6:
		total = 5 + d.IntN(35)
	case f < 0.9:
		total = 40 + d.IntN(110)
	case f < 0.99:
		total = 150 + d.IntN(450)
	default:
		total = 1000 + d.IntN(2000)
	}
	d.torn = d.chance(0.05)
	n := 1 + d.IntN(3)
	if d.chance(0.4) {
		n = 1 + d.IntN(min(24, total/3+1))
	}
	base := time.Date(1999, 12, 31, 23, 59, 50, 0, time.UTC)
	if d.chance(0.6) {
		base = time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC)
	}
	oddity := []float64{0, 0.01, 0.05, 0.5}[d.IntN(4)]
	poison := []float64{0, 0, 0.02, 0.3}[d.IntN(4)]
	for i := range n {
		src := &source{tag: fmt.Sprintf("kube.var.log.pod-%d", i)}
		w := &writer{drawing: d, src: src, at: base, oddity: oddity, poison: poison, index: i}
		if d.s.joins() {
			w.traces, w.end = []float64{0.02, 0.1, 0.3}[d.IntN(3)], d.oneOf("", "", "\n", "\r\n")
		}
		w.write(max(1, total/n))
		d.s.sources = append(d.s.sources, w.src)
	}
}

// about shows a line: in full only what is unusual about it.
func (l *line) about() string {
	if l.odd == "" && l.poison == "" {
		return ""
	}
	text := strings.TrimSpace(l.poison + " " + l.odd)
	for _, p := range l.body {
		switch p.key {
		case "k", "log", "stream", "level", "took", "ns":
			if l.body[len(l.body)-1].key != p.key {
				continue
			}
		}
		text += fmt.Sprintf(" %.20q: %.60s", fmt.Sprint(p.key), fmt.Sprintf("%#v", p.value))
	}
	return text
}

// String is the schedule for people.
func (s *scenario) String() string {
	var b strings.Builder
	shown := 0
	for _, o := range s.options {
		fmt.Fprintf(&b, "  option  %s %s\n", o.name, o.value)
	}
	fmt.Fprintf(&b, "  domain  %+v\n", s.domain)
	for _, src := range s.sources {
		if len(src.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "  source  %s: %d lines, times in %s\n", src.tag, len(src.lines),
			src.resolution)
		first := 0
		for _, c := range src.cuts {
			fmt.Fprintf(&b, "    chunk at %s: %d lines", c.at.Round(time.Millisecond), c.n)
			if c.torn != nil {
				fmt.Fprintf(&b, " and %d bytes of a torn one", len(c.torn))
			}
			b.WriteByte('\n')
			for _, l := range src.lines[first : first+c.n] {
				if shown++; shown > 40 {
					continue
				}
				fmt.Fprintf(&b, "      %s %s %s\n", l.name(), l.at.Format("15:04:05.000000000"),
					l.about())
			}
			first += c.n
		}
	}
	for _, e := range s.events {
		fmt.Fprintf(&b, "  event   %s\n", e)
	}
	return b.String()
}

func (e event) String() string {
	if ofAgent(e.kind) {
		return fmt.Sprintf("at %s %s", e.at.Round(time.Millisecond), e.kind)
	}
	at, until := e.at.Round(time.Millisecond), e.until.Round(time.Millisecond)
	return fmt.Sprintf("%s to %s: %s %s, probability %.2f", at, until, e.kind, e.arg, e.p)
}
