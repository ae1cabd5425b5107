package main

import (
	"fmt"
	"testing"
)

func TestCount(t *testing.T) {
	f := func(want expected, indexed, dead []int, sum sums) {
		t.Helper()
		if got := count(want, indexed, dead); got != sum {
			t.Errorf("%+v with %v and %v in the dead letters: got %+v, want %+v", want, indexed,
				dead, got, sum)
		}
	}
	f(expected{3, 1}, []int{2, 1, 3}, []int{planted}, sums{written: 4, indexed: 3, dead: 1})
	f(expected{3, 0}, []int{1, 3, 3, 3}, nil,
		sums{written: 3, indexed: 4, duplicates: 2, lost: 1, gone: " 2-2", twice: " 3-3"})
	f(expected{2, 1}, []int{1, 2}, nil, sums{written: 3, indexed: 2, lost: 1})
	f(expected{2, 1}, []int{1, 2}, []int{planted, planted},
		sums{written: 3, indexed: 2, dead: 2, duplicates: 1})
	// A good record in both places, a bad one in the index, a good one in the dead letters, one
	// that nobody wrote.
	f(expected{2, 0}, []int{1, 2}, []int{2},
		sums{written: 2, indexed: 2, dead: 1, duplicates: 1, twice: " 2-2"})
	f(expected{1, 1}, []int{1, planted}, nil, sums{written: 2, indexed: 2, misfiled: 1})
	f(expected{9, 0}, []int{1, 4, 8}, nil,
		sums{written: 9, indexed: 3, lost: 6, gone: " 2-3 5-7 9-9"})
	f(expected{1, 0}, nil, []int{1}, sums{written: 1, dead: 1, misfiled: 1})
	f(expected{1, 0}, []int{1, 2}, nil, sums{written: 1, indexed: 2, misfiled: 1})
}

// TestApart has a line that is in its trace's document and in one of its own, a trace in two
// pieces, and a line that is in two traces' documents.
func TestApart(t *testing.T) {
	all, cut := apart([][]int{{1, 2, 3}, {2, 3}, {3}, {4, 5}, {6}, {7, 8}, {9, 8}, {4}})
	if got := fmt.Sprint(all, cut); got != "[1 2 3 4 5 6 7 8 9 8 4] 3" {
		t.Error(got)
	}
}

func TestProven(t *testing.T) {
	good := result{fired: 1, bad: 2, sums: sums{written: 5, indexed: 3, dead: 2}}
	if !good.proven() {
		t.Error("a row that is as it has to be is not proven")
	}
	for name, spoil := range map[string]func(*result){
		"lost":                func(r *result) { r.sums.lost = 1 },
		"duplicates":          func(r *result) { r.sums.duplicates = 1 },
		"misfiled":            func(r *result) { r.sums.misfiled = 1 },
		"too many letters":    func(r *result) { r.sums.dead = 3 },
		"the fault never met": func(r *result) { r.fired = 0 },
		"nothing written":     func(r *result) { r.sums = sums{}; r.bad = 0 },
		"too many cut":        func(r *result) { r.sums.cut = 1 },
		"an error":            func(r *result) { r.err = errUnproven },
	} {
		r := good
		spoil(&r)
		if r.proven() {
			t.Errorf("a row with %s is proven", name)
		}
	}
}
