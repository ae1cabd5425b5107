package command

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := Progress{Out: &out, What: "dead letters"}
		p.Start(1000)
		p.Add(100)
		if out.Len() > 0 {
			t.Errorf("a line at once: %q", out.String())
		}
		time.Sleep(10 * time.Second)
		p.Add(400)
		if want := "500 of 1000 dead letters, 50 a second, 500 left\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}
