package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const endpointExample = "write the domain's host name, such as " +
	"search-logs-abc123.eu-west-1.es.amazonaws.com, or a URL"

func setEndpoint(c *Config, v string) error {
	u, err := parseEndpoint(v)
	if err != nil {
		return err
	}
	if path := strings.TrimRight(u.Path, "/"); path != "" {
		if c.Path != "" {
			return errors.New("it holds a path and Path is given too: write the " +
				"path in one of them")
		}
		c.Path = path
	}
	u.Path = ""
	c.Endpoint = u
	return nil
}

// parseEndpoint reads a bare host, host:port or URL. Without a scheme it is https, which is all
// that a domain speaks.
func parseEndpoint(v string) (*url.URL, error) {
	if !strings.Contains(v, "://") {
		v = "https://" + v
	}
	u, err := url.Parse(v)
	switch {
	case err != nil:
		return nil, errors.New(endpointExample)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the scheme %s is not spoken here: write https:// or http://",
			u.Scheme)
	case u.User != nil:
		return nil, errors.New("it holds a user: write HTTP_User and HTTP_Passwd instead")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it holds a query: write only scheme, host, port and path")
	case u.Hostname() == "" || strings.ContainsAny(u.Hostname(), " $,*"):
		return nil, errors.New(endpointExample)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, errors.New("its port is not between 1 and 65535")
		}
	}
	return u, nil
}

func setPath(c *Config, v string) error {
	v = strings.Trim(v, "/")
	if strings.ContainsAny(v, "?# ") {
		return errors.New("write a path such as /logs, without a query")
	}
	if v != "" {
		v = "/" + v
	}
	if c.Path != "" && c.Path != v {
		return errors.New("Endpoint holds a path too: write the path in one of them") //nolint:staticcheck // an option's name
	}
	c.Path = v
	return nil
}

func setSTSEndpoint(c *Config, v string) error {
	u, err := parseEndpoint(v)
	if err != nil {
		return errors.New("write STS's host name, such as sts.eu-west-1.amazonaws.com, or a URL")
	}
	c.AWSSTSEndpoint = u.String()
	return nil
}

func setMetricsListen(c *Config, v string) error {
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("write host:port, such as 127.0.0.1:2021")
	}
	c.MetricsListen = v
	return nil
}

// awsHost is what the name of a domain or collection tells: its region, and whether it is
// Serverless. The forms are those of the Amazon OpenSearch Service developer guide:
// NAME.REGION.es.amazonaws.com and ID.REGION.aoss.amazonaws.com (in China .com.cn), the dual-stack
// NAME.aos.REGION.on.aws and ID.aoss.REGION.on.aws (in China on.amazonwebservices.com.cn), and each
// with -fips.
var awsHost = regexp.MustCompile(`^[^.]+\.(?:([a-z0-9-]+)\.(es|aoss)(?:-fips)?\.amazonaws\.com(?:\.cn)?|(aos|aoss)(?:-fips)?\.([a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))$`)

// fromHost derives region and service from the name of a domain; both are empty for any other name.
func fromHost(host string) (region, service string) {
	m := awsHost.FindStringSubmatch(strings.ToLower(host))
	switch {
	case m == nil:
		return "", ""
	case m[3] == "aos":
		return m[4], "es"
	case m[3] != "":
		return m[4], m[3]
	default:
		return m[1], m[2]
	}
}

// isLoopback tells whether the host is this machine, where sending in clear text gives nothing
// away.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
