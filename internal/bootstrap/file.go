package bootstrap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// indexesFile is what -file reads: the indexes that a domain has, each with what the flags would
// say for it alone. Names of the environment, as ${INDEX_NAME}, are filled in.
type indexesFile struct {
	Indexes []struct {
		Index       string   `json:"index"`
		RoleARN     string   `json:"role_arn"`
		Role        string   `json:"role"`
		NoRole      bool     `json:"no_role"`
		Shards      *int     `json:"shards"`
		Replicas    *int     `json:"replicas"`
		Retention   string   `json:"retention"`
		Warm        bool     `json:"warm"`
		DataStream  bool     `json:"data_stream"`
		Readers     []string `json:"readers"`
		DeleteOlder bool     `json:"delete_older"`
	} `json:"indexes"`
}

// fromFile reads what each of a file's indexes shall have. What the file does not say of one is as
// in base.
func fromFile(path string, base wanted, getenv func(string) string) ([]wanted, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("cannot read -file: %w", err)
	}
	var file indexesFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("cannot read -file %q: %w: write {\"indexes\": [{\"index\": "+
			"\"eks-log\", \"retention\": \"30d\"}]}", path, err)
	}
	if len(file.Indexes) == 0 {
		return nil, fmt.Errorf("cannot use -file %q: it lists no indexes", path)
	}
	fill := func(value string) string { return os.Expand(value, getenv) }
	var all []wanted
	seen := map[string]bool{}
	for _, i := range file.Indexes {
		w := base
		w.index, w.roleARN = fill(i.Index), cmp.Or(fill(i.RoleARN), base.roleARN)
		w.role = cmp.Or(fill(i.Role), w.index+"-writer")
		w.noRole, w.warm, w.dataStream = i.NoRole || base.noRole, i.Warm ||
			base.warm, i.DataStream || base.dataStream
		w.deleteOlder = i.DeleteOlder || base.deleteOlder
		w.retention = cmp.Or(i.Retention, base.retention)
		if i.Shards != nil {
			w.shards = *i.Shards
		}
		if i.Replicas != nil {
			w.replicas = *i.Replicas
		}
		for _, reader := range i.Readers {
			w.readers = append(w.readers, fill(reader))
		}
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("-file %q, index %q: %w", path, w.index, err)
		}
		if seen[w.index] {
			return nil, fmt.Errorf("cannot use -file %q: it lists %q twice", path, w.index)
		}
		seen[w.index] = true
		all = append(all, w)
	}
	return all, nil
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(v string) error {
	*l = append(*l, v)
	return nil
}
