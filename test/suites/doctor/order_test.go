package doctor

import (
	"strings"
	"testing"

	"out_opensearch_irsa/internal/doctor"
)

// indices lists all that there are, with their documents, as the admin sees them.
func indices(t *testing.T) string {
	t.Helper()
	return admin(t, "GET", "/_cat/indices?h=index,docs.count,docs.deleted&s=index", "")
}

// TestNothingIsLeft runs with all that can be read and nothing that is there, and again with an
// index, and compares what OpenSearch holds before and after, down to the operations in the
// translog.
func TestNothingIsLeft(t *testing.T) {
	p := newPod(t)
	letRead(t)
	before := indices(t)
	if _, r := p.examine(); find(t, r, "index").Status != doctor.OK {
		t.Fatal(show(r))
	}
	if after := indices(t); after != before {
		t.Errorf("the indices were\n%s and are\n%s", before, after)
	}

	p.store(0)
	operations := func() string {
		return admin(t, "GET", "/"+p.index()+"/_stats/docs,indexing,translog?filter_path=_all.primaries.docs,_all.primaries.indexing.index_total,"+
			"_all.primaries.indexing.delete_total,_all.primaries.translog.operations", "") + admin(t, "GET", "/"+p.index()+"/_mapping", "")
	}
	before = indices(t) + operations()
	code, r := p.examine()
	if code != 0 || find(t, r, "index").Status != doctor.OK {
		t.Fatal(show(r))
	}
	if after := indices(t) + operations(); after != before {
		t.Errorf("OpenSearch held\n%s and holds\n%s", before, after)
	}
}

// TestHealthy runs where each link is in order.
func TestHealthy(t *testing.T) {
	p := newPod(t)
	letRead(t)
	p.store(0)
	code, r := p.examine("--write")
	if code != 0 || r.Result != doctor.OK || r.Counts[doctor.Broken] != 0 ||
		r.Counts[doctor.Warning] != 0 {
		t.Errorf("exit status %d, result %s\n%s", code, r.Result, show(r))
	}
	if c := find(t, r, "canary"); !strings.Contains(c.Summary, "stored in "+p.index()) ||
		!strings.Contains(c.Summary, "found after") || !strings.HasSuffix(c.Summary, "deleted") {
		t.Errorf("the canary: %s", c.Summary)
	}
	if n, err := world.OpenSearch.Count(t.Context(), p.index()); err != nil || n != 1 {
		t.Errorf("%d documents are there (%v)", n, err)
	}
	for _, c := range r.Checks {
		if c.Status == doctor.Skipped && c.ID != "role" {
			t.Errorf("%s was not checked: %s", c.ID, c.Summary)
		}
	}
}

// TestLeastPrivilege runs with a role that may write and nothing else, in IAM and in the security
// plugin.
func TestLeastPrivilege(t *testing.T) {
	p := newPod(t)
	p.ownRole("least", read(t, "deploy/iam/policy-least-privilege.json"))
	p.store(0)
	before, err := world.OpenSearch.Count(t.Context(), p.index())
	if err != nil {
		t.Fatal(err)
	}
	code, r := p.examine("--write")
	if c := find(t, r, "canary"); code != 0 || c.Status != doctor.Skipped ||
		!strings.Contains(c.Summary,
			"nothing was stored: the security role lacks indices:data/write/delete") {
		t.Errorf("exit status %d, canary %s: %s", code, c.Status, c.Summary)
	}
	if after, err := world.OpenSearch.Count(t.Context(), p.index()); err != nil || after != before {
		t.Errorf("there were %d documents and are %d (%v)", before, after, err)
	}
	code, r = p.examine("--write", "--keep")
	if code != 0 || r.Result != doctor.OK {
		t.Errorf("exit status %d, result %s\n%s", code, r.Result, show(r))
	}
	for id, words := range map[string]string{
		"time_field": "IAM does not let the role send es:ESHttpGet", "arrival": "IAM does not let the role send es:ESHttpPost",
		"canary": "left there as opensearch-irsa-doctor-",
	} {
		if c := find(t, r, id); !strings.Contains(c.Summary, words) {
			t.Errorf("%s does not say %q: %s", id, words, c.Summary)
		}
	}
	p.env["AWS_ROLE_ARN"] = world.RoleARN // whose IAM policy lets it ask
	_, r = p.examine()
	for id, permission := range map[string]string{"time_field": "indices:admin/mappings/get",
		"arrival": "indices:data/read/search"} {
		if c := find(t, r, id); c.Status != doctor.Skipped ||
			!strings.Contains(c.Summary, "the security role lacks "+permission) ||
			!strings.Contains(c.Remedy, "delivery does not need it") {
			t.Errorf("%s: %s %s", id, c.Status, c.Summary)
		}
	}
}

// TestIndexByDate has an index for each day, as the shipped configuration says, TestOneIndex one
// for all, and TestDataStream a data stream.
func TestIndexByDate(t *testing.T) {
	p := newPod(t)
	letRead(t)
	code, r := p.examine("--write")
	if c := find(t, r, "index"); c.Status != doctor.OK ||
		!strings.Contains(c.Summary, p.index()+" does not exist yet, and the role may create it") {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
	_, r = p.examine()
	if c := find(t, r, "index"); c.Status != doctor.OK ||
		!strings.Contains(c.Summary, "exists, and the role may write to it, and create the next") {
		t.Errorf("%s", show(r))
	}
	if c := find(t, r, "arrival"); c.Status != doctor.Broken ||
		!strings.HasSuffix(c.Summary, "there is no document in "+p.env["INDEX_NAME"]+"-*") {
		t.Errorf("%s", show(r))
	}
}

func TestOneIndex(t *testing.T) {
	p := newPod(t)
	letRead(t)
	p.args = []string{"-o", "Index=" + p.index()}
	_, r := p.examine()
	if c := find(t, r, "index"); c.Status != doctor.OK ||
		!strings.HasSuffix(c.Summary, "does not exist yet, and the role may create it") {
		t.Errorf("%s", show(r))
	}
	p.store(0)
	code, r := p.examine()
	if c := find(t, r, "index"); code != 0 ||
		!strings.HasSuffix(c.Summary, "exists, and the role may write to it") ||
		find(t, r, "arrival").Status != doctor.OK {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
}

func TestDataStream(t *testing.T) {
	p := newPod(t)
	letRead(t)
	admin(t, "PUT", "/_index_template/"+p.index(),
		`{"index_patterns":["`+p.index()+`*"],"data_stream":{},"priority":500}`)
	code, r := p.examine()
	if c := find(t, r, "index"); c.Status != doctor.OK ||
		!strings.Contains(c.Summary, "may create it") {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
	admin(t, "PUT", "/_data_stream/"+p.index(), "")
	_, r = p.examine()
	if c := find(t, r, "index"); c.Status != doctor.OK ||
		!strings.Contains(c.Summary, "is a data stream, and the role may write to it") {
		t.Errorf("%s", show(r))
	}
	mapNobody(t)
	_, r = p.examine()
	if c := find(t, r, "security_role"); c.Status != doctor.Broken {
		t.Errorf("%s", show(r))
	}
}

// TestTwoOutputs examines each output of the file, whichever of them is broken.
func TestTwoOutputs(t *testing.T) {
	p := newPod(t)
	p.conf += "\n[OUTPUT]\n    Name opensearch_irsa\n    Alias audit\n    Match audit.*\n    " +
		"Endpoint ${OPENSEARCH_ENDPOINT}\n    Index elsewhere\n    Retry_Limit no_limits\n    " +
		"Workers 1\n    storage.total_limit_size 1G\n"
	p.write()
	code, r := p.examine()
	var first, second doctor.Status
	for _, c := range r.Checks {
		if c.ID == "index" && strings.HasPrefix(c.Output, "opensearch_irsa.0 ") {
			first = c.Status
		} else if c.ID == "index" && strings.HasPrefix(c.Output, "audit ") {
			second = c.Status
		}
	}
	if code != 1 || first != doctor.OK || second != doctor.Broken {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
}
