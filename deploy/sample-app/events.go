package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// app is what logs: most of it to the standard output, what went wrong to the standard error.
type app struct {
	out, err *bufio.Writer
	now      func() time.Time
	events   int // how many were logged
}

// event logs the next event, in the form that is its turn.
func (a *app) event() error {
	a.events++
	n := a.events
	form := forms[(n-1)%len(forms)]
	to := a.out
	if form.wrong {
		to = a.err
	}
	for line := range strings.Lines(form.text(n, a.now().UTC())) {
		if _, err := to.WriteString(line); err != nil {
			return fmt.Errorf("cannot log event %d: %w", n, err)
		}
		if err := to.Flush(); err != nil {
			return fmt.Errorf("cannot log event %d: %w", n, err)
		}
	}
	return nil
}

// forms are what events look like, in turn. Each text ends in a newline and has "event=N" or "event":N once.
var forms = []struct {
	text  func(n int, at time.Time) string
	wrong bool
}{
	{text: plain}, {text: structured}, {text: plain}, {text: structured},
	{text: goPanic, wrong: true},
	{text: plain}, {text: structured}, {text: javaException, wrong: true}, {text: plain},
	{text: pythonTraceback, wrong: true},
}

func plain(n int, at time.Time) string {
	return fmt.Sprintf("%s INFO  event=%d GET /orders/%d 200 in %d ms\n", at.Format("15:04:05.000"),
		n, n*7, n%250)
}

func structured(n int, at time.Time) string {
	text, err := json.Marshal(map[string]any{
		"time": at.Format(time.RFC3339Nano), "level": []string{"info", "warn"}[n%2], "event": n, "message": "order \"placed\"",
		"order": map[string]any{"id": fmt.Sprintf("o-%06d", n), "total": float64(n%1000) + 0.99}, "duration_ms": n % 250,
	})
	if err != nil {
		panic(err) // of text and numbers
	}
	return string(text) + "\n"
}

func goPanic(n int, _ time.Time) string {
	return fmt.Sprintf(`panic: runtime error: index out of range [%d] with length 3, event=%d

goroutine 1 [running]:
main.(*cart).item(...)
	/src/shop/cart.go:41
main.checkout(0xc000012345, 0x%x)
	/src/shop/checkout.go:97 +0x1d
main.main()
	/src/shop/main.go:12 +0x85
`, n, n, n)
}

func javaException(n int, _ time.Time) string {
	return fmt.Sprintf(`Exception in thread "main" com.example.shop.PaymentException: card refused, event=%d
	at com.example.shop.Payment.charge(Payment.java:58)
	at com.example.shop.Checkout.run(Checkout.java:112)
	at java.base/java.lang.Thread.run(Thread.java:1583)
Caused by: java.io.IOException: connection reset
	at com.example.shop.Bank.ask(Bank.java:23)
	... 2 more
`, n)
}

func pythonTraceback(n int, _ time.Time) string {
	return fmt.Sprintf(`Traceback (most recent call last):
  File "/app/shop.py", line 31, in <module>
    main()
  File "/app/shop.py", line 12, in main
    raise ValueError("no stock, event=%d")
ValueError: no stock
`, n)
}
