package localaws

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// DataAccess is the data access policy of a Serverless collection: which principals may do what to its indexes.
type DataAccess struct {
	collection string
	statements []dataStatement
}

type dataStatement struct {
	Description string     `json:"Description"`
	Rules       []dataRule `json:"Rules"`
	Principal   []string   `json:"Principal"`
}

type dataRule struct {
	ResourceType string   `json:"ResourceType"` // index or collection
	Resource     []string `json:"Resource"`     // index/COLLECTION/PATTERN or collection/PATTERN
	Permission   []string `json:"Permission"`   // aoss:…
}

// dataPermissions is what a rule may grant, by its resource type.
var dataPermissions = map[string][]string{
	"collection": {"aoss:CreateCollectionItems", "aoss:DeleteCollectionItems", "aoss:UpdateCollectionItems", "aoss:DescribeCollectionItems", "aoss:*"},
	"index":      {"aoss:ReadDocument", "aoss:WriteDocument", "aoss:CreateIndex", "aoss:DeleteIndex", "aoss:UpdateIndex", "aoss:DescribeIndex", "aoss:*"},
}

// ParseDataAccess reads the policy of the named collection, without placeholders.
func ParseDataAccess(collection string, document []byte) (*DataAccess, error) {
	p := &DataAccess{collection: collection}
	if err := decodePolicy(document, &p.statements); err != nil {
		return nil, err
	}
	if len(p.statements) == 0 {
		return nil, fmt.Errorf("the policy has no statement")
	}
	for n, s := range p.statements {
		if len(s.Rules) == 0 || len(s.Principal) == 0 {
			return nil, fmt.Errorf("statement %d needs both Rules and Principal", n)
		}
		for _, rule := range s.Rules {
			if err := rule.check(n); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

func (r dataRule) check(n int) error {
	if dataPermissions[r.ResourceType] == nil || len(r.Resource) == 0 || len(r.Permission) == 0 {
		return fmt.Errorf("statement %d has a rule for %q: ResourceType must be index or collection, with Resource and Permission", n, r.ResourceType)
	}
	for _, resource := range r.Resource {
		parts := strings.Split(resource, "/")
		if want := map[string]int{"index": 3, "collection": 2}[r.ResourceType]; len(parts) != want || parts[0] != r.ResourceType {
			return fmt.Errorf("statement %d has the resource %q: it must be index/COLLECTION/PATTERN or collection/PATTERN, as its type says", n, resource)
		}
	}
	for _, permission := range r.Permission {
		if !slices.Contains(dataPermissions[r.ResourceType], permission) {
			return fmt.Errorf("statement %d has the permission %q, which a rule for %q cannot grant", n, permission, r.ResourceType)
		}
	}
	return nil
}

// allows tells whether the principal has the permission on an index, or, with "" for it, on the collection.
func (p *DataAccess) allows(principal, permission, index string) bool {
	kind, resource := "index", "index/"+p.collection+"/"+index
	if index == "" {
		kind, resource = "collection", "collection/"+p.collection
	}
	for _, s := range p.statements {
		if !matchesAny(s.Principal, principal, false) {
			continue
		}
		for _, rule := range s.Rules {
			if rule.ResourceType == kind && matchesAny(rule.Resource, resource, false) && matchesAny(rule.Permission, permission, false) {
				return true
			}
		}
	}
	return false
}

// judge tells whether the principal may do what the request asks. Requests that are none of those that an agent or a bootstrap
// makes need permission on the collection.
func (p *DataAccess) judge(principal string, r *http.Request, body []byte) bool {
	index, endpoint := "", strings.Trim(r.URL.Path, "/")
	if !strings.HasPrefix(endpoint, "_") {
		index, endpoint, _ = strings.Cut(endpoint, "/")
	}
	permission := map[string]string{
		"_bulk": "aoss:WriteDocument", "_doc": "aoss:WriteDocument", "_create": "aoss:WriteDocument", "_search": "aoss:ReadDocument", "_count": "aoss:ReadDocument",
		"_mapping": "aoss:UpdateIndex", "_settings": "aoss:UpdateIndex",
	}[strings.SplitN(endpoint, "/", 2)[0]]
	switch {
	case endpoint == "_bulk":
		for _, name := range bulkIndexes(r, body, index) {
			if !p.allows(principal, permission, name) {
				return false
			}
		}
		return true
	case index == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return p.allows(principal, "aoss:DescribeCollectionItems", "")
	case index == "":
		return p.allows(principal, "aoss:CreateCollectionItems", "")
	case endpoint == "":
		permission = map[string]string{http.MethodPut: "aoss:CreateIndex", http.MethodDelete: "aoss:DeleteIndex"}[r.Method]
	}
	if permission == "" || permission == "aoss:UpdateIndex" && r.Method == http.MethodGet {
		permission = "aoss:DescribeIndex"
	}
	return p.allows(principal, permission, index)
}

// bulkIndexes lists the indexes that a bulk request writes to; index is the path's. A body that cannot be read is left to OpenSearch
// to refuse.
func bulkIndexes(r *http.Request, body []byte, index string) []string {
	items, err := bulkItems(body, r.Header.Get("Content-Encoding") == "gzip")
	if err != nil {
		return []string{index}
	}
	var names []string
	for _, it := range items {
		name := cmp.Or(it.index, index)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
