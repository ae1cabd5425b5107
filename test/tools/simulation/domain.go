package simulation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A domain is a model of OpenSearch behind AWS's front door, as far as _bulk and _mget go: written
// from its documentation and from what the real one does, not from what the plugin expects. What a
// real one would refuse as malformed is a violation, and fails the run.
type domain struct {
	s     *scenario
	start time.Time

	mu         sync.Mutex // guards the rest
	r          *rand.Rand
	docs       map[string]map[string]*document // by index and id
	auto       int
	violations []string
	requests   int
	// excused counts, by index and form, the documents without id of which the agent could not know
	// that they were stored.
	excused map[string]int
	keys    map[string]time.Time // access keys that are taken, until when
	issued  int
	revoked map[int]bool // the events by which keys were revoked
}

type document struct {
	raw     []byte
	form    string
	version int
}

func newDomain(s *scenario) *domain {
	return &domain{s: s, start: time.Now(), r: rand.New(rand.NewPCG(s.seed, 1)),
		docs: map[string]map[string]*document{}, excused: map[string]int{}, keys: map[string]time.Time{}, revoked: map[int]bool{}}
}

func (d *domain) violation(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.violations = append(d.violations, fmt.Sprintf(format, args...))
}

// hit returns the first fault of these kinds that is on now and strikes.
func (d *domain) hit(is func(kind string) bool) *event {
	now := time.Since(d.start)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.s.events {
		e := &d.s.events[i]
		if !ofAgent(e.kind) && is(e.kind) && now >= e.at && now < e.until &&
			(e.p >= 1 || d.r.Float64() < e.p) {
			return e
		}
	}
	return nil
}

func (d *domain) on(kind string) bool {
	return d.hit(func(k string) bool { return k == kind }) != nil
}

func (d *domain) draw(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.r.Int64N(int64(most)))
}

// dialing is the time that a connection takes, or why there is none.
func (d *domain) dialing(ctx context.Context, address string) error {
	if address == agentAddress {
		return nil
	}
	if d.on("connection refused") {
		return errRefused
	}
	if d.on("connecting hangs") {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second): // as the plugin's own dialer
		}
		return errDialTimeout
	}
	return nil
}

// serve answers the requests of a connection.
func (d *domain) serve(address string, c *conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if address == agentAddress {
			d.credentials(c)
			return
		}
		a := d.answer(req, c)
		if a == nil {
			return
		}
		if !a.send(c) {
			d.excuse(a.stored)
			// Whoever waits for an answer that does not come gives up some time.
			_, _ = in.ReadByte()
			return
		}
		if _, err := in.Peek(1); err != nil && c.out.unread() {
			d.excuse(a.stored)
			return
		}
		if a.last {
			return
		}
	}
}

// An answer is what goes back. send returns false if it could not be sent whole.
type answer struct {
	status     int
	contentT   string
	retryAfter string
	date       time.Time
	body       []byte
	last       bool     // the connection ends behind it
	cut        float64  // only this part of it, if not 0
	never      bool     // nothing of it
	reset      bool     // a reset instead of it
	stored     []string // documents without id that were stored, by index and form
}

func (a *answer) send(c *conn) bool {
	if a.reset {
		c.reset()
		return false
	}
	if a.never {
		return false
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nDate: %s\r\n",
		a.status, http.StatusText(a.status), a.contentT, len(a.body), a.date.UTC().Format(http.TimeFormat))
	if a.retryAfter != "" {
		fmt.Fprintf(&b, "Retry-After: %s\r\n", a.retryAfter)
	}
	if a.last {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	b.Write(a.body)
	if a.cut > 0 {
		b.Truncate(int(a.cut * float64(b.Len())))
	}
	_, err := c.Write(b.Bytes())
	if a.cut > 0 {
		_ = c.Close()
		return false
	}
	return err == nil
}

func (d *domain) excuse(stored []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range stored {
		d.excused[key]++
	}
}

// answer handles one request with the faults that are on. nil means that the connection is over.
func (d *domain) answer(req *http.Request, c *conn) *answer {
	d.mu.Lock()
	d.requests++
	d.mu.Unlock()
	a := &answer{status: 200, contentT: "application/json; charset=UTF-8",
		date: time.Now().Add(d.s.domain.skew)}
	limit := d.s.domain.limit
	if limit > 0 && d.s.domain.early && req.ContentLength > int64(limit) {
		d.tooLarge(a)
		a.last = true // the body is not read
		return a
	}
	if d.on("reset while sending") {
		_, _ = io.CopyN(io.Discard, req.Body, req.ContentLength/2)
		c.reset()
		return nil
	}
	wire, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	time.Sleep(time.Millisecond + d.draw(30*time.Millisecond))
	if d.on("slow") {
		time.Sleep(d.draw(30 * time.Second))
	}
	if d.on("reset before") {
		c.reset()
		return nil
	}
	if d.on("no answer before") {
		a.never = true
		return a
	}
	if e := d.hit(func(kind string) bool { _, ok := wholes[kind]; return ok }); e != nil {
		w := wholes[e.kind]
		a.status, a.body, a.retryAfter = w.status, []byte(w.body), e.arg
		if e.arg == "date" {
			a.retryAfter = time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
		}
		if strings.HasPrefix(w.body, "<") {
			a.contentT = "text/html"
		}
		return a
	}
	d.handle(req, wire, a)
	switch {
	case d.on("reset after"):
		a.reset = true
	case d.on("no answer after"):
		a.never = true
	case d.on("cut answer"):
		a.cut = 0.05 + 0.9*float64(d.draw(1000))/1000
	}
	return a
}

func (d *domain) tooLarge(a *answer) {
	a.status, a.body = 413, []byte(`{"Message":"Request size exceeded 10485760 bytes"}`)
}

// handle is the domain without its faults of the network.
func (d *domain) handle(req *http.Request, wire []byte, a *answer) {
	if d.s.option("AWS_Auth") != "Off" && !d.signed(req, wire, a) {
		return
	}
	limit := d.s.domain.limit
	if limit > 0 && d.s.domain.onWire && len(wire) > limit {
		d.tooLarge(a)
		return
	}
	body := wire
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(wire))
		if err == nil {
			z.Multistream(false) // as netty's decoder
			body, err = io.ReadAll(z)
		}
		if err != nil {
			d.violation("a body that is no gzip: %v", err)
			return
		}
	}
	if limit > 0 && len(body) > limit {
		d.tooLarge(a)
		return
	}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	index := ""
	if len(parts) == 2 {
		index = parts[0]
	}
	switch what := parts[len(parts)-1]; {
	case req.Method == "POST" && len(parts) <= 2 && what == "_bulk":
		d.bulk(req, index, body, a)
	case req.Method == "POST" && len(parts) <= 2 && what == "_mget":
		d.mget(index, body, a)
	default:
		d.violation("an unknown request: %s %s", req.Method, req.URL)
		a.refuse(404, "", "no handler found for uri")
	}
}

// refuse is an answer to the whole request.
func (a *answer) refuse(status int, kind, reason string) {
	cause := fmt.Sprintf(`{"type":%q,"reason":%s}`, kind, quote(reason))
	a.status = status
	a.body = fmt.Appendf(nil, `{"error":{"root_cause":[%s],"type":%q,"reason":%s},"status":%d}`,
		cause, kind, quote(reason), status)
}

// agentAddress is where EKS Pod Identity gives out credentials.
const agentAddress = "169.254.170.23:80"

// credentials answers as the node's agent does.
func (d *domain) credentials(c *conn) {
	a := &answer{status: 200, contentT: "application/json", date: time.Now(), last: true}
	if d.on(expired) && d.draw(2) == 0 {
		a.status, a.body = 500, []byte(`{"message":"internal"}`)
		a.send(c)
		return
	}
	d.mu.Lock()
	d.issued++
	key := fmt.Sprintf("ASIA%016d", d.issued)
	until := time.Now().Add(d.s.domain.skew + d.s.domain.keyLife) // AWS's clocks agree
	d.keys[key] = until
	d.mu.Unlock()
	a.body = fmt.Appendf(nil, `{"AccessKeyId":%q,"SecretAccessKey":"secret","Token":"token","Expiration":%q}`, key, until.UTC().Format(time.RFC3339))
	a.send(c)
}

// signed checks what a signature says; that it is right is test/fixtures/localaws's.
func (d *domain) signed(req *http.Request, wire []byte, a *answer) bool {
	_, rest, ok := strings.Cut(req.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=")
	key, _, _ := strings.Cut(rest, "/")
	if !ok {
		d.violation("a request without signature: %v", req.Header)
		return false
	}
	sum := sha256.Sum256(wire)
	if got := req.Header.Get("X-Amz-Content-Sha256"); got != "" &&
		got != hex.EncodeToString(sum[:]) {
		d.violation("the signed hash %s is not the body's", got)
	}
	deny := func(format string, args ...any) bool {
		a.status, a.body = 403, fmt.Appendf(nil, `{"message":%s}`,
			quote(fmt.Sprintf(format, args...)))
		return false
	}
	const stamp = "20060102T150405Z"
	at, _ := time.Parse(stamp, req.Header.Get("X-Amz-Date"))
	now := a.date.UTC()
	switch {
	case at.Before(now.Add(-5 * time.Minute)):
		return deny("Signature expired: %s is now earlier than %s (%s - 5 min.)", at.Format(stamp),
			now.Add(-5*time.Minute).Format(stamp), now.Format(stamp))
	case at.After(now.Add(5 * time.Minute)):
		return deny("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			at.Format(stamp), now.Add(5*time.Minute).Format(stamp), now.Format(stamp))
	}
	d.mu.Lock()
	for i := range d.s.events { // a session that is revoked stays so
		if e := &d.s.events[i]; e.kind == expired && time.Since(d.start) >= e.at && !d.revoked[i] {
			d.revoked[i] = true
			clear(d.keys)
		}
	}
	until, known := d.keys[key]
	d.mu.Unlock()
	if !known || now.After(until) {
		return deny("The security token included in the request is expired")
	}
	return true
}
