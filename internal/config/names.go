package config

import (
	"slices"
	"strings"
)

// IsOption tells whether there is an option of that name, whatever its case.
func IsOption(name string) bool {
	return slices.ContainsFunc(Options,
		func(o Option) bool { return strings.EqualFold(o.Name, name) })
}

// DidYouMean returns "; did you mean Index?" where an option is spelled almost like name, else "".
func DidYouMean(name string) string {
	best, least := "", 3
	for _, o := range Options {
		if d := distance(strings.ToLower(name), strings.ToLower(o.Name)); d < least {
			best, least = o.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := corner
			if a[i-1] != b[j-1] {
				change++
			}
			corner = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
