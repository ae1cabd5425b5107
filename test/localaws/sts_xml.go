package localaws

import (
	"encoding/xml"
	"net/http"
	"time"
)

// stsError is a refusal: HTTP status, code and message.
type stsError struct {
	status  int
	code    string
	message string
}

type errorResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type assumeRoleWithWebIdentityResponse struct {
	XMLName     xml.Name       `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Audience    string         `xml:"AssumeRoleWithWebIdentityResult>Audience"`
	User        assumedRole    `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser"`
	Provider    string         `xml:"AssumeRoleWithWebIdentityResult>Provider"`
	Credentials xmlCredentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	Subject     string         `xml:"AssumeRoleWithWebIdentityResult>SubjectFromWebIdentityToken"`
	RequestID   string         `xml:"ResponseMetadata>RequestId"`
}

type assumeRoleResponse struct {
	XMLName     xml.Name       `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	User        assumedRole    `xml:"AssumeRoleResult>AssumedRoleUser"`
	Credentials xmlCredentials `xml:"AssumeRoleResult>Credentials"`
	RequestID   string         `xml:"ResponseMetadata>RequestId"`
}

type getCallerIdentityResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type assumedRole struct {
	ID  string `xml:"AssumedRoleId"`
	ARN string `xml:"Arn"`
}

type xmlCredentials struct {
	AccessKeyID  string `xml:"AccessKeyId"`
	Secret       string `xml:"SecretAccessKey"`
	SessionToken string `xml:"SessionToken"`
	Expiration   string `xml:"Expiration"`
}

func assumedUser(s session) assumedRole { return assumedRole{ID: s.assumedID, ARN: s.arn} }

// temporaryCredentials are a session's, with their end by STS's clock.
func temporaryCredentials(s session, clockOffset time.Duration) xmlCredentials {
	return xmlCredentials{
		AccessKeyID: s.accessKeyID, Secret: s.secret, SessionToken: s.sessionToken,
		Expiration: s.expires.Add(clockOffset).UTC().Format(time.RFC3339),
	}
}

func writeSTSError(w http.ResponseWriter, e stsError) {
	blame := "Sender"
	if e.status >= http.StatusInternalServerError {
		blame = "Receiver"
	}
	writeXML(w, e.status, errorResponse{Type: blame, Code: e.code, Message: e.message, RequestID: randomUUID()})
}

func writeXML(w http.ResponseWriter, status int, value any) {
	body, err := xml.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // only structures of this file come here
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that left is no error of the server
}
