package localaws

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
)

const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingTime      = "20060102T150405Z"
)

// refusal is why a signed request is not accepted: the code that STS and the JSON services give, and AWS's sentence.
type refusal struct {
	code    string
	message string
}

// verifier checks Signature Version 4 for one service in one region.
type verifier struct {
	iam     *IAM
	region  string // empty: any, as long as signature and scope agree
	service string
	skew    time.Duration // how far the signing time may be from now, either way
}

// authorization is the parsed Authorization header.
type authorization struct {
	accessKeyID   string
	date          string // yyyymmdd
	region        string
	service       string
	scope         string // date/region/service/aws4_request
	signedHeaders []string
	signature     string
}

// verify recomputes the signature of a request whose body was read already. It returns the session that signed, or why not.
// The payload hash is always that of the body: UNSIGNED-PAYLOAD is never accepted.
func (v verifier) verify(r *http.Request, body []byte, now time.Time) (session, *refusal) {
	header := r.Header.Get("Authorization")
	if !strings.HasPrefix(header, signingAlgorithm) {
		return session{}, &refusal{"MissingAuthenticationToken", "Missing Authentication Token"}
	}
	auth, refused := parseAuthorization(header)
	if refused != nil {
		return session{}, refused
	}
	date := r.Header.Get("X-Amz-Date")
	signedAt, err := time.Parse(signingTime, date)
	if err != nil {
		return session{}, &refusal{"IncompleteSignature",
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=" + redactSignature(header)}
	}
	s, known := v.iam.session(auth.accessKeyID)
	token := r.Header.Get("X-Amz-Security-Token")
	if !known || subtle.ConstantTimeCompare([]byte(token), []byte(s.sessionToken)) != 1 {
		return session{}, &refusal{"InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	if !time.Now().Before(s.expires) {
		return session{}, &refusal{"ExpiredToken", "The security token included in the request is expired"}
	}
	if refused := v.checkScope(auth, date, signedAt, now); refused != nil {
		return session{}, refused
	}
	canonical, refused := canonicalRequest(r, auth.signedHeaders, body)
	if refused != nil {
		return session{}, refused
	}
	toSign := stringToSign(canonical, date, auth.scope)
	if !hmac.Equal([]byte(auth.signature), []byte(sign(s.secret, auth, toSign))) {
		return session{}, &refusal{"SignatureDoesNotMatch", mismatch(canonical, toSign)}
	}
	return s, nil
}

// parseAuthorization reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`; a blank after a comma is optional.
func parseAuthorization(header string) (authorization, *refusal) {
	fields := map[string]string{}
	for _, part := range strings.Split(strings.TrimPrefix(header, signingAlgorithm), ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if found {
			fields[name] = value
		}
	}
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			return authorization{}, &refusal{"IncompleteSignature",
				"Authorization header requires '" + name + "' parameter. Authorization=" + redactSignature(header)}
		}
	}
	id, scope, _ := strings.Cut(fields["Credential"], "/")
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || parts[3] != "aws4_request" {
		return authorization{}, &refusal{"IncompleteSignature",
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + fields["Credential"] + "'"}
	}
	return authorization{
		accessKeyID: id, date: parts[0], region: parts[1], service: parts[2], scope: scope,
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}, nil
}

// checkScope judges date, region and service of the credential, and the clock.
func (v verifier) checkScope(auth authorization, date string, signedAt, now time.Time) *refusal {
	minutes := int(v.skew / time.Minute)
	at := func(t time.Time) string { return t.UTC().Format(signingTime) }
	switch {
	case signedAt.Before(now.Add(-v.skew)):
		return &refusal{"SignatureDoesNotMatch", fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			date, at(now.Add(-v.skew)), at(now), minutes)}
	case signedAt.After(now.Add(v.skew)):
		return &refusal{"SignatureDoesNotMatch", fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			date, at(now.Add(v.skew)), at(now), minutes)}
	case v.region != "" && auth.region != v.region:
		return &refusal{"SignatureDoesNotMatch", "Credential should be scoped to a valid region, not '" + auth.region + "'. "}
	case auth.service != v.service:
		return &refusal{"SignatureDoesNotMatch", "Credential should be scoped to correct service: '" + v.service + "'. "}
	case auth.date != date[:8]:
		return &refusal{"SignatureDoesNotMatch", fmt.Sprintf(
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", auth.date, date[:8], date)}
	}
	return nil
}

// canonicalRequest writes the request as both sides sign it: method, path, query, headers, names of the headers, hash of the body.
func canonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, *refusal) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	canonicalQuery, err := canonicalQuery(query)
	if err != nil {
		return "", &refusal{"SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. " + err.Error()}
	}
	headers, refused := canonicalHeaders(r, signedHeaders)
	if refused != nil {
		return "", refused
	}
	sum := sha256.Sum256(body)
	return strings.Join([]string{
		r.Method, canonicalPath(path), canonicalQuery, headers, strings.Join(signedHeaders, ";"), hex.EncodeToString(sum[:]),
	}, "\n"), nil
}

// canonicalPath normalises the path as it came over the wire and escapes it once more, as every service but S3 does.
func canonicalPath(raw string) string {
	var kept []string
	for _, segment := range strings.Split(raw, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, escape(segment))
		}
	}
	path := "/" + strings.Join(kept, "/")
	if path != "/" && strings.HasSuffix(raw, "/") {
		path += "/"
	}
	return path
}

// canonicalQuery decodes and strictly escapes every name and value, and sorts them.
func canonicalQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	var pairs [][2]string
	for _, part := range strings.Split(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		for _, p := range []*string{&name, &value} {
			decoded, err := url.QueryUnescape(*p)
			if err != nil {
				return "", fmt.Errorf("the query has a bad escape")
			}
			*p = escape(decoded)
		}
		pairs = append(pairs, [2]string{name, value})
	}
	sort.Slice(pairs, func(a, b int) bool {
		if pairs[a][0] != pairs[b][0] {
			return pairs[a][0] < pairs[b][0]
		}
		return pairs[a][1] < pairs[b][1]
	})
	parts := make([]string, len(pairs))
	for n, p := range pairs {
		parts[n] = p[0] + "=" + p[1]
	}
	return strings.Join(parts, "&"), nil
}

// canonicalHeaders writes the signed headers, one a line, each line ended. Host must be among them, and they must be sorted.
func canonicalHeaders(r *http.Request, signed []string) (string, *refusal) {
	if !sort.StringsAreSorted(signed) {
		return "", &refusal{"SignatureDoesNotMatch", "SignedHeaders must be sorted, lower case and separated by semicolons."}
	}
	var out strings.Builder
	host := false
	for _, name := range signed {
		var values []string
		switch name {
		case "host":
			host = true
			values = []string{r.Host}
		case "content-length":
			values = []string{fmt.Sprint(r.ContentLength)}
		default:
			values = slices.Clone(r.Header.Values(name)) // the header itself goes on to OpenSearch as it came
		}
		for n, v := range values {
			values[n] = strings.Join(strings.Fields(v), " ")
		}
		out.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	if !host {
		return "", &refusal{"SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	return out.String(), nil
}

func stringToSign(canonical, date, scope string) string {
	sum := sha256.Sum256([]byte(canonical))
	return strings.Join([]string{signingAlgorithm, date, scope, hex.EncodeToString(sum[:])}, "\n")
}

// sign derives the key of the scope and returns the signature in hexadecimal.
func sign(secret string, auth authorization, toSign string) string {
	key := []byte("AWS4" + secret)
	for _, part := range []string{auth.date, auth.region, auth.service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// escape percent-encodes all but the unreserved characters of RFC 3986.
func escape(s string) string {
	const upper = "0123456789ABCDEF"
	var out strings.Builder
	for n := range len(s) {
		c := s[n]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return out.String()
}

func mismatch(canonical, toSign string) string {
	return "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. " +
		"Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'" + canonical +
		"'\n\nThe String-to-Sign should have been\n'" + toSign + "'\n"
}

// redactSignature keeps a header quotable: AWS quotes it whole, but these answers end up in logs.
func redactSignature(header string) string {
	before, _, found := strings.Cut(header, "Signature=")
	if !found {
		return header
	}
	return before + "Signature=…"
}
