package opensearch

import (
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds what a Retry-After header can ask for: whoever sent it may be a proxy that
// is wrong about the domain, and an hour's silence is an hour's logs on the node's disk.
const maxRetryAfter = time.Minute

// retryAfter reads a Retry-After header: seconds or a date, up to maxRetryAfter. 0 means that there
// is none, or none that makes sense.
func retryAfter(v string) time.Duration {
	if v == "" {
		return 0
	}
	if s, err := strconv.Atoi(v); err == nil {
		return max(0, min(time.Duration(s), maxRetryAfter/time.Second)*time.Second)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(t), maxRetryAfter))
	}
	return 0
}
