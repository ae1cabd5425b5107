package identity

import (
	"cmp"
	"os"
	"regexp"
	"strings"
)

// sessionMax is how many characters STS allows a session's name.
const sessionMax = 64

var notInSession = regexp.MustCompile(`[^\w+=,.@-]+`)

// sessionName tells CloudTrail, and the domain's own log, which pod on which node a session is of:
// given, if a profile names one; else POD@NODE, from the service account's token, NODE_NAME and
// HOSTNAME.
func sessionName(given string, token claims, getenv func(string) string) string {
	if given != "" {
		return sanitize(given)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	pod := cmp.Or(token.Pod, getenv("HOSTNAME"), host)
	node := cmp.Or(token.Node, getenv("NODE_NAME"))
	switch {
	case node == "":
		return sanitize("opensearch-irsa-" + pod)
	case len(pod)+1+len(node) > sessionMax:
		node, _, _ = strings.Cut(node, ".") // the rest is the region's
	}
	return sanitize(pod[:min(len(pod), max(sessionMax-1-len(node), sessionMax/2))] + "@" + node)
}

func sanitize(session string) string {
	session = notInSession.ReplaceAllString(session, "-")
	return session[:min(len(session), sessionMax)]
}
