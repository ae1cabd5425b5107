package identity

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// TestPanicInARefreshIsAnError has the source of credentials panic, in a goroutine that nobody else
// guards.
func TestPanicInARefreshIsAnError(t *testing.T) {
	i := &Identity{now: time.Now, from: source{name: "a test",
		provider: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			panic("on purpose")
		})}}
	i.ctx, i.cancel = context.WithCancel(t.Context())
	defer i.Close()
	_, err := i.Credentials(t.Context())
	if err == nil || !strings.Contains(err.Error(), "recovered from panic (please "+
		"report it): on purpose") {
		t.Fatalf("%v", err)
	}
}
