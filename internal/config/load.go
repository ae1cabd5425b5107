package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// MistakeError is one mistake in the section: the option, the value as given, and what to write.
type MistakeError struct {
	Option, Value, Remedy string
}

func (e *MistakeError) Error() string {
	if e.Value == "" {
		return e.Option + ": " + e.Remedy
	}
	return fmt.Sprintf("%s %q: %s", e.Option, e.Value, e.Remedy)
}

// report takes one mistake.
type report func(option, value, format string, args ...any)

// Load reads every option through property (empty where an option is not given) and the environment
// through getenv. The error joins a *MistakeError for each mistake there is, so that one start
// shows them all.
func Load(property, getenv func(string) string) (*Config, error) {
	c := &Config{}
	given := map[string]string{}
	var all []error
	mistake := func(option, value, format string, args ...any) {
		all = append(all, &MistakeError{option, value, fmt.Sprintf(format, args...)})
	}
	for i := range Options {
		o := &Options[i]
		value, from := strings.TrimSpace(property(o.Name)), o.Name
		if value == "" && o.Env != "" {
			value, from = strings.TrimSpace(getenv(o.Env)), o.Env
		}
		given[o.Name] = value
		if value == "" {
			value = o.Default
			if value == "" || derived[o.Name] {
				continue
			}
		}
		if err := o.set(c, value); err != nil {
			mistake(from, printable(o.Name, value), "%v", err)
		}
	}
	c.derive(given, getenv, mistake)
	return c, errors.Join(all...)
}

// maxServerless is the largest request that OpenSearch Serverless takes, in bytes.
const maxServerless = 10 << 20

// printable is a value without what must not be in a log: a password, also one in an address.
func printable(option, value string) string {
	if option == "HTTP_Passwd" {
		return redacted
	}
	if at := strings.LastIndexByte(value, '@'); at >= 0 && strings.HasSuffix(option, "Endpoint") {
		return redacted + value[at:]
	}
	return value
}

// derived are the options whose default is worked out from others, not parsed.
var derived = map[string]bool{
	"AWS_Region": true, "AWS_Service_Name": true, "AWS_STS_Endpoint": true,
	"Dead_Letter_Index": true,
}

// derive fills what follows from other options, and finds the combinations that cannot be meant.
func (c *Config) derive(given map[string]string, getenv func(string) string, mistake report) {
	if given["Endpoint"] == "" {
		mistake("Endpoint", "", "it is missing. Write Endpoint with the domain's host name, or "+
			"set OPENSEARCH_ENDPOINT. (Host, Port and TLS do not reach this plugin: Fluent Bit "+
			"keeps them for its built-in outputs.)")
	}
	for _, name := range []string{"Type", "Suppress_Type_Name", "Buffer_Size",
		"Drop_Unrecoverable_Records"} {
		if given[name] != "" {
			c.Unused = append(c.Unused, name)
		}
	}
	if c.OffsetKey != "" && !c.GenerateID {
		c.Unused = append(c.Unused, "Offset_Key")
	}
	c.deriveIndex(given, mistake)
	c.deriveMultiline(given, mistake)
	if on, err := parseBool(given["Include_Tag_Key"]); given["Include_Tag_Key"] != "" &&
		err != nil {
		mistake("Include_Tag_Key", given["Include_Tag_Key"], "%v", err)
	} else if !on {
		c.TagKey = ""
	}
	if given["Dead_Letter_Index"] != "" && c.DeadLetterPath != "" {
		mistake("Dead_Letter_Path", c.DeadLetterPath, "Dead_Letter_Index is given "+
			"too: keep one of them")
	}
	if (c.TLSClientCertFile == "") != (c.TLSClientKeyFile == "") {
		mistake("TLS_Client_Cert_File", c.TLSClientCertFile, "a client certificate needs both "+
			"TLS_Client_Cert_File and TLS_Client_Key_File")
	}
	c.deriveAuthentication(given, getenv, mistake)
}

// deriveIndex composes the index with Logstash_Format, and finds operations without an id to work
// on.
func (c *Config) deriveIndex(given map[string]string, mistake report) {
	l := &c.logstash
	c.IndexFrom = "Index"
	if l.format {
		c.IndexFrom = "Logstash_Prefix"
		c.Index = l.prefix + l.separator + l.date
		if l.key != "" {
			c.FallbackIndex = c.Index
			c.Index = l.accessor() + l.separator + l.date
			if given["Fallback_Index"] != "" {
				mistake("Fallback_Index", given["Fallback_Index"], "with Logstash_Prefix_Key a "+
					"record without the key goes to Logstash_Prefix: leave Fallback_Index out")
			}
		}
	} else {
		for _, name := range []string{
			"Logstash_Prefix", "Logstash_Prefix_Separator", "Logstash_Prefix_Key", "Logstash_DateFormat",
		} {
			if given[name] != "" {
				c.Unused = append(c.Unused, name)
			}
		}
	}
	if c.DeadLetterIndex == "" {
		c.DeadLetterIndex = c.Index + "-dead-letter"
	}
	if c.WriteOperation == "update" && c.IDKey == "" {
		mistake("Write_Operation", c.WriteOperation, "an update needs the id of the document to "+
			"update: write Id_Key")
	}
	if c.WriteOperation == "upsert" && c.IDKey == "" && !c.GenerateID {
		mistake("Write_Operation", c.WriteOperation, "an upsert needs an id: write Id_Key, or "+
			"Generate_ID On")
	}
}

// deriveMultiline finds options that need another.
func (c *Config) deriveMultiline(given map[string]string,
	mistake func(option, value, format string, args ...any)) {
	if c.MultilineContinue != "" && given["Multiline_Start"] == "" {
		mistake("Multiline_Continue", c.MultilineContinue, "it goes with Multiline_Start: write "+
			"that too, or leave it out")
	}
	if len(c.Multiline) == 0 && c.MultilineStart == "" {
		for _, name := range []string{"Multiline_Key", "Multiline_Max_Lines",
			"Multiline_Max_Size"} {
			if given[name] != "" {
				c.Unused = append(c.Unused, name)
			}
		}
		return
	}
	if slices.Contains([]string{"index", "update", "upsert"}, c.WriteOperation) &&
		(c.GenerateID || c.IDKey != "") {
		option, instead := "Multiline", "write create"
		if len(c.Multiline) == 0 {
			option = "Multiline_Start"
		}
		if c.WriteOperation == "index" { // the others need an id
			instead += ", or Generate_ID Off and no Id_Key"
		}
		mistake(option, given[option], "a trace that is read again in other pieces would "+
			"overwrite its first copy, which may have more lines, with Write_Operation "+
			c.WriteOperation+": "+instead)
	}
}

// accessor is Logstash_Prefix_Key as a record accessor. A name without a $ is a field's, whole;
// with one it may have what in Index joins the parts of a name, as in $my-key, for here nothing is
// joined.
func (l *logstash) accessor() string {
	key, hasDollar := strings.CutPrefix(l.key, "$")
	name, steps := key, ""
	if at := strings.IndexByte(key, '['); at >= 0 {
		name, steps = key[:at], key[at:]
	}
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_@-/", r)
	})
	if odd && hasDollar || !odd && !strings.ContainsAny(name, "-/") {
		return "$" + key
	}
	return "$['" + name + "']" + steps
}

func (c *Config) deriveAuthentication(given map[string]string, getenv func(string) string,
	mistake report) {
	if !c.AWSAuth {
		if c.HTTPUser == "" && c.HTTPPasswd != "" {
			mistake("HTTP_Passwd", redacted, "it has no user: write HTTP_User too")
		}
		return
	}
	if c.HTTPUser != "" {
		mistake("HTTP_User", c.HTTPUser, "a request carries either a signature or a user: write "+
			"AWS_Auth Off, or leave HTTP_User out")
	}
	if c.AWSExternalID != "" && c.AWSRoleARN == "" {
		mistake("AWS_External_ID", c.AWSExternalID, "it goes with AWS_Role_ARN: write the role "+
			"to assume, or leave it out")
	}
	if c.Endpoint == nil {
		return
	}
	host := c.Endpoint.Hostname()
	if c.Endpoint.Scheme == "http" && !isLoopback(host) {
		mistake("Endpoint", given["Endpoint"], "signed requests must not travel in clear text: "+
			"write https://, or AWS_Auth Off")
	}
	region, service := fromHost(host)
	switch {
	case c.AWSRegion == "" && region != "":
		c.AWSRegion = region
	case c.AWSRegion == "":
		// The webhook sets both names to the cluster's region, which is the domain's too more often
		// than not.
		c.AWSRegion = cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	case region != "" && region != c.AWSRegion:
		mistake("AWS_Region", c.AWSRegion, "the endpoint's name says %s, and the signature has "+
			"to be for the domain's own region: write that, or leave AWS_Region out", region)
	}
	if c.AWSRegion == "" {
		mistake("AWS_Region", "", "it is missing and does not follow from the endpoint %q: write "+
			"the domain's region, such as eu-west-1, or set AWS_REGION", host)
	}
	c.AWSService = cmp.Or(c.AWSService, service, "es")
	if c.AWSService == "aoss" && c.MaxRequestSize > maxServerless {
		mistake("Max_Request_Size", given["Max_Request_Size"], "a Serverless collection takes 10 "+
			"MiB at most: write 10M or less")
	}
	if c.AWSCredentials == "profile" && c.AWSProfile == "" && getenv("AWS_PROFILE") == "" {
		mistake("AWS_Credentials", c.AWSCredentials, "it needs the "+
			"profile's name: write AWS_Profile")
	}
}
