package deliver

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var signed = []string{"AWS_Auth On", "AWS_Region eu-west-1", "Retry_Budget 0s"}

// podIdentity is the environment of a pod with EKS Pod Identity.
func podIdentity(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
}

func deny(w http.ResponseWriter, message string) bool {
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`)
	return true
}

const expired = "The security token included in the request is expired"

// TestExpiredTokenIsRenewedAndSentAtOnce has the domain refuse the first pair of keys, on a flush
// that has no time to wait.
func TestExpiredTokenIsRenewedAndSentAtOnce(t *testing.T) {
	podIdentity(t)
	for _, message := range []string{expired, "The security token included in " +
		"the request is invalid."} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
				return d.keys[len(d.keys)-1] == "KEY1" && deny(w, message)
			}
			out, log := start(t, d.domain, append(signed, "AWS_Credentials pod_identity")...)
			if !out.Flush("t", chunkOf(5, false, "x")) || d.in("eks-log") != 5 {
				t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
			}
			if !slices.Equal(d.keys, []string{"KEY1", "KEY2"}) || d.requests()[1] != 0 {
				t.Fatalf("signed by %v", d.keys)
			}
			if log.count("sending again at once") != 1 || log.count("error ") != 0 {
				t.Fatalf("one warning and no error expected:\n%s", log)
			}
		})
	}
}

// TestRenewedTwiceIsAnError has the domain refuse every pair of keys: one renewal in ten seconds,
// and an error in the log.
func TestRenewedTwiceIsAnError(t *testing.T) {
	podIdentity(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request,
			_ []byte) bool {
			return deny(w, expired)
		}
		out, log := start(t, d.domain, append(signed, "AWS_Credentials pod_identity")...)
		if out.Flush("t", chunkOf(5, false, "x")) {
			t.Fatal("settled")
		}
		if !slices.Equal(d.keys, []string{"KEY1", "KEY2"}) || log.count("cannot deliver: ") != 1 {
			t.Fatalf("signed by %v\n%s", d.keys, log)
		}
		time.Sleep(2 * maxBackoff) // the breaker is open
		if out.Flush("t", chunkOf(5, false, "x")) || log.count("sending again at once") != 1 {
			t.Fatalf("an error that goes on is told once\n%s", log)
		}
	})
}

// TestFixedKeysAreNotSentAgainAtOnce is a pair of keys in the environment: there are no others.
func TestFixedKeysAreNotSentAgainAtOnce(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "FIXED")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request,
			_ []byte) bool {
			return deny(w, expired)
		}
		out, log := start(t, d.domain, append(signed, "AWS_Credentials environment")...)
		if out.Flush("t", chunkOf(5, false, "x")) || !slices.Equal(d.keys, []string{"FIXED"}) {
			t.Fatalf("signed by %v\n%s", d.keys, log)
		}
	})
}

// TestClockIsCorrectedByTheDomain has a domain whose clock is an hour ahead.
func TestClockIsCorrectedByTheDomain(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "FIXED")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		var signedAt []string
		d.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			now := time.Now().Add(time.Hour).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			at := r.Header.Get("X-Amz-Date")
			signedAt = append(signedAt, at)
			return at < now.Add(-time.Minute).Format("20060102T150405Z") &&
				deny(w, "Signature expired: it is too old")
		}
		out, log := start(t, d.domain, append(signed, "AWS_Credentials environment")...)
		if !out.Flush("t", chunkOf(5, false, "x")) || len(signedAt) != 2 {
			t.Fatalf("signed at %v\n%s", signedAt, log)
		}
	})
}

// TestAtOnceIsNotForEver has a domain that always finds the clock wrong, each time with a remedy
// that promises to help: a flush tries it maxAtOnce times.
func TestAtOnceIsNotForEver(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "FIXED")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, date := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
				if !date {
					w.Header()["Date"] = nil // a server that does not tell its time cannot correct ours
				}
				return len(d.keys) < 50 && deny(w, "Signature expired: it is too old")
			}
			out, log := start(t, d.domain, append(signed, "AWS_Credentials environment")...)
			if out.Flush("t", chunkOf(5, false, "x")) {
				t.Fatalf("settled\n%s", log)
			}
			if want := map[bool]int{true: 1 + maxAtOnce, false: 1}[date]; len(d.keys) != want {
				t.Fatalf("%d requests, want %d\n%s", len(d.keys), want, log)
			}
			if log.count("sending again at once") > 1 || log.count("cannot deliver: ") != 1 {
				t.Fatalf("one warning at most, and one error expected:\n%s", log)
			}
		})
	}
}

// TestCredentialsExpiryIsAMetric is Live's Expires.
func TestCredentialsExpiryIsAMetric(t *testing.T) {
	podIdentity(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		out, _ := start(t, d.domain, append(signed, "AWS_Credentials pod_identity")...)
		if !out.Flush("t", chunkOf(5, false, "x")) ||
			time.Until(out.expires()).Round(time.Minute) != 6*time.Hour {
			t.Fatalf("expire at %v", out.expires())
		}
	})
}
