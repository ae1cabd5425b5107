package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/internal/opensearch"
)

// unreadable is a question that the role may not ask. Delivery does not need it, so nothing is
// broken.
func unreadable(what string, a opensearch.Response, permission, action string) outcome {
	o := needless("%s cannot be seen: %s", what, a.Failure.Summary)
	switch a.Failure.Kind {
	case opensearch.RoleNotMapped, opensearch.Forbidden:
		o.summary = fmt.Sprintf("%s cannot be seen: the security role lacks %s", what, permission)
		o.remedy = "delivery does not need it; to have it checked, add it to the " +
			"role's index permissions"
	case opensearch.NoIdentityPolicy, opensearch.AccessPolicy:
		o.summary = fmt.Sprintf("%s cannot be seen: IAM does not let the role send %s there", what, action)
		o.remedy = "delivery does not need it; to have it checked, allow it in the role's policy " +
			"and the domain's access policy"
	case opensearch.DataAccessPolicy:
		o.summary = fmt.Sprintf("%s cannot be seen: the data access policy does not let the role", what)
		o.remedy = "delivery does not need it; to have it checked, add aoss:DescribeIndex and " +
			"aoss:ReadDocument"
	}
	return o
}

// pattern is where records are, without the dead letters that a * would match too.
func (e *examination) pattern() string {
	p := e.target.Pattern()
	if strings.Contains(p, "*") {
		p += ",-*-dead-letter"
	}
	return p
}

// checkTimeField tells whether the index takes the time field for a date: else no search by time
// and no Dashboards.
func (e *examination) checkTimeField(ctx context.Context) outcome {
	field, query := e.cfg.TimeKey, ""
	if !e.serverless() { // the rest of a mapping can be megabytes; that collections know the parameter is not documented
		query = "filter_path=" + url.QueryEscape("*.mappings.properties."+strings.ReplaceAll(field,
			".", ".properties.")+".type")
	}
	a := e.client.Do(ctx, http.MethodGet, "/"+e.pattern()+"/_mapping", query, nil)
	switch {
	case a.Status == http.StatusNotFound:
		return needless("no index matches %s yet", e.target.Pattern())
	case a.Failure != nil:
		return unreadable("the mapping of "+field, a, "indices:admin/mappings/get", "es:ESHttpGet")
	}
	types, err := fieldTypes(a.Body, field)
	if err != nil {
		return needless("the mapping of %s cannot be read: %v", field, err)
	}
	if len(types) == 0 {
		return needless("no index of %s has a field %s yet", e.target.Pattern(), field)
	}
	var wrong []string
	for _, index := range slices.Sorted(maps.Keys(types)) {
		if t := types[index]; t != "date" && t != "date_nanos" {
			wrong = append(wrong, index+" ("+t+")")
		}
	}
	if wrong != nil {
		return broken(fmt.Sprintf("put an index template that maps %s as date, and start a new "+
			"index or reindex: a mapping cannot be changed", field),
			"%s is no date in %s: nothing can be searched by time there", field, strings.Join(wrong, ", "))
	}
	if len(types) == 1 {
		return fine("%s is a date", field)
	}
	return fine("%s is a date in all %d indices", field, len(types))
}

// fieldTypes reads the type that a field has in each index of an answer.
func fieldTypes(body []byte, field string) (map[string]string, error) {
	type mapping struct {
		Type       string             `json:"type"`
		Properties map[string]mapping `json:"properties"`
	}
	var all map[string]struct {
		Mappings mapping `json:"mappings"`
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	types := map[string]string{}
	for index, m := range all {
		at := m.Mappings
		for step := range strings.SplitSeq(field, ".") {
			at = at.Properties[step]
		}
		if at.Type != "" {
			types[index] = at.Type
		}
	}
	return types, nil
}

// searching lets a search meet no index without an error.
const searching = "allow_no_indices=true&ignore_unavailable=true"

// checkArrival tells how old the newest document is, canaries not counted.
func (e *examination) checkArrival(ctx context.Context) outcome {
	query, err := json.Marshal(map[string]any{
		"size": 0, "track_total_hits": true,
		"query": map[string]any{"bool": map[string]any{"must_not": map[string]any{"match_phrase": map[string]any{"log": canaryText}}}},
		"aggs":  map[string]any{"newest": map[string]any{"max": map[string]any{"field": e.cfg.TimeKey}}},
	})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	a := e.client.Do(ctx, http.MethodPost, "/"+e.pattern()+"/_search", searching, query)
	if a.Failure != nil {
		return unreadable("what arrives", a, "indices:data/read/search", "es:ESHttpPost")
	}
	var found struct {
		Shards struct {
			Total int `json:"total"`
		} `json:"_shards"`
		Hits struct {
			Total struct {
				Value int `json:"value"`
			} `json:"total"`
		} `json:"hits"`
		Aggregations struct {
			Newest struct {
				Value *float64 `json:"value"` // milliseconds
			} `json:"newest"`
		} `json:"aggregations"`
	}
	if err := json.Unmarshal(a.Body, &found); err != nil {
		return needless("the answer to a search cannot be read: %v", err)
	}
	pattern := e.target.Pattern()
	// A domain with do_not_fail_on_forbidden leaves out of a search what the role may not read.
	// (Collections never count shards.)
	if found.Shards.Total == 0 && !e.serverless() && item(e.first).Kind != opensearch.IndexMissing {
		o := needless("what arrives cannot be seen: the index exists, and a search finds none " +
			"that the role may read")
		o.remedy = "delivery does not need it; to have it checked, add indices:data/read/search " +
			"to the role's index permissions"
		return o
	}
	newest := found.Aggregations.Newest.Value
	if newest == nil {
		what := "there is no document in " + pattern
		if n := found.Hits.Total.Value; n > 0 {
			what = fmt.Sprintf("none of the %d documents in %s has %s", n, pattern, e.cfg.TimeKey)
		}
		return broken("look at the log of the Fluent Bit pods for lines of opensearch_irsa, at "+
			"Path and Tag of the inputs, and whether Match fits the tag", "%s", what)
	}
	old := time.Since(time.UnixMilli(int64(*newest)))
	if old > e.maxAge {
		return broken("look at the log of the Fluent Bit pods for lines of opensearch_irsa, and "+
			"whether anything is logged at all; -max-age says how old may be", "the newest of %d documents in %s is %s old", found.Hits.Total.Value, pattern, age(old))
	}
	return fine("the newest of %d documents in %s is %s old", found.Hits.Total.Value, pattern,
		age(max(old, 0)))
}
