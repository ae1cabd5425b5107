// Package compile turns the options that say what becomes of a record into what works on records:
// the encoder, the templates of index names, the fields for action lines, the rules of Multiline.
// Its input is a Config; its output is those parts, or what is wrong with the options. It reads no
// record.
package compile

import (
	"errors"
	"fmt"
	"strings"

	"out_opensearch_irsa/internal/accessor"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/document"
	"out_opensearch_irsa/internal/indexname"
	"out_opensearch_irsa/internal/multiline"
)

// Check finds the mistakes in these options, which config.Load does not look into.
func Check(cfg *config.Config) error {
	_, encoderErr := NewEncoder(cfg)
	_, namesErr := NewNames(cfg)
	_, fieldsErr := NewFields(cfg)
	_, rulesErr := NewRules(cfg)
	return errors.Join(encoderErr, namesErr, fieldsErr, rulesErr)
}

// NewEncoder makes what encodes a record as a document.
func NewEncoder(cfg *config.Config) (*document.Encoder, error) {
	return document.NewEncoder(document.Options{
		TimeKey: cfg.TimeKey, TimeFormat: cfg.TimeKeyFormat, TimeNanos: cfg.TimeKeyNanos,
		TagKey: cfg.TagKey, ReplaceDots: cfg.ReplaceDots, Dedot: cfg.Dedot,
	})
}

// Names are the templates of index names. A template keeps what it rendered last, so they belong to
// one flush at a time.
type Names struct{ Target, Fallback, DeadLetter *indexname.Template }

// NewNames compiles Index, or what it is made of, Fallback_Index and Dead_Letter_Index.
func NewNames(cfg *config.Config) (Names, error) {
	compile := func(option, text string) (*indexname.Template, error) {
		t, err := indexname.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
		return t, nil
	}
	target, targetErr := compile(cfg.IndexFrom, cfg.Index)
	fallback, fallbackErr := compile("Fallback_Index", cfg.FallbackIndex)
	dead, deadErr := compile("Dead_Letter_Index", cfg.DeadLetterIndex)
	if targetErr != nil {
		deadErr = nil // it is made of Index where it is not given, and would say the same again
	}
	return Names{target, fallback, dead}, errors.Join(targetErr, fallbackErr, deadErr)
}

// Fields are the fields of a record that go into its action line; nil where the option is not
// given, or names no field. Offset goes into the id.
type Fields struct{ ID, Routing, Pipeline, Offset *accessor.Field }

// NewFields compiles Id_Key, Routing_Key, Offset_Key, and Pipeline where it names a field.
func NewFields(cfg *config.Config) (Fields, error) {
	var failed []error
	compile := func(option, text string) *accessor.Field {
		if text == "" {
			return nil
		}
		f, err := accessor.CompileField(text)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", option, err))
		}
		return f
	}
	var f Fields
	f.ID, f.Routing, f.Offset = compile("Id_Key", cfg.IDKey),
		compile("Routing_Key", cfg.RoutingKey), compile("Offset_Key", cfg.OffsetKey)
	if strings.HasPrefix(cfg.Pipeline, "$") {
		f.Pipeline = compile("Pipeline", cfg.Pipeline)
	}
	return f, errors.Join(failed...)
}

// NewRules compiles the options of Multiline. It returns nil where none of them is given.
func NewRules(cfg *config.Config) (*multiline.Rules, error) {
	if len(cfg.Multiline) == 0 && cfg.MultilineStart == "" {
		return nil, nil
	}
	return multiline.Compile(multiline.Options{
		Languages: cfg.Multiline, Start: cfg.MultilineStart, Continue: cfg.MultilineContinue,
		Key: cfg.MultilineKey, MaxLines: cfg.MultilineMaxLines, MaxBytes: cfg.MultilineMaxSize,
	})
}
