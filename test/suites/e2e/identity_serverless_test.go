package e2e

import (
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// TestIdentityServerless delivers to an OpenSearch Serverless collection. One of time series
// refuses ids: that is found out with the first request, said once, and from then on documents and
// dead letters go without.
func TestIdentityServerless(t *testing.T) {
	for _, c := range []struct {
		collection localaws.Collection
		ids        bool
	}{{localaws.TimeSeries, false}, {localaws.Search, true}} {
		t.Run(string(c.collection), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			cloud := n.ownCloud(place{"aws", region, c.collection})
			cloud.door.SetDataAccess(cloud.roleARN)
			n.index = n.name // which is there before the first document
			n.config = shipped(t, set{"OUTPUT", "AWS_Service_Name", "aoss"},
				set{"OUTPUT", "Index", "${INDEX_NAME}"})
			admin(t, "PUT", "/"+n.index, `{"mappings":{"properties":{"log":{"type":"keyword"}}}}`)
			a := n.start()
			n.write(200)
			if err := n.pods.Write(0, "stdout", "F", strings.Repeat("x", 33_000)); err != nil { // more than a keyword may have
				t.Fatal(err)
			}
			waitCount(t, n.index, 200)
			n.write(100)
			waitCount(t, n.index, 300)
			waitCount(t, n.index+"-dead-letter", 1)
			a.stop()
			checkLines(t, n.index, 300)
			checkNothingKept(t, a)
			said := 0
			for _, line := range a.ours("info") {
				if strings.Contains(line, "the domain rejects custom _id "+
					"(illegal_argument_exception: Document ID is not supported in create/index "+
					"operation request)") {
					said++
				}
			}
			if said == 0 != c.ids || said > 1 {
				t.Errorf("ids were refused %d times by the log", said)
			}
			if letters := count(t, n.index+"-dead-letter"); letters != 1 {
				t.Errorf("%d dead letters, not one", letters)
			}
			if seen := cloud.door.Stats().Statuses; len(seen) != 1 || seen[200] == 0 {
				t.Errorf("answers of the collection: %v", seen)
			}
		})
	}
}
