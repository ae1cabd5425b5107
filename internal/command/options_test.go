package command

import "testing"

func TestOptions(t *testing.T) {
	o := Options{}
	if err := o.Set("iNdex=a=b"); err != nil || o.Get("Index") != "a=b" {
		t.Errorf("got %q, %v", o.Get("Index"), err)
	}
	f := func(arg, want string) {
		t.Helper()
		if err := o.Set(arg); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %q", arg, err, want)
		}
	}
	f("Index", "write Name=value")
	f("=x", "write Name=value")
	f("Indx=x", "there is no option Indx; did you mean Index?")
	f("frobnicate=x", "there is no option frobnicate")
}
