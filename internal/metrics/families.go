package metrics

import (
	"bytes"
	"io"
)

// Families is every metric there is, without the prefix opensearch_irsa_, with its help.
var Families = map[string]string{
	"records_total": "Records that came from Fluent Bit, those of a chunk " +
		"that came back counted again.",
	"chunk_bytes_total": "Bytes of the chunks that came from Fluent Bit.",
	"chunks_total": "Chunks by the answer that Fluent Bit got: ok, or " +
		"retry, with which it brings the chunk back.",
	"documents_stored_total": "Documents that the domain stored.",
	"documents_duplicate_total": "Documents that the domain had already, from an " +
		"attempt whose answer was lost or a file read again.",
	"documents_sent_again_total": "Items that were in a second or later request of a flush.",
	"documents_rejected_total": "Records that the domain will not take, by its error " +
		"type. They go to the dead letters.",
	"dead_letters_total": "Records, and damaged ends of chunks, written to the dead letters.",
	"dead_letter_writes_failed_total": "Attempts to write dead letters that failed. Fluent " +
		"Bit keeps their chunks.",
	"panics_recovered_total": "Panics in the plugin that were recovered from. Each " +
		"is a bug to report, with the log's lines.",
	"chunks_by_reference_encoder_total": "Chunks that the slow reference encoder encoded, " +
		"because the encoder panicked.",
	"ledger_evictions_total": "Chunks that were forgotten although Fluent Bit was " +
		"to bring them back: the ledger is full.",
	"requests_total": "Bulk requests by HTTP status, or by kind of failure " +
		"where there was no answer.",
	"request_duration_seconds": "Time from signing a request to the last byte of its answer.",
	"request_size_bytes":       "Size of a request's body as sent.",
	"requests_in_flight":       "Requests under way.",
	"requests_in_flight_limit": "How many requests may be under way: falls when the " +
		"domain is overloaded, and grows again.",
	"ledger_chunks": "Chunks that are remembered so that only the rest of " +
		"them is sent when they come back.",
	"credentials_expiry_timestamp_seconds": "When the credentials expire; 0 where they do not.",
	"last_success_timestamp_seconds":       "When the domain last took a document; 0 for never.",
	"build_info":                           "Always 1, with the plugin's version and Go's.",
}

// helped copies metrics from text to w with the help that the library leaves empty.
func helped(w io.Writer, text []byte) {
	const start = "# HELP " + prefix
	for line := range bytes.Lines(text) {
		if name, ok := bytes.CutPrefix(line, []byte(start)); ok {
			name = bytes.TrimSpace(name)
			_, _ = io.WriteString(w, start+string(name)+" "+Families[string(name)]+"\n")
			continue
		}
		_, _ = w.Write(line)
	}
}
