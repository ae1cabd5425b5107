package strftime

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestStrftime compares with Go's own formats over many days.
func TestStrftime(t *testing.T) {
	f := func(text, layout string) {
		t.Helper()
		format, err := Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for sec := int64(0); sec < 4e9; sec += 86400*11 + 3661 {
			want := time.Unix(sec, 0).UTC().Format(layout)
			if got := string(format.Append(nil, sec)); got != want {
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
	format, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	var input, want strings.Builder
	for _, year := range []int{1970, 1999, 2000, 2020, 2024, 2025, 2026, 2027, 2028, 9999} {
		for _, day := range []int{1, 2, 3, 4, 5, 6, 7, 100, 360, 361, 362, 363, 364, 365} {
			at := time.Date(year, 1, day, day%24, 0, 0, 0, time.UTC)
			input.WriteString(at.Format("2006-01-02T15:04:05Z\n"))
			want.Write(append(format.Append(nil, at.Unix()), '\n'))
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
