package simulation

import (
	"fmt"
	"slices"
	"time"
)

// wholes are answers to a whole request that was not looked at.
var wholes = map[string]struct {
	status int
	body   string
}{
	"429":           {429, `{"error":{"root_cause":[{"type":"rejected_execution_exception","reason":"rejected execution of coordinating operation"}],"type":"rejected_execution_exception","reason":"rejected execution of coordinating operation"},"status":429}`},
	"429 from AWS":  {429, `{"message":"Too Many Requests"}`},
	"403 throttled": {403, `{"message":"Rate exceeded"}`},
	"503":           {503, `{"message":null}`},
	"503 page":      {503, "<html><body><b>Http/1.1 Service Unavailable</b></body> </html>"},
	"502 page":      {502, page("502 Bad Gateway")},
	"504 page":      {504, page("504 Gateway Time-out")},
	"400 page":      {400, page("400 Bad Request")},
	"403 page":      {403, page("403 Forbidden")},
	"404 page":      {404, page("404 Not Found")},
	"418 page":      {418, page("418 I'm a teapot")},
	"200 page":      {200, page("Sign in to the network")},
	"200 empty":     {200, ""},
	"500":           {500, `{"error":{"root_cause":[{"type":"null_pointer_exception","reason":null}],"type":"null_pointer_exception","reason":null},"status":500}`},
	"503 blocked":   {503, `{"error":{"root_cause":[{"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"}],"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"},"status":503}`},
}

func page(title string) string {
	return fmt.Sprintf("<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", title)
}

// ofConnections and ofItems are the other faults.
var (
	ofConnections = []string{"reset before", "reset while sending", "reset after", "cut answer",
		"no answer before", "no answer after", "connection refused", "connecting hangs", "slow"}
	ofItems = []string{"items 429", "items 503", "items 403 security",
		"items 404 index missing"}
)

var retryAfters = []string{"", "", "", "0", "1", "30", "3600", "86400", "-5", "soon", "1e9",
	"99999999999999999999", "date"}

func (d *drawing) events() {
	faults := []int{0, 1, 1, 2, 3, 5}[d.IntN(6)]
	wholeKinds := []string{}
	for kind := range wholes {
		wholeKinds = append(wholeKinds, kind)
	}
	slices.Sort(wholeKinds)
	for range faults {
		e := event{at: d.between(0, time.Minute), p: 1}
		e.until = e.at + d.between(100*time.Millisecond, 3*time.Minute)
		if d.chance(0.5) {
			e.p = d.Float64()
		}
		switch d.IntN(8) {
		case 0, 1:
			e.kind = d.oneOf(wholeKinds...)
			e.arg = d.oneOf(retryAfters...)
		case 2, 3:
			e.kind = d.oneOf(ofConnections...)
		case 4:
			e.kind = d.oneOf(ofItems...)
		case 5:
			e.kind, e.arg = blocked, d.oneOf("read-only", "flood", "dead letters", "closed")
		case 6:
			e.kind = d.oneOf(explicit, refusesL)
		case 7:
			e.kind = d.oneOf(expired, "429")
			e.arg = d.oneOf(retryAfters...)
		}
		d.s.events = append(d.s.events, e)
	}
	for range []int{0, 0, 1, 1, 2, 3}[d.IntN(6)] {
		d.s.events = append(d.s.events,
			event{kind: d.oneOf(restart, kill, reread, rewind, reload),
				at: d.between(0, 90*time.Second)})
	}
	for range []int{0, 0, 0, 0, 1, 2}[d.IntN(6)] {
		d.s.events = append(d.s.events, event{kind: panics, at: d.between(0, 2*time.Minute)})
	}
}
