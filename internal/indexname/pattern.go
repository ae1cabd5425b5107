package indexname

import "strings"

// Pattern matches every name that the template makes: a * stands for each time
// and each field.
func (t *Template) Pattern() string {
	var w strings.Builder
	for i := range t.segments {
		s := &t.segments[i]
		w.WriteString(s.literal)
		switch {
		case s.time != nil:
			w.WriteByte('*')
			if last := s.time.format[len(s.time.format)-1]; last.Verb == 0 {
				w.WriteString(last.Literal)
			}
		case s.accessor != nil:
			w.WriteByte('*')
		}
	}
	p := w.String()
	for strings.Contains(p, "**") {
		p = strings.ReplaceAll(p, "**", "*")
	}
	return p
}

// HasFields tells whether the name depends on the record or its tag.
func (t *Template) HasFields() bool {
	for i := range t.segments {
		if t.segments[i].accessor != nil {
			return true
		}
	}
	return false
}

// Example is the name at that time, with fill in the place of each field.
func (t *Template) Example(sec int64, fill string) string {
	var name []byte
	for i := range t.segments {
		s := &t.segments[i]
		name = append(name, s.literal...)
		switch {
		case s.time != nil:
			name = s.time.append(name, sec)
		case s.accessor != nil:
			name = append(name, fill...)
		}
	}
	return string(name)
}
