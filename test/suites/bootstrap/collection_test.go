package bootstrap

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// TestCollection runs it as the role that the shipped data access policy of a Serverless collection
// lets set the collection up, and as the writer, which may not.
func TestCollection(t *testing.T) {
	newDomain(t)
	const collectionARN = "arn:aws:aoss:eu-central-1:123456789012:collection/abc123abc123abc123ab"
	role := func(name, policy string) string {
		t.Helper()
		provider := localaws.IdentityProvider(world.Issuer.URL())
		trust := strings.NewReplacer("${NAMESPACE}", "logging", "${SERVICE_ACCOUNT}", "fluent-bit",
			"${IDENTITY_PROVIDER_ARN}", world.IAM.AddIdentityProvider(world.Issuer.URL(), localaws.STSAudience), "${IDENTITY_PROVIDER}", provider)
		permissions := strings.NewReplacer("${COLLECTION_ARN}", collectionARN, "${DASHBOARDS_ARN}",
			"arn:aws:aoss:eu-central-1:123456789012:dashboards/default")
		arn, err := world.IAM.PutRole(name, []byte(trust.Replace(shipped(t, "trust-policy.json"))),
			[]byte(permissions.Replace(shipped(t, policy))))
		if err != nil {
			t.Fatal(err)
		}
		return arn
	}
	admin, writer := role("collection-admin", "policy-serverless-people.json"),
		role("collection-writer", "policy-serverless.json")
	// What stands behind the collection's door asks for roles of its own, which a collection has
	// not.
	do(t, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
		`{"backend_roles":["admin","`+admin+`","`+writer+`"]}`)
	t.Cleanup(func() {
		do(t, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
			`{"backend_roles":["admin"]}`)
	})
	access, err := localaws.ParseDataAccess("logs",
		[]byte(strings.NewReplacer("${COLLECTION_NAME}", "logs", "${ROLE_ARN}", writer,
			"${ADMIN_ARN}", admin).
			Replace(shipped(t, "serverless-data-access.json"))))
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		t.Fatal(err)
	}
	door := localaws.NewFrontDoor(localaws.FrontDoorOptions{IAM: world.IAM, Region: "eu-central-1",
		DomainARN: collectionARN, Collection: localaws.TimeSeries,
		Upstream: upstream, UpstreamCA: world.CA.Pool()})
	door.SetDataAccessPolicy(access)
	server, err := localaws.Serve(door, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Cleanup(func() {
		do(t, "DELETE", "/_index_template/in-collection", "")
		do(t, "DELETE", "/_index_template/in-collection-dead-letter", "")
	})
	as := func(arn string) []string {
		env := []string{"OPENSEARCH_ENDPOINT=" + server.URL()}
		for _, pair := range world.Env() {
			if strings.HasPrefix(pair, "AWS_") && !strings.HasPrefix(pair, "AWS_ROLE_ARN=") {
				env = append(env, pair)
			}
		}
		return append(env, "AWS_ROLE_ARN="+arn)
	}
	args := []string{"-o", "AWS_Service_Name=aoss", "-index", "in-collection"}
	for _, did := range []string{"created", "unchanged"} {
		out, code := bootstrap(t, as(admin), args...)
		says(t, out, map[string]string{"index template in-collection": did,
			"index template in-collection-dead-letter": did})
		if code != 0 || strings.Contains(out, "role") || strings.Contains(out, "policy") ||
			strings.Contains(out, "saved objects") {
			t.Errorf("status %d, or it tries what a collection lacks: %s", code, out)
		}
	}
	// The collection has the mapping, and manages shards and storage itself.
	template := fmt.Sprint(do(t, "GET", "/_index_template/in-collection", ""))
	if !strings.Contains(template, "date_nanos") ||
		strings.Contains(template, "number_of_shards") || strings.Contains(template, "codec") {
		t.Errorf("the template is %s", template)
	}
	out, code := bootstrap(t, as(writer), args...)
	if code != 1 || !strings.Contains(out, "aoss:UpdateCollectionItems") {
		t.Errorf("the writer, which may not: status %d: %s", code, out)
	}
	if n := door.Stats().Statuses[404]; n > 2 { // of the templates that are not there yet
		t.Errorf("%d requests are none that a collection knows", n)
	}
}

// shipped is a file of deploy/iam.
func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "iam", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
