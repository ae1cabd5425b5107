package equality

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"

	"github.com/tinylib/msgp/msgp"
)

// forward sends records as one chunk by the forward protocol (PackedForward mode), and returns once
// Fluent Bit has them: the option "chunk" asks for an acknowledgement.
func forward(t *testing.T, address, tag string, records []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stack.Patience)
	defer cancel()
	connection, err := dial(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	b := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), tag)
	b = msgp.AppendBytes(b, records)
	b = msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(b, 1), "chunk"), "equality")
	if _, err := connection.Write(b); err != nil {
		t.Fatalf("cannot send the corpus: %v", err)
	}
	answer := map[string]any{}
	if err := msgp.NewReader(connection).ReadMapStrIntf(answer); err != nil ||
		fmt.Sprint(answer["ack"]) != "equality" {
		t.Fatalf("Fluent Bit does not acknowledge the corpus: %v", answer)
	}
}

// dial connects to a listener that may not listen yet.
func dial(ctx context.Context, address string) (net.Conn, error) {
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return connection, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot connect to Fluent Bit: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
