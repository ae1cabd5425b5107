package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type timeDuration = time.Duration

const (
	second = time.Second
	minute = time.Minute
)

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		b, err := parseBool(v)
		*field(c) = b
		return err
	}
}

// parseBool reads a boolean with the words that Fluent Bit takes (flb_utils_bool).
func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	}
	return false, errors.New("write On or Off")
}

func choice(field func(*Config) *string, allowed ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, a := range allowed {
			if strings.EqualFold(v, a) {
				*field(c) = a
				return nil
			}
		}
		last := len(allowed) - 1
		return fmt.Errorf("write %s or %s", strings.Join(allowed[:last], ", "), allowed[last])
	}
}

func setCompress(c *Config, v string) error {
	switch strings.ToLower(v) {
	case "gzip":
		c.Gzip = true
	case "none", "off", "false":
	default:
		return errors.New("write gzip or none")
	}
	return nil
}

func size(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := parseSize(v)
		if err == nil && (n < low || n > high) {
			err = fmt.Errorf("write a size from %s to %s", formatSize(low), formatSize(high))
		}
		*field(c) = n
		return err
	}
}

// setMemoryLimit takes a size, or a boolean that says no. Below what the buffers of a few workers
// take, Go would collect garbage all the time and free nothing.
func setMemoryLimit(c *Config, v string) error {
	c.MemoryLimit = 0
	if on, err := parseBool(v); err == nil && !on {
		return nil
	}
	if size(func(c *Config) *int { return &c.MemoryLimit }, 32<<20, 64<<30)(c, v) != nil {
		return errors.New("write a size from 32M to 64G, or Off")
	}
	return nil
}

var sizePattern = regexp.MustCompile(`^(?i)(\d+(?:\.\d+)?)\s*(k|kb|kib|m|mb|mib|g|gb|gib|b|)$`)

// parseSize reads a number of bytes. As in Fluent Bit's own options, K, M and G are powers of 1024.
func parseSize(v string) (int, error) {
	m := sizePattern.FindStringSubmatch(v)
	if m == nil {
		return 0, errors.New("write a number of bytes, such as 5M or 512K")
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil || f > 1<<40 {
		return 0, errors.New("write a number of bytes, such as 5M or 512K")
	}
	switch strings.ToLower(m[2] + " ")[0] {
	case 'k':
		f *= 1 << 10
	case 'm':
		f *= 1 << 20
	case 'g':
		f *= 1 << 30
	}
	return int(f), nil
}

func formatSize(n int) string {
	if n >= 1<<20 {
		return strconv.Itoa(n>>20) + "M"
	}
	return strconv.Itoa(n>>10) + "K"
}

func duration(field func(*Config) *time.Duration, low, high time.Duration) func(*Config,
	string) error {
	return func(c *Config, v string) error {
		d, err := parseDuration(v)
		if err == nil && (d < low || d > high) {
			err = fmt.Errorf("write a time from %s to %s", low, high)
		}
		*field(c) = d
		return err
	}
}

// parseDuration reads a time; a bare number is seconds, as in Fluent Bit's own options.
func parseDuration(v string) (time.Duration, error) {
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, errors.New("write a time such as 4s, 500ms or 1m")
	}
	return d, nil
}

// file takes the path of a file that has to be readable now: a wrong path is a mistake that
// start-up should show.
func file(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		f, err := os.Open(v) // #nosec G304 -- the operator names the file
		if err != nil {
			return fmt.Errorf("it cannot be read: %w", err)
		}
		*field(c) = v
		return f.Close()
	}
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)

func setRoleARN(c *Config, v string) error {
	if !roleARN.MatchString(v) {
		return errors.New("write a role's ARN, such as arn:aws:iam::123456789012:role/log-writer")
	}
	c.AWSRoleARN = v
	return nil
}

// languages are those whose stack traces are known, as package multiline has them.
var languages = []string{"go", "java", "python", "ruby"}

func setMultiline(c *Config, v string) error {
	c.Multiline = nil
	if on, err := parseBool(v); err == nil {
		if on {
			return errors.New("write the languages, such as go, java, python, with commas " +
				"between them")
		}
		return nil
	}
	for name := range strings.SplitSeq(v, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(languages, name) || slices.Contains(c.Multiline, name) {
			return errors.New("write Off, or some of go, java, python and ruby with commas " +
				"between them, each once; for another language write Multiline_Start and " +
				"Multiline_Continue")
		}
		c.Multiline = append(c.Multiline, name)
	}
	return nil
}

func pattern(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if _, err := regexp.Compile(v); err != nil {
			return fmt.Errorf("write a regular expression as Go has them: %w", err)
		}
		*field(c) = v
		return nil
	}
}

func number(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("write a number from %d to %d", low, high)
		}
		*field(c) = n
		return nil
	}
}

// kubernetesMaps are the maps in which the kubernetes filter puts keys with dots that clash with
// each other.
var kubernetesMaps = []string{"kubernetes.labels", "kubernetes.annotations"}

func setDedot(c *Config, v string) error {
	if on, err := parseBool(v); err == nil {
		c.Dedot = nil
		if on {
			c.Dedot = kubernetesMaps
		}
		return nil
	}
	for path := range strings.SplitSeq(v, ",") {
		path = strings.TrimSpace(path)
		if path == "" || strings.ContainsAny(path, " $[]'") {
			return errors.New("write On, Off, or paths such as kubernetes.labels with commas " +
				"between them")
		}
		c.Dedot = append(c.Dedot, path)
	}
	return nil
}

// ignored is for options of the built-in output that have nothing to do here.
func ignored(*Config, string) error { return nil }
