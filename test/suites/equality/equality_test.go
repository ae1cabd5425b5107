package equality

import (
	"strings"
	"testing"
)

func TestSameOptionsSameDocuments(t *testing.T) {
	requireServer(t)
	entries := makeCorpus()
	prepare(t)
	recorded := load(t)
	want := recorded.results()
	side := direct
	switch {
	case agent.Path == "":
		seed(t, entries, direct)
		deliverDirectly(t, entries)
	case strings.Contains(agent.Version, "v"+recorded.FluentBit) || *record:
		side = plugin
		want = both(t, entries, want)
	default:
		side = plugin
		seed(t, entries, plugin)
		runFluentBit(t, entries, plugin)
	}
	if !*record && recorded.Corpus != fingerprint(entries) {
		t.Fatalf("the corpus is not the one that was recorded: run this test with -record and "+
			"FLUENT_BIT of version %s", recorded.FluentBit)
	}
	compare(t, entries, collect(t, side), want, lost(t, side))
	for i := range matrix {
		s := &matrix[i]
		requests := front.requests(s.room(side))
		if len(requests) == 0 || (s.name == "Pipeline") != strings.Contains(requests[0],
			"pipeline="+pipeline) {
			t.Errorf("%s: the requests are %q", s.name, requests)
		}
	}
}

// both puts the corpus through both outputs of one Fluent Bit, and returns what the built-in one
// stored.
func both(t *testing.T, entries []entry, recorded results) results {
	t.Helper()
	seed(t, entries, builtIn)
	seed(t, entries, plugin)
	runFluentBit(t, entries, builtIn, plugin)
	got := collect(t, builtIn)
	if *record {
		save(t, agent.Version, entries, got)
	} else {
		sameAsRecorded(t, got, recorded)
	}
	return got
}

// prepare makes what the outputs find: a mapping that takes any field as it is, and the pipeline.
// It has no processors, since the distribution on Maven Central has none.
func prepare(t *testing.T) {
	t.Helper()
	ask(t, "PUT", "/_index_template/equality", `{"index_patterns":["builtin.*","plugin.*","direct.*"],"priority":10,
		"template":{"settings":{"number_of_shards":1,"number_of_replicas":0,"refresh_interval":"-1","translog.durability":"async"},"mappings":{"enabled":false}}}`)
	ask(t, "PUT", "/_ingest/pipeline/"+pipeline, `{"processors":[]}`)
}
