package main

import (
	"fmt"
	"slices"
)

// middle is the median. It sorts its argument.
func middle(of []float64) float64 {
	slices.Sort(of)
	n := len(of)
	if n == 0 {
		return 0
	}
	return (of[(n-1)/2] + of[n/2]) / 2
}

// quantile is the value below which a share of the others lies. It sorts its argument.
func quantile(of []float64, share float64) float64 {
	slices.Sort(of)
	if len(of) == 0 {
		return 0
	}
	return of[min(len(of)-1, int(share*float64(len(of))))]
}

func values[T any](of []T, field func(T) float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = field(of[i])
	}
	return all
}

func median[T any](of []T, field func(T) float64) float64 { return middle(values(of, field)) }

// figures is the median with the least and the greatest.
func figures[T any](of []T, field func(T) float64) string {
	all := values(of, field)
	return fmt.Sprintf("%.2f [%.2f-%.2f]", middle(all), slices.Min(all), slices.Max(all))
}
