package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// TestRefuserKeepsItemsToItself sends zipped items through to a store that acknowledges each, and
// compares what the store got with what the answer says of each item.
func TestRefuserKeepsItemsToItself(t *testing.T) {
	for _, share := range []float64{0, 0.5, 1} {
		stored := map[string]bool{}
		store := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var answers []string
			items, err := readItems(r)
			if err != nil {
				t.Error(err)
			}
			for _, item := range items {
				stored[string(item)] = true
				answers = append(answers, `{"create":{"status":201}}`)
			}
			_, _ = io.WriteString(w, `{"errors":false,"items":[`+strings.Join(answers, ",")+`]}`)
		})
		d := &domain{statuses: map[int]int{}, words: map[string]int{}}
		d.set(someItems(share))
		var sent []string
		var body bytes.Buffer
		zipped := gzip.NewWriter(&body)
		for i := range 200 {
			sent = append(sent, "{\"create\":{}}\n{\"n\":"+strconv.Itoa(i)+"}\n")
			_, _ = io.WriteString(zipped, sent[i])
		}
		_ = zipped.Close()
		r := httptest.NewRequest(http.MethodPost, "/i/_bulk", &body)
		r.Header.Set("Content-Encoding", "gzip")
		w := httptest.NewRecorder()
		(&refuser{domain: d, next: store}).ServeHTTP(w, r)

		var answer struct {
			Errors bool
			Items  []map[string]struct{ Status int }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil ||
			len(answer.Items) != len(sent) {
			t.Fatalf("share %g: got %.200s (%v)", share, w.Body, err)
		}
		refused := 0
		for i, item := range answer.Items {
			switch status := item["create"].Status; {
			case status == 201 != stored[sent[i]]:
				t.Errorf("share %g: item %d was answered %d; stored: %t", share, i, status,
					stored[sent[i]])
			case status == 429:
				refused++
			}
		}
		if refused != d.firedCount() || answer.Errors != (refused > 0) ||
			share == 1 && refused != 200 || share == 0.5 && (refused == 0 || refused == 200) {
			t.Errorf("share %g: %d refused, %d counted, errors %t", share, refused, d.firedCount(),
				answer.Errors)
		}
	}
}

func TestReadItemsFailure(t *testing.T) {
	for _, body := range []string{"{}\n", "{}\n{}", "{}\n{}\n{}\n"} {
		if items, err := readItems(httptest.NewRequest(http.MethodPost, "/_bulk",
			strings.NewReader(body))); err == nil {
			t.Errorf("%q gave %d items", body, len(items))
		}
	}
}
