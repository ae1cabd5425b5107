package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// fault is a way in which a domain fails.
type fault struct {
	// chance is the share of requests that meet it, from 0 to 1.
	chance float64
	// above spares requests of so many bytes or less.
	above int64
	// meet is what happens to them; nil for a fault of single items.
	meet func(*exchange)
	// items is the share of items that are refused.
	items float64
}

func (f *fault) strikes(r *http.Request) bool {
	return r.ContentLength > f.above && rand.Float64() < f.chance
}

// The faults. Each returns a new one, with the share of requests that meet it.

func tooManyRequests(chance float64) *fault {
	return &fault{chance: chance, meet: func(x *exchange) {
		if rand.IntN(2) == 0 {
			x.w.Header().Set("Retry-After", "1")
		}
		x.refuse(http.StatusTooManyRequests, "text/plain;charset=ISO-8859-1",
			"429 Too Many Requests "+x.r.URL.Path)
	}}
}

func unavailable(chance float64) *fault {
	return &fault{chance: chance, meet: func(x *exchange) {
		x.refuse(http.StatusServiceUnavailable, "text/html", "<html><body><b>Http/1.1 Service "+
			"Unavailable</b></body> </html>")
	}}
}

func resetBefore(chance float64) *fault {
	return &fault{chance: chance, meet: (*exchange).reset}
}

func resetAfter(chance float64) *fault {
	return &fault{chance: chance, meet: func(x *exchange) {
		x.forward()
		x.reset()
	}}
}

func cutInHalf(chance float64) *fault {
	return &fault{chance: chance, meet: func(x *exchange) { x.forward().writeHalf(x.w) }}
}

// tooSlow stores what is asked, and answers only when nobody waits any more.
func tooSlow(chance float64) *fault {
	return &fault{chance: chance, meet: func(x *exchange) {
		answered := x.forward()
		select {
		case <-x.r.Context().Done():
		case <-time.After(time.Minute):
			answered.writeTo(x.w) // the agent has no timeout: the row will say that nothing failed
		}
	}}
}

// tooLarge refuses requests above a limit in bytes, as a smaller domain does.
func tooLarge(limit int64) *fault {
	return &fault{chance: 1, above: limit, meet: func(x *exchange) {
		x.refuse(http.StatusRequestEntityTooLarge, "application/json",
			`{"Message":"Request size exceeded the limit"}`)
	}}
}

func someItems(share float64) *fault { return &fault{items: share} }
