package localaws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// answer is a refusal by the front door, as domains give it. What the IAM layer says of a signature has "message" as its key, what
// it says of a permission "Message"; reports of users show both spellings.
type answer struct {
	status int
	body   string
}

// unavailable is what a domain's load balancer says when nothing answers behind it.
var unavailable = answer{http.StatusServiceUnavailable, "<html><body><b>Http/1.1 Service Unavailable</b></body> </html>"}

// unauthenticated is the answer to a signature that is missing or not right.
func unauthenticated(r refusal) answer {
	return answer{http.StatusForbidden, object("message", r.message)}
}

// unauthorized is the answer to a role whose policy does not let it in.
func unauthorized(caller, action string, d decision) answer {
	text := "User: " + caller + " is not authorized to perform: " + action
	if d == denied {
		return answer{http.StatusForbidden, object("Message", text+" with an explicit deny in an identity-based policy")}
	}
	return answer{http.StatusForbidden, object("Message", text+" because no identity-based policy allows the "+action+" action")}
}

// deniedByDomain is the answer to a role that the domain's access policy shuts out.
func deniedByDomain(caller, action string) answer {
	return answer{http.StatusForbidden, object("Message", "User: "+caller+" is not authorized to perform: "+action+" with an explicit deny in a resource-based policy")}
}

// anonymous is the answer to a request that nobody signed: the domain's access policy names roles only.
func anonymous(action string) answer {
	return answer{http.StatusForbidden, object("Message",
		"User: anonymous is not authorized to perform: "+action+" because no resource-based policy allows the "+action+" action")}
}

// tooLarge is the answer to a body over the limit of the domain's instance type.
func tooLarge(limit int64) answer {
	return answer{http.StatusRequestEntityTooLarge, object("Message", fmt.Sprintf("Request size exceeded %d bytes", limit))}
}

// throttled is the answer to a request too many.
func throttled(t Throttle, path string) answer {
	switch t {
	case Throttle403:
		return answer{http.StatusForbidden, object("message", "Rate exceeded")}
	case ThrottleIdentities:
		return answer{http.StatusTooManyRequests, object("message",
			"You have exceeded the number of permissible concurrent requests with unique IAM Identities. Please retry.")}
	default:
		return answer{http.StatusTooManyRequests, "429 Too Many Requests " + path}
	}
}

func (a answer) write(w http.ResponseWriter) {
	switch {
	case strings.HasPrefix(a.body, "{"):
		w.Header().Set("Content-Type", "application/json")
	case strings.HasPrefix(a.body, "<"):
		w.Header().Set("Content-Type", "text/html")
	default:
		w.Header().Set("Content-Type", "text/plain;charset=ISO-8859-1")
	}
	w.Header().Set("X-Amzn-Requestid", randomUUID())
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // a client that left is no error of the server
}

func object(key, value string) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]string{key: value}); err != nil {
		panic(err) // a map of strings can always be encoded
	}
	return strings.TrimSuffix(text.String(), "\n")
}
