package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The guide's commands are taken from its text and run within the node, where kubectl and make
// bootstrap are the real ones. What a person would have and this machine has not is stood in for by
// a script of the same name: docker and make image, since buildah has built those images, and
// terraform, since localaws is the AWS that it would fill.

// guide is the installation guide, from the README if it is not a document of its own.
func guide(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err == nil {
		return string(text), nil
	}
	if text, err = os.ReadFile(filepath.Join(root, "README.md")); err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(text), "\n## Install\n")
	install, _, _ := strings.Cut(rest, "\n## ")
	return install, nil
}

// guideStep is a heading of the guide with the commands below it.
type guideStep struct {
	title    string
	commands []string // a block each
}

var heading = regexp.MustCompile(`^#{2,3} (\d.*)$`)

// guideSteps are its numbered steps that have commands.
func guideSteps(text string) []guideStep {
	var steps []guideStep
	var block []string
	inside, shell := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			if inside && shell && len(steps) > 0 {
				last := &steps[len(steps)-1]
				last.commands = append(last.commands, strings.Join(block, "\n"))
			}
			inside, shell, block = !inside, line == "```sh", nil
		case inside:
			block = append(block, line)
		case heading.MatchString(line):
			steps = append(steps, guideStep{title: heading.FindStringSubmatch(line)[1]})
		case strings.HasPrefix(line, "## "):
			if len(steps) > 0 && !inside {
				steps = append(steps, guideStep{}) // what comes after the steps is none
			}
		}
	}
	var with []guideStep
	for _, s := range steps {
		if s.title != "" && len(s.commands) > 0 {
			with = append(with, s)
		}
	}
	return with
}

// shims are the stand-ins. Each fails for what it does not stand in for.
func (s *site) shims(dir string, t tree) error {
	for name, script := range map[string]string{
		"docker": `case "$*" in
"build -t ` + appImage + ` deploy/sample-app"|"push ` + appImage + `") exit 0 ;;
esac
echo "docker $*: the cluster has no such image" >&2; exit 1`,
		"terraform": `case "$*" in
init|apply) exit 0 ;;
"output -raw settings_env") cat ` + filepath.Join(t.dir, "settings.env") + ` ;;
*) echo "terraform $*: not stood in for" >&2; exit 1 ;;
esac`,
		"make": `case "$1" in
image) exit 0 ;;
bootstrap) ;;
*) echo "make $*: not stood in for" >&2; exit 1 ;;
esac
[ "${OPENSEARCH_PASSWORD:-}" != secret ] || export OPENSEARCH_PASSWORD='` + s.openSearch.Password + `'
exec /usr/bin/make --no-print-directory -C ` + s.root + ` "$@"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"),
			0o755); err != nil {
			return err
		}
	}
	return nil
}

// followGuide does the guide's steps. said gets what they print.
func (s *site) followGuide(ctx context.Context, dir string,
	said func(step, output string)) (err error) {
	t, err := newTree(s.root, dir)
	if err != nil {
		return err
	}
	// What the guide asks for in words: names of images and the choice of components.
	if err := errors.Join(
		t.edit(filepath.Join(dir, "deploy", "sample-app", "deployment.yaml"),
			"image: sample-app:1.0.0", "image: "+appImage),
		t.image("irsa", agentImage), t.settings("irsa"),
	); err != nil {
		return err
	}
	if s.old() {
		if err := t.components("irsa"); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(t.overlay("irsa"), "settings.env"),
		filepath.Join(dir, "settings.env")); err != nil {
		return err
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := s.shims(bin, t); err != nil {
		return err
	}
	arn, key, secret, err := s.masterUser(ctx)
	if err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, s.ca.PEM(), 0o600); err != nil {
		return err
	}
	text, err := guide(s.root)
	if err != nil {
		return err
	}
	for _, step := range guideSteps(text) {
		for _, block := range step.commands {
			c := s.node.Command(ctx, "bash", "-eu", "-o", "pipefail", "-c", block)
			c.Dir = dir
			c.Env = append(os.Environ(), c.Env...)
			c.Env = append(c.Env, "PATH="+bin+":"+filepath.Join(s.node.Bin())+":"+os.Getenv("PATH"),
				"SSL_CERT_FILE="+ca,
				"HOME="+os.Getenv("HOME"), "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret, "GOPROXY=off")
			out, err := c.Output()
			said(step.title, out)
			if err != nil {
				return fmt.Errorf("step %q as %s: %w", step.title, arn, err)
			}
		}
	}
	return nil
}

// masterUser is a person with a key, whom the domain has as a master user, and who reaches it by
// password too.
func (s *site) masterUser(ctx context.Context) (arn, key, secret string, err error) {
	values := map[string]string{"OPENSEARCH_ARN": domainARN, "CLIENT_CIDR": "10.88.0.0/16"}
	policy, err := s.iamFile("policy.json", values)
	if err != nil {
		return "", "", "", err
	}
	if arn, key, secret, err = s.iam.AddUser("master", policy); err != nil {
		return "", "", "", err
	}
	access, err := s.iamFile("domain-access-policy.json", values)
	if err == nil {
		err = s.frontDoor.SetAccessPolicy(access)
	}
	if err == nil {
		_, err = s.do(ctx, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
			fmt.Sprintf(`{"backend_roles":["admin",%q,%q]}`, s.masterARN, arn))
	}
	return arn, key, secret, err
}

// old tells whether the agent is a Fluent Bit that the shipped components are not for.
func (s *site) old() bool { return strings.HasPrefix(s.host.Version, "Fluent Bit v1.") }
