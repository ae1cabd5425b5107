package deliver

import "out_opensearch_irsa/internal/opensearch"

// deliveryError tells the errors of delivering apart: a cause, and the index that it is about; ""
// where the cause is that of whole requests.
type deliveryError struct {
	kind  opensearch.Kind
	index string
}

func (e deliveryError) String() string {
	if e.index == "" {
		return e.kind.String()
	}
	return e.kind.String() + " of index " + e.index
}

// otherError names an error that is not about delivering.
type otherError string

const (
	deadLetterError    otherError = "dead letters"
	indexTemplateError otherError = "index template"
	compareError       otherError = "comparing documents"
)

func (e otherError) String() string { return string(e) }
