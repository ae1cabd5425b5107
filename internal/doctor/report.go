package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Status is how a link was found.
type Status string

// The ways.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and will hurt
	Broken  Status = "broken"
	Skipped Status = "skipped" // not checked
)

// A Check is what was found of one link.
type Check struct {
	// ID is the link's name for machines. It does not change between versions.
	ID string `json:"id"`
	// Output is the output it belongs to, as Fluent Bit's log names it; "" for the configuration as
	// a whole.
	Output string `json:"output,omitempty"`
	// Title is the link's name for people.
	Title  string `json:"title"`
	Status Status `json:"status"`
	// Summary says in one line what was found, or why it was not looked for.
	Summary string `json:"summary"`
	// Remedy says what to change; "" where there is nothing.
	Remedy string `json:"remedy,omitempty"`
	// BlockedBy is the id of the broken link without which this one cannot be checked; "" for none.
	BlockedBy string `json:"blocked_by,omitempty"`
}

// A Report is all that was found, as --json prints it.
type Report struct {
	Version string `json:"version"`
	Config  string `json:"config"`
	// Result is broken if a link is, else warning if there is one, else ok.
	Result Status         `json:"result"`
	Counts map[Status]int `json:"counts"`
	Checks []Check        `json:"checks"`

	secrets *strings.Replacer // what no line may hold
}

// hide makes sure that these values are in no line, whoever quotes them.
func (r *Report) hide(secrets ...string) {
	var pairs []string
	for _, s := range secrets {
		if len(s) > 3 { // shorter ones would make holes in every word
			pairs = append(pairs, s, "[redacted]")
		}
	}
	r.secrets = strings.NewReplacer(pairs...)
}

func (r *Report) add(c Check) {
	if r.secrets != nil {
		c.Summary, c.Remedy = r.secrets.Replace(c.Summary), r.secrets.Replace(c.Remedy)
	}
	r.Checks = append(r.Checks, c)
}

// finish counts.
func (r *Report) finish() {
	r.Result, r.Counts = OK, map[Status]int{OK: 0, Warning: 0, Broken: 0, Skipped: 0}
	for _, c := range r.Checks {
		r.Counts[c.Status]++
		if c.Status == Broken || c.Status == Warning && r.Result == OK {
			r.Result = c.Status
		}
	}
}

func (r *Report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// looks are a status's mark and its colour.
var looks = map[Status]struct{ mark, colour string }{
	OK: {"✓", "\x1b[32m"}, Warning: {"!", "\x1b[33m"}, Broken: {"✗", "\x1b[31m"},
	Skipped: {"–", "\x1b[2m"},
}

const (
	titleWidth = 15
	lineWidth  = 110
)

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer, colour bool) error {
	var b strings.Builder
	output := ""
	for i := 0; i < len(r.Checks); i++ {
		c := r.Checks[i]
		if c.Output != output {
			output = c.Output
			fmt.Fprintf(&b, "\n%s\n", output)
		}
		if c.BlockedBy != "" {
			i, c = r.gather(i)
		}
		look := looks[c.Status]
		mark := look.mark
		if colour {
			mark = look.colour + mark + "\x1b[0m"
		}
		fmt.Fprintf(&b, "%s %s", mark,
			c.Title+strings.Repeat(" ", max(1, titleWidth-utf8.RuneCountInString(c.Title))))
		indent := strings.Repeat(" ", titleWidth+2)
		b.WriteString(wrap(c.Summary, indent) + "\n")
		if c.Remedy != "" {
			b.WriteString(indent + wrap("→ "+c.Remedy, indent+"  ") + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d passed, %d broken, %d warnings, %d not checked\n", r.Counts[OK],
		r.Counts[Broken], r.Counts[Warning], r.Counts[Skipped])
	_, err := io.WriteString(w, b.String())
	return err
}

// gather makes one line of the checks from i on that wait for the same broken link, and returns the
// last one's place.
func (r *Report) gather(i int) (last int, c Check) {
	first := r.Checks[i]
	var titles []string
	for last = i; last < len(r.Checks) && r.Checks[last].BlockedBy == first.BlockedBy &&
		r.Checks[last].Output == first.Output; last++ {
		titles = append(titles, r.Checks[last].Title)
	}
	_, why, _ := strings.Cut(first.Summary, ": ")
	return last - 1, Check{Status: Skipped, Title: "not checked",
		Summary: strings.Join(titles, ", ") + ": " + why}
}

// wrap breaks a text into lines at its spaces; each but the first begins with indent, and the first
// stands behind as much.
func wrap(text, indent string) string {
	var b strings.Builder
	at := len(indent)
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > lineWidth:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// isTerminal tells whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
