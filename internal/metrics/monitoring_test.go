package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// metricName is a metric of ours in an expression.
var metricName = regexp.MustCompile(prefix + `[a-z_]+`)

// TestMonitoringUsesMetricsThatExist reads the dashboard and the alert rules.
func TestMonitoringUsesMetricsThatExist(t *testing.T) {
	used := map[string]bool{}
	for _, path := range []string{"../../deploy/monitoring/dashboard.json",
		"../../deploy/monitoring/alerts.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".json") && !json.Valid(text) {
			t.Fatalf("%s is no JSON", path)
		}
		names := metricName.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Fatalf("%s uses no metric", path)
		}
		for _, name := range names {
			family := strings.TrimPrefix(name, prefix)
			if _, ok := Families[strings.TrimSuffix(family, "_bucket")]; !ok {
				t.Errorf("%s uses %s, which does not exist", path, name)
			}
			used[strings.TrimSuffix(family, "_bucket")] = true
		}
	}
	for family := range Families {
		if !used[family] && family != "build_info" {
			t.Errorf("neither dashboard nor alerts show %s", family)
		}
	}
}

func TestEveryFamilyHasHelpAndEveryHelpAFamily(t *testing.T) {
	o := Open("z", "v1")
	defer o.Close()
	o.Request("200", 1, 1)
	o.Rejected("x")
	text := shown()
	for family, help := range Families {
		if !strings.Contains(text, "# HELP "+prefix+family+" "+help+"\n") {
			t.Errorf("%s is not shown with its help", family)
		}
	}
	if got := strings.Count(text, "# HELP "); got != len(Families) {
		t.Errorf("%d families are shown, %d are described", got, len(Families))
	}
}
