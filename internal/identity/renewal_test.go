package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdentityRenewal asks once a second and wants credentials that STS holds for good at each
// time, with few calls.
func TestIdentityRenewal(t *testing.T) {
	f := func(life, span time.Duration, least, most int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			sts := &fakeSTS{life: life}
			i := irsa(t, sts, tokenFile(t, token))
			for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(time.Second) {
				began := time.Now()
				c, err := i.Credentials(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if left := time.Until(c.Expires); left < time.Second {
					t.Fatalf("credentials of %s end in %s", life, left)
				}
				if waited := time.Since(began); waited != 0 {
					t.Fatalf("waited %s", waited)
				}
			}
			if n := sts.calls(); n < least || n > most {
				t.Errorf("%d calls for credentials of %s in %s, want %d to %d", n, life, span,
					least, most)
			}
		})
	}
	f(90*time.Second, 10*time.Minute, 12, 17)
	f(15*time.Minute, 3*time.Hour, 17, 21)
	f(time.Hour, 12*time.Hour, 14, 17)
}

// TestIdentityOutage has STS fail while credentials are good: deliveries go on until these end, STS
// is not hammered, and all is well soon after it is back.
func TestIdentityOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: 15 * time.Minute}
		i := irsa(t, sts, tokenFile(t, token))
		if _, err := i.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		ends := i.Expires()
		sts.refusal("", 503, "ServiceUnavailable", "down")
		for ; time.Until(ends) > 11*time.Second; time.Sleep(time.Second) {
			if _, err := i.Credentials(t.Context()); err != nil {
				t.Fatalf("%s before the end: %v", time.Until(ends), err)
			}
		}
		time.Sleep(time.Until(ends))
		before := sts.calls()
		for range 600 {
			if _, err := i.Credentials(t.Context()); err == nil {
				t.Fatal("expired credentials were given out")
			}
			time.Sleep(time.Second)
		}
		// Two calls each refresh, one refresh in 22 to 30 seconds.
		if n := sts.calls() - before; n < 40 || n > 70 {
			t.Errorf("%d calls in ten minutes of outage", n)
		}
		sts.set(func() { sts.fail = nil })
		back := time.Now()
		for {
			if _, err := i.Credentials(t.Context()); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
		if d := time.Since(back); d > maxBackoff+time.Second {
			t.Errorf("took %s to notice that STS is back", d)
		}
	})
}

// TestIdentityFailsFast wants no caller to wait between failed refreshes, and a new token file to
// be tried at once.
func TestIdentityFailsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour}
		file := filepath.Join(t.TempDir(), "token")
		i := irsa(t, sts, file)
		_, err := i.Credentials(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Kind != TokenFile || !errors.Is(err, os.ErrNotExist) ||
			!strings.Contains(err.Error(), file) ||
			!strings.Contains(err.Error(), "eks.amazonaws.com/role-arn") {
			t.Fatalf("got %v", err)
		}
		if sts.calls() != 0 {
			t.Error("STS was asked without a token")
		}
		began := time.Now()
		if _, again := i.Credentials(t.Context()); !errors.Is(again, err) ||
			time.Since(began) != 0 {
			t.Errorf("got %v after %s, want the same error at once", again, time.Since(began))
		}
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Credentials(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("the new token was not tried at once: %v", err)
		}
	})
}

func TestIdentitySingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour}
		i := irsa(t, sts, tokenFile(t, token))
		all := func() (keys map[string]int) {
			var mu sync.Mutex
			var wg sync.WaitGroup
			keys = map[string]int{}
			for range 50 {
				wg.Go(func() {
					c, err := i.Credentials(t.Context())
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					keys[c.AccessKeyID]++
				})
			}
			wg.Wait()
			return keys
		}
		if keys := all(); keys["ASIA1"] != 50 || sts.calls() != 1 {
			t.Fatalf("got %v after %d calls", keys, sts.calls())
		}
		for range 50 { // each worker's request was refused
			if !i.Invalidate("ASIA1") {
				t.Error("a worker does not send again at once")
			}
		}
		if keys := all(); keys["ASIA2"] != 50 || sts.calls() != 2 {
			t.Fatalf("got %v after %d calls", keys, sts.calls())
		}
		if !i.Invalidate("ASIA1") { // a late worker: these have gone
			t.Error("a late worker does not get the new ones at once")
		}
		if i.Invalidate("ASIA2") { // a server that refuses everything: not within 10 s
			t.Error("the new ones were refused at once, and another refresh is promised")
		}
		if keys := all(); keys["ASIA2"] != 50 || sts.calls() != 2 {
			t.Fatalf("got %v after %d calls", keys, sts.calls())
		}
		time.Sleep(minInvalidate)
		i.Invalidate("ASIA2")
		if keys := all(); keys["ASIA3"] != 50 || sts.calls() != 3 {
			t.Fatalf("got %v after %d calls", keys, sts.calls())
		}
	})
}

// TestIdentityBackgroundRenewal wants nobody to wait for a renewal that takes its time.
func TestIdentityBackgroundRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour}
		i := irsa(t, sts, tokenFile(t, token))
		if _, err := i.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		sts.set(func() { sts.block = make(chan struct{}) })
		time.Sleep(55 * time.Minute)
		if c, err := i.Credentials(t.Context()); err != nil || c.AccessKeyID != "ASIA1" {
			t.Fatalf("got %v, %v", c.AccessKeyID, err)
		}
		synctest.Wait()
		if sts.calls() != 2 {
			t.Errorf("%d calls, want the renewal to have begun", sts.calls())
		}
		close(sts.block)
		synctest.Wait()
		if c, err := i.Credentials(t.Context()); err != nil || c.AccessKeyID != "ASIA2" ||
			sts.calls() != 2 {
			t.Errorf("got %v, %v after %d calls", c.AccessKeyID, err, sts.calls())
		}
	})
}

// TestIdentityClose wants the refresh that runs to end with Close: the bubble fails if a goroutine
// is left.
func TestIdentityClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour, block: make(chan struct{})}
		i := irsa(t, sts, tokenFile(t, token))
		failed := make(chan error, 1)
		go func() {
			_, err := i.Credentials(t.Context())
			failed <- err
		}()
		synctest.Wait()
		began := time.Now()
		i.Close()
		if err := <-failed; err == nil || time.Since(began) != 0 {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		var e *Error
		if _, err := i.Credentials(t.Context()); !errors.As(err, &e) || e.Kind != Closed {
			t.Errorf("got %v after Close", err)
		}
	})
}

// TestIdentitySlowSTS has STS swallow calls: each is given up in time and the caller learns why.
func TestIdentitySlowSTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour, block: make(chan struct{})}
		i := irsa(t, sts, tokenFile(t, token))
		began := time.Now()
		_, err := i.Credentials(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Kind != Unreachable ||
			!strings.Contains(err.Error(), "interface endpoint") {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d > refreshTimeout {
			t.Errorf("took %s", d)
		}
	})
}

// TestIdentityClocks has this node's clock off by hours: STS's Date corrects it, for expiry and for
// signatures.
func TestIdentityClocks(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Hour, 5 * time.Hour, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			sts := &fakeSTS{life: time.Hour, skew: skew}
			i := irsa(t, sts, tokenFile(t, token))
			for range 120 {
				if _, err := i.Credentials(t.Context()); err != nil {
					t.Fatalf("skew %s: %v", skew, err)
				}
				time.Sleep(time.Minute)
			}
			if n := sts.calls(); n < 2 || n > 4 {
				t.Errorf("skew %s: %d calls in two hours", skew, n)
			}
		})
	}
}

// TestIdentityExpiredOnArrival has STS give out credentials that are over: an error, not a storm of
// calls.
func TestIdentityExpiredOnArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: -time.Minute}
		i := irsa(t, sts, tokenFile(t, token))
		for range 60 {
			var e *Error
			if _, err := i.Credentials(t.Context()); !errors.As(err, &e) || e.Kind != Expired {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := sts.calls(); n > 8 {
			t.Errorf("%d calls in a minute", n)
		}
	})
}
