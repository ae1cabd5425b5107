package equality

import "strings"

// section is one set of options, as both sides are given it.
type section struct {
	name    string
	options []string // "Name value"
	// typed leaves out Suppress_Type_Name, without which the built-in output sends a _type that
	// OpenSearch 2 and later refuse.
	typed bool
	// ours are options that the built-in output does not know.
	ours []string
	// seeded has each record's document there beforehand, with nothing in it but that.
	seeded bool
}

func set(name string, options ...string) section { return section{name: name, options: options} }

// pipeline is an ingest pipeline that is there.
const pipeline = "equality"

// matrix is the sets of options that the corpus goes through.
var matrix = []section{
	set("defaults"),
	{name: "type name sent", typed: true},
	{name: "Dedot Off", ours: []string{"Dedot Off"}},
	set("Compress, and options without an effect", "Compress gzip", "Type event", "Buffer_Size 4M",
		"Trace_Output Off"),
	set("Index", "Index shop.logs_1"),
	set("Index with a date", "Index shop-%Y.%m.%d"),
	set("Index with a field", "Index shop-$kubernetes['namespace_name']"),
	set("Index with a bare field", "Index shop-$app"),
	set("Index with an element", "Index shop-$kubernetes['ports'][1]"),
	set("Index with the tag", "Index shop-$TAG"),
	set("Index with a part of the tag", "Index shop-$TAG[1]"),
	set("Logstash_Format", "Logstash_Format On"),
	set("Logstash_Prefix", "Logstash_Format On", "Logstash_Prefix shop",
		"Logstash_Prefix_Separator _", "Logstash_DateFormat %Y.%j"),
	set("Logstash_Prefix_Key", "Logstash_Format On", "Logstash_Prefix_Key "+
		"$kubernetes['namespace_name']"),
	set("Logstash_Prefix_Key bare", "Logstash_Format On", "Logstash_Prefix shop",
		"Logstash_Prefix_Key app", "Logstash_DateFormat %Y"),
	set("Current_Time_Index", "Logstash_Format On", "Current_Time_Index On"),
	set("Current_Time_Index with Index", "Index shop-%Y.%m.%d", "Current_Time_Index On"),
	set("Time_Key", "Time_Key when"),
	set("Time_Key_Format", "Time_Key_Format %Y/%m/%d %H.%M.%S"),
	set("Time_Key_Nanos", "Time_Key_Nanos On"),
	set("Include_Tag_Key", "Include_Tag_Key On"),
	set("Tag_Key", "Include_Tag_Key On", "Tag_Key tag"),
	set("Replace_Dots", "Replace_Dots On"),
	set("Replace_Dots with dots in options", "Replace_Dots On", "Include_Tag_Key On",
		"Tag_Key fluent.tag", "Time_Key event.time"),
	set("Generate_ID Off", "Generate_ID Off"),
	set("Generate_ID On", "Generate_ID On"),
	set("Write_Operation index", "Write_Operation index"),
	set("Id_Key", "Id_Key id"),
	set("Id_Key as accessor", "Id_Key $id", "Write_Operation index"),
	{name: "Write_Operation update", options: []string{"Write_Operation update", "Id_Key id"},
		seeded: true},
	{name: "Write_Operation upsert", options: []string{"Write_Operation Upsert", "Id_Key id"},
		seeded: true},
	set("Write_Operation upsert with Generate_ID", "Write_Operation upsert", "Generate_ID On"),
	set("Pipeline", "Pipeline "+pipeline),
}

// room is the part of a path, and of index names, that stands for a section on one side.
func (s *section) room(side string) string {
	return side + "." + strings.NewReplacer(" ", "-", ",", "").Replace(strings.ToLower(s.name))
}

// lines are the lines that both sides are given.
func (s *section) lines() []string {
	if s.typed {
		return s.options
	}
	return append([]string{"Suppress_Type_Name On"}, s.options...)
}
