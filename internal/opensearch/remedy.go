package opensearch

import (
	"fmt"
	"regexp"
)

// advice knows what the remedies have to name.
type advice struct {
	endpoint   string
	roleARN    func() string
	signed     bool
	serverless bool
}

// Explain gives the cause of an item that was not delivered, and what a person can do about it; ""
// for nothing.
func (c *Client) Explain(it Item) (Kind, string) {
	return it.Kind, c.advice.remedy(it.Kind, it.Reason)
}

// backendRole finds the role that the security plugin saw: no permissions for […] and User [name=…,
// backend_roles=[ARN], …].
var backendRole = regexp.MustCompile(`backend_roles=\[(arn:[^,\]\s]+)`)

// assumedRole finds the role in AWS's words: User: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
// is not authorized.
var assumedRole = regexp.MustCompile(`arn:(aws[a-z-]*):sts::(\d+):assumed-role/([^/\s"]+)/`)

// role names the IAM role: as the server saw it, else as this side knows it.
func (ad advice) role(text string) string {
	if m := backendRole.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	if m := assumedRole.FindStringSubmatch(text); m != nil {
		// A session does not tell the role's path, so what this side knows is preferred.
		if ad.roleARN == nil || ad.roleARN() == "" {
			return "arn:" + m[1] + ":iam::" + m[2] + ":role/" + m[3]
		}
	}
	if ad.roleARN != nil && ad.roleARN() != "" {
		return ad.roleARN()
	}
	return "<ARN of the pod's IAM role>"
}

// explicitDeny finds a statement that denies, which no statement that allows can outweigh.
var explicitDeny = regexp.MustCompile(`(?i)with an explicit deny`)

// permissions is the least that a security role needs to write.
const permissions = `cluster permission indices:data/write/bulk, and on the index indices:data/write/bulk*, indices:data/write/index, indices:admin/create and indices:admin/mapping/put`

// remedy says in one line what a person can do about a failure; "" where waiting is all.
func (ad advice) remedy(k Kind, text string) string {
	if f, ok := remediesFor[k]; ok {
		return f(ad, text)
	}
	return remedies[k]
}

// remediesFor holds the remedies that depend on the case.
var remediesFor = map[Kind]func(ad advice, text string) string{
	RoleNotMapped: func(ad advice, text string) string {
		if !ad.signed {
			return "give the user of HTTP_User a security role that has " + permissions
		}
		return fmt.Sprintf(`map the IAM role to a security role, as the domain's master user: PUT _plugins/_security/api/rolesmapping/<role> {"backend_roles":[%q]}; <role> needs %s`, ad.role(text), permissions)
	},
	NoIdentityPolicy: func(ad advice, text string) string {
		if ad.serverless {
			return fmt.Sprintf("allow aoss:APIAccessAll on the collection's ARN "+
				"in a policy of IAM role %s", ad.role(text))
		}
		if explicitDeny.MatchString(text) {
			return fmt.Sprintf("take es:ESHttpPost on the domain out of the policy that denies "+
				"it to IAM role %s: one of its own, its permissions boundary, or the "+
				"organization's; no other policy can allow it", ad.role(text))
		}
		return fmt.Sprintf("allow es:ESHttpPost on the domain's ARN followed by /* in a policy "+
			"of IAM role %s; a permissions boundary or organization policy must not deny it", ad.role(text))
	},
	AccessPolicy: func(ad advice, text string) string {
		if !ad.signed {
			return "the domain wants signed requests: set AWS_Auth On"
		}
		if explicitDeny.MatchString(text) {
			return fmt.Sprintf("take the statement that denies es:ESHttpPost to principal %s out "+
				"of the domain's access policy (or out of its VPC endpoint's policy): no other "+
				"policy can allow it", ad.role(text))
		}
		return fmt.Sprintf("allow es:ESHttpPost for principal %s on the domain's ARN followed by "+
			"/* in the domain's access policy", ad.role(text))
	},
	DataAccessPolicy: func(ad advice, text string) string {
		return fmt.Sprintf("add principal %s to a data access policy of the collection with "+
			"aoss:WriteDocument, aoss:CreateIndex, aoss:UpdateIndex and aoss:DescribeIndex", ad.role(text))
	},
	InvalidToken: func(ad advice, text string) string {
		return fmt.Sprintf("credentials of role %s are not valid there: check that the domain is "+
			"in the same partition, that its region is enabled, and that the role was not deleted", ad.role(text))
	},
	Forbidden: func(ad advice, text string) string {
		if !ad.signed {
			return "check HTTP_User and HTTP_Passwd, or set AWS_Auth On"
		}
		if ad.serverless {
			return fmt.Sprintf("check that a data access policy of the collection names "+
				"principal %s with aoss:WriteDocument and aoss:CreateIndex, that its IAM policy "+
				"allows aoss:APIAccessAll, and that a network policy lets the pod in", ad.role(text))
		}
		return fmt.Sprintf("check that IAM role %s, the domain's access policy and its role "+
			"mapping let it write; a network policy or VPC endpoint policy may also refuse", ad.role(text))
	},
	Unauthorized: func(ad advice, _ string) string {
		if !ad.signed {
			return "check HTTP_User and HTTP_Passwd"
		}
		return "the endpoint takes no IAM signature: check that Endpoint is the domain's own, or " +
			"set AWS_Auth Off with HTTP_User and HTTP_Passwd"
	},
	NotSigned: func(ad advice, _ string) string {
		if !ad.signed {
			return "the domain wants signed requests: set AWS_Auth On"
		}
		return "a proxy on the way takes the Authorization header away: let requests reach the " +
			"domain unchanged"
	},
}

// remedies holds the others. A kind that is in neither map needs no person.
var remedies = map[Kind]string{
	Unknown: "if it lasts, look at the domain's own logs",
	Blocked: "free disk space or add storage (flood stage lifts itself then), or lift the " +
		"block: PUT <index>/_settings " +
		"{\"index.blocks.read_only_allow_delete\":null,\"index.blocks.write\":null}",
	ShardLimit: "the cluster has all the shards it may have: delete or shrink old indexes, use " +
		"fewer shards per index, add data nodes, or raise cluster.max_shards_per_node",
	Throttled: "if it lasts, the domain is too small for the load: add data nodes or vCPU, or " +
		"raise the index's refresh_interval",
	Unavailable: "if it lasts, look at the cluster's health (GET _cluster/health) and at the " +
		"domain's status in the console",
	IndexMissing: "create the index or data stream, or allow it to be made by itself with " +
		"action.auto_create_index",
	IndexClosed: "open the index: POST <index>/_open",
	IndexName: "OpenSearch does not accept the name: change Index, Logstash_Prefix or " +
		"Logstash_DateFormat (lower case, without spaces and \\ / * ? \" < > | , #)",
	DocumentID: "this kind of collection makes its own ids: set Generate_ID Off and no Id_Key",
	Pipeline:   "create the ingest pipeline that Pipeline names, or remove the option",
	WriteTarget: "for a data stream set Write_Operation create; for an alias mark one index " +
		"with is_write_index",
	FieldLimit: "fewer distinct field names: map labels and annotations as flat_object, or " +
		"raise index.mapping.total_fields.limit",
	ImmenseTerm: "set ignore_above on the keyword field, or map it as text",
	Mapping: "two programs use one field for different types: set Dedot for labels, " +
		"ignore_malformed in the index template, or give the programs indexes of their own",
	Refused: "look at the reason in the dead letter",

	TooLarge: "lower Max_Request_Size below the domain's limit (10 MiB on the smaller " +
		"instance types)",
	ExpiredToken: "new credentials are fetched; if it lasts, look for what keeps their " +
		"renewal away, and at the node's clock",
	ClockSkew: "the difference is corrected in what is signed; set the node's clock: its " +
		"time synchronisation (chrony) seems not to run",
	WrongRegion: "set AWS_Region to the domain's region, and AWS_Service_Name to es (a " +
		"domain) or aoss (a collection)",
	SignatureMismatch: "something on the way changes the request (a proxy, a rewritten Host or " +
		"path), or the secret key is wrong: use the domain's own address as Endpoint",
	WrongEndpoint: "check Endpoint and Path: it must be the address of the domain itself, " +
		"not that of Dashboards, with the right scheme",
	Malformed: "a document or action line cannot be parsed; if it persists for every " +
		"request, check that no proxy changes bodies",
	NotOpenSearch: "a proxy or load balancer on the way answers instead of the domain: look " +
		"at its configuration and its logs",
	ExplicitIndex: "set rest.action.multi.allow_explicit_index true to let one request carry " +
		"documents for several indices",
	BadAnswer: "something else than OpenSearch seems to answer: check Endpoint and proxies",
	Credentials: "give the pod a role: annotate its service account with " +
		"eks.amazonaws.com/role-arn, then delete the pod: a restarted container " +
		"keeps its pod's environment",

	DNS: "the name does not resolve: check Endpoint, and the pod's DNS (a VPC domain " +
		"resolves in public DNS to private addresses)",
	ConnectRefused: "nothing listens there: check host and port of Endpoint",
	Unreachable: "no route to the address: the pod must run in the domain's VPC, or in one " +
		"peered with it",
	TLSUnknownCA: "the certificate is not signed by a known authority: set TLS_CA_File to the " +
		"authority's certificate",
	TLSName: "the certificate is for another name: use the domain's own address as " +
		"Endpoint, or set TLS_Server_Name",
	TLSExpired: "the certificate has expired or is not valid yet: renew it, and check the " +
		"node's clock",
	TLSFailed: "the TLS handshake failed: check that Endpoint has the right scheme and " +
		"port, and TLS_Client_Cert_File if the server wants one",
	Timeout: "if it lasts: the domain's security group must let the pod in on the port, " +
		"and Request_Timeout must leave the cluster time to answer",
	Reset: "if it lasts, look for a proxy or a security device that cuts connections",
}
