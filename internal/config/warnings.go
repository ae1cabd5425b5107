package config

import (
	"net"
	"strings"
)

// Warnings are about options that are valid and weaken what others rely on, each with what to write
// instead.
func (c *Config) Warnings() []string {
	var w []string
	host := c.Endpoint.Hostname()
	if c.HTTPUser != "" && c.Endpoint.Scheme == "http" && !loopback(host) {
		w = append(w, "HTTP_Passwd goes to "+host+" unencrypted: write https:// in Endpoint")
	}
	if !c.TLSVerify && c.Endpoint.Scheme == "https" {
		w = append(w, "TLS_Verify Off: whoever stands between here and "+host+" can read and change what is sent: set TLS_CA_File to the authority's certificate instead")
	}
	return w
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" ||
		strings.HasSuffix(host, ".localhost")
}
