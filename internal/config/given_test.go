package config

import "testing"

func TestGiven(t *testing.T) {
	g := Given{}
	if err := g.Set("iNdex=a=b"); err != nil || g.Get("Index") != "a=b" {
		t.Errorf("got %q, %v", g.Get("Index"), err)
	}
	f := func(arg, want string) {
		t.Helper()
		if err := g.Set(arg); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %q", arg, err, want)
		}
	}
	f("Index", "write Name=value")
	f("=x", "write Name=value")
	f("Indx=x", "there is no option Indx; did you mean Index?")
	f("frobnicate=x", "there is no option frobnicate")
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("%q to %q: %d, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("abc", "", 3)
	f("", "abc", 3)
	f("indx", "index", 1)
	f("kitten", "sitting", 3)
	f("same", "same", 0)
}
