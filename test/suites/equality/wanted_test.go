package equality

import (
	"encoding/json"
	"fmt"
	"strings"
)

// differences are all that are wanted. Those about whole sections come first, since the others
// build on them.
var differences = []*difference{
	{
		name: "no _type",
		reason: "OpenSearch 2 and later refuse a request with one; the built-in output needs " +
			"Suppress_Type_Name On",
		sections: "type name sent",
		want:     func(c *cell) *document { return c.in("defaults") },
	}, {
		name: "date in Index",
		reason: "is of the record's time; the built-in output takes the clock's, and the " +
			"letters as they are with Generate_ID On",
		sections: "Index with a date",
		want: func(c *cell) *document {
			return c.builtIn.at("shop-" +
				c.entry.time().Format("2006.01.02"))
		},
	}, {
		name: "Current_Time_Index",
		reason: "is about the index only; the built-in output overwrites the record's time in " +
			"the document too",
		sections: "Current_Time_Index.*",
		want: func(c *cell) *document {
			index := "logstash-<today>"
			if c.section.name != "Current_Time_Index" {
				index = "shop-<today>"
			}
			return c.in("defaults").at(index)
		},
	}, {
		name: "Id_Key",
		reason: "takes numbers, booleans and text with quotation marks too, and a record " +
			"without an id gets one of ours; the built-in output gives it the id of the record " +
			"before, so that one of the two is lost",
		sections: "Id_Key.*",
		want:     func(c *cell) *document { return c.in("defaults").ownID() },
	}, {
		name:     "upsert without an id",
		reason:   "gets one of ours, or the number; the built-in output leaves the record out",
		sections: "Write_Operation upsert",
		records:  "(namespace|app|id) .*|empty body",
		want:     func(c *cell) *document { return c.in("defaults").ownID() },
	}, {
		name: "tag in a name",
		reason: "is written in lower case: OpenSearch takes no other, and the built-in output " +
			"loses the record",
		sections: "Index with the tag",
		want: func(c *cell) *document {
			return c.in("defaults").at("shop-" +
				strings.ToLower(c.entry.tag()))
		},
	}, {
		name: "fields in a name",
		reason: "are made legal: lower case, and - for what OpenSearch refuses; the built-in " +
			"output loses the record",
		sections: "Index with a (bare )?field|Logstash_Prefix_Key.*",
		records:  "namespace (upper case|space|slash|comma|star|hash|colon|dots|angle)|app other",
		want:     named,
	}, {
		name: "quotation marks, backslashes and controls in a name",
		reason: "are made legal as well; the built-in output takes the option's text for the " +
			"name, or the prefix",
		sections: "Index with a field|Logstash_Prefix_Key",
		records:  "namespace (quote|backslash|newline)",
		want:     named,
	}, {
		name: "floats and bin in a name",
		reason: "are written as in the document, 1.5; the built-in output writes 1.500000, and " +
			"bin in hexadecimal",
		sections: "Index with a field|Logstash_Prefix_Key",
		records:  "namespace (float|bin)",
		want:     named,
	}, {
		name:     "bytes that are no UTF-8, in a name",
		reason:   "become U+FFFD; the built-in output spoils the whole request",
		sections: "Index with a field|Logstash_Prefix_Key",
		records:  "namespace bad bytes",
		want:     named,
	}, {
		name: "names that would be too long, or begin with - or .",
		reason: "are not used: the record goes to Fallback_Index; the built-in output cuts a " +
			"prefix after 128 bytes, or loses the record",
		sections: "Index with a field|Logstash_Prefix_Key",
		records:  "namespace ([23]00 bytes|negative number)",
		want:     named,
	}, {
		name: "fields that are missing, null or no scalar",
		reason: "send the record to Fallback_Index (or Logstash_Prefix); the built-in output " +
			"writes null or nothing for them, the option's text, or another value on the way to it",
		sections: "Index with a.* (field|element)|Logstash_Prefix_Key.*",
		records:  "namespace (nil|map|array|missing|of no map)|app .*|empty body",
		want:     named,
	}, {
		name:     "elements that are missing",
		reason:   "as before",
		sections: "Index with an element",
		records:  "id .*",
		want:     named,
	}, {
		name: "float32",
		reason: "is written with its own digits, 0.1; the built-in output widens it first, " +
			"0.1000000014901161",
		records: "float32 (0.1|largest|of a map in an array)",
	}, {
		name: "17 digits",
		reason: "are written where a number needs them; the built-in output writes 16 and " +
			"stores another number",
		records: "float (0.1\\+0.2|largest)",
		want: func(c *cell) *document {
			return c.builtIn.with("v", json.Number(map[string]string{"float 0.1+0.2": "0.30000000000000004", "float largest": "1.7976931348623157e+308"}[c.entry.name]))
		},
	}, {
		name: "NaN and infinity",
		reason: "become null; the built-in output writes nan, which is no JSON, " +
			"and the record is lost",
		records: "(NaN|infinity).*",
	}, {
		name: "ext",
		reason: "becomes text: a time, or hexadecimal; the built-in output writes \\x, which is " +
			"no JSON, and the record is lost",
		records: "ext .*",
	}, {
		name:    "bytes that are no UTF-8",
		reason:  "become U+FFFD, so that they are seen; the built-in output leaves them out",
		records: "bytes .*|bin bytes|key of bad bytes",
	}, {
		name:    "bytes that are no UTF-8, in a namespace",
		reason:  "as before",
		records: "namespace bad bytes",
		want: func(c *cell) *document {
			d := c.builtIn
			if d == nil {
				return nil
			}
			d.Body["kubernetes"].(map[string]any)["namespace_name"] = "a\ufffdb"
			return d
		},
	}, {
		name: "keys that are no text",
		reason: "become their JSON as text; the built-in output makes all of them \"\", of " +
			"which the last one stays",
		records: "keys? .*(integers?|negative|float|nil|bool|array|map|ext)",
	}, {
		name: "Dedot",
		reason: "is on under kubernetes.labels and kubernetes.annotations, where app and " +
			"app.kubernetes.io/name would clash",
		except:  "Dedot Off",
		records: "labels that clash",
	}, {
		name: "nesting",
		reason: "what follows a record that is too deeply nested is stored; the built-in output " +
			"drops the rest of the chunk without a word",
		records: "behind maps 150 deep",
	},
}

// at is the document in another index.
func (d *document) at(index string) *document {
	if d != nil {
		d.Index = index
	}
	return d
}

// with is the document with another value.
func (d *document) with(key string, value any) *document {
	if d != nil {
		d.Body[key] = value
	}
	return d
}

// ownID is the document with the id that its record has under "id", if that can be one.
func (d *document) ownID() *document {
	if d == nil {
		return nil
	}
	switch id := d.Body["id"].(type) {
	case string:
		if len(id) <= 512 { // OpenSearch takes no longer one
			d.ID = id
		}
	case json.Number, bool:
		d.ID = fmt.Sprint(id)
	}
	return d
}

// inName is what the fields of these records become in a name; those that are not there cannot be
// in one.
var inName = map[string]string{
	"namespace upper case": "ns-c", "namespace space": "a-b", "namespace slash": "a-b", "namespace comma": "a-b", "namespace star": "a-b", "namespace hash": "a-b", "namespace colon": "a-b",
	"namespace dots": "..-x", "namespace angle": "-x-", "namespace quote": "a-b", "namespace backslash": "a-b", "namespace newline": "a-b", "namespace float": "1.5", "namespace bin": "ns-bin",
	"namespace bad bytes": "a\ufffdb", "namespace negative number": "-7", "namespace 200 bytes": strings.Repeat("n", 200),
}

// named is the document in the index that the record's fields name.
func named(c *cell) *document {
	field, has := inName[c.entry.name]
	first, last, fallback := "shop-", "", "fluent-bit"
	switch c.section.name {
	case "Index with an element":
		if strings.Contains(marshal(c.in("defaults").Body), `"ports":[80,443]`) {
			return c.builtIn
		}
	case "Index with a bare field":
		field, has = appInName(c.entry.name)
	case "Logstash_Prefix_Key":
		first, last, fallback = "", "-2024.02.29", "logstash-2024.02.29"
		has = has && field[0] != '-' && field[0] != '.'
	case "Logstash_Prefix_Key bare":
		first, last, fallback = "", "-2024", "shop-2024"
		field, has = appInName(c.entry.name)
	}
	if !has {
		return c.in("defaults").at(fallback)
	}
	return c.in("defaults").at(first + field + last)
}

func appInName(record string) (name string, has bool) {
	switch record {
	case "app other":
		return "cart", true
	case "app number":
		return "7", true
	case "app nil", "empty body":
		return "", false
	}
	return "shop", true
}
