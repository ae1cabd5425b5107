package identity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// readToken reads the token that the kubelet keeps fresh. given names what puts the file there.
func readToken(path, given string) (string, error) {
	b, err := os.ReadFile(path) // #nosec G304 -- the path that EKS gives the pod
	token := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", &Error{Kind: TokenFile,
			Summary: fmt.Sprintf("cannot read the token file %q", path), Err: err,
			Remedy: fmt.Sprintf("EKS's webhook mounts it when the pod is created, if its service "+
				"account has %s: delete the pod after that, and mount nothing over the directory", given)}
	case token == "":
		return "", &Error{Kind: TokenFile, Summary: fmt.Sprintf("the token file %q is empty", path),
			Remedy: "the kubelet writes it: look at the pod's events"}
	}
	return token, nil
}

// fileStamp tells one version of a file from the next.
type fileStamp struct {
	modified time.Time
	size     int64
}

// stamp is zero if there is no file. The kubelet replaces the file as a whole, so its time changes.
func stamp(path string) fileStamp {
	if path == "" {
		return fileStamp{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// claims are what a trust policy looks at in a token, and the pod and node that it is bound to.
// They are no secret; the token is.
type claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	Pod, Node string // "" where the cluster does not say
}

// readClaims decodes a token's claims without verifying it, for an error's text and a session's
// name alone. Anything else than a JWT has none.
func readClaims(token string) claims {
	b, ok := payload(token)
	if !ok {
		return claims{}
	}
	var c struct {
		Iss string          `json:"iss"`
		Sub string          `json:"sub"`
		Aud json.RawMessage `json:"aud"`
		K8s struct {
			Pod  struct{ Name string } `json:"pod"`
			Node struct{ Name string } `json:"node"`
		} `json:"kubernetes.io"`
	}
	if json.Unmarshal(b, &c) != nil {
		return claims{}
	}
	out := claims{Issuer: c.Iss, Subject: c.Sub, Pod: c.K8s.Pod.Name, Node: c.K8s.Node.Name}
	var one string
	if json.Unmarshal(c.Aud, &one) == nil {
		out.Audience = []string{one}
	} else if json.Unmarshal(c.Aud, &out.Audience) != nil {
		out.Audience = nil
	}
	return out
}

// payload is the middle part of a JWT.
func payload(token string) ([]byte, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	return b, err == nil
}
