package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const testConfig = `# a comment
[default]
region = eu-west-1
[profile chained]
role_arn = arn:aws:iam::2:role/writer
source_profile = keys
external_id = ext
role_session_name = from the file
[profile itself]
role_arn = arn:aws:iam::2:role/writer
source_profile = itself
[profile token]
role_arn = arn:aws:iam::2:role/web
web_identity_token_file = /nowhere/token
[profile loop]
role_arn = arn:aws:iam::2:role/a
source_profile = loop2
[profile loop2]
role_arn = arn:aws:iam::2:role/b
source_profile = loop
[profile node]
role_arn = arn:aws:iam::2:role/a
credential_source = Ec2InstanceMetadata
[profile env]
role_arn = arn:aws:iam::2:role/a
credential_source = Environment
[profile odd]
role_arn = arn:aws:iam::2:role/a
credential_source = Moon
[profile alone]
role_arn = arn:aws:iam::2:role/a
[profile code]
role_arn = arn:aws:iam::2:role/a
mfa_serial = arn:aws:iam::1:mfa/me
[profile process]
credential_process = /bin/true
[profile empty]
region = eu-west-1
`

const testCredentials = `[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = d
[keys]
aws_access_key_id=AKIAFILE
aws_secret_access_key=f+/le
[itself]
aws_access_key_id=AKIASELF
aws_secret_access_key=s
`

// profileHome is a home directory with the two files.
func profileHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config": testConfig,
		"credentials": testCredentials} {
		if err := os.WriteFile(filepath.Join(home, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestIdentityParseProfilesSuccess(t *testing.T) {
	f := func(text string, isConfig bool, want profiles) {
		t.Helper()
		got := profiles{}
		if err := parseProfiles(text, isConfig, got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v (%v), want %v", text, got, err, want)
		}
	}
	f("", false, profiles{})
	f("; c\n# c\n\n", true, profiles{})
	f("[a]\nk = v\r\nK2=w x\n", false, profiles{"a": {"k": "v", "k2": "w x"}})
	f("[ a ] # c\nk = v # c\nl = v#c;d\nm =\t;c\n", false,
		profiles{"a": {"k": "v", "l": "v#c;d", "m": ""}})
	f("[default]\na=1\n[profile b]\na=2\n[b]\na=3\n[sso-session s]\na=4\n", true,
		profiles{"default": {"a": "1"}, "b": {"a": "2"}})
	f("[b]\na=1\n[b]\nc=2\na=3", false, profiles{"b": {"a": "3", "c": "2"}})
	f("[a]\ns3 =\n  x = 1\n  y = 2\nk = v\n", true, profiles{}) // in the configuration file it is [profile a]
	f("[a]\ns3 =\n  x = 1\n  y = 2\nk = v\n", false, profiles{"a": {"s3": "", "k": "v"}})
	f("[a]\n  k = v\n  l = w\n", false, profiles{"a": {"k": "v", "l": "w"}})
	f("[a]\nk = a=b==\n", false, profiles{"a": {"k": "a=b=="}})
}

func TestIdentityParseProfilesFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if err := parseProfiles(text, false, profiles{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	f("k = v", "line 1: it is neither")
	f("[a]\ns3cret", "line 2: it is neither")
	f("\n[a", "line 2: a section is written [name]")
	f("[a] b", "line 1: a section")
}

// FuzzParseProfiles wants what was read to be read again once it is written, and no error to quote
// the file.
func FuzzParseProfiles(f *testing.F) {
	f.Add(testConfig, true)
	f.Add(testCredentials, false)
	f.Add("[a]\n x\n", false)
	f.Fuzz(func(t *testing.T, text string, isConfig bool) {
		got := profiles{}
		if err := parseProfiles(text, isConfig, got); err != nil {
			if len(err.Error()) > 80 {
				t.Errorf("an error as long as a line of the file: %v", err)
			}
			return
		}
		var again strings.Builder
		for name, section := range got {
			if isConfig && name != "default" {
				name = "profile " + name
			}
			fmt.Fprintf(&again, "[%s]\n", name)
			for key, value := range section {
				if key == "" || strings.ContainsAny(key[:1], "[#;") ||
					strings.ContainsAny(key+value, "\r\v\f\u0085\u00a0") {
					return // cannot be written again as it was
				}
				fmt.Fprintf(&again, "%s=%s\n", key, value)
			}
		}
		twice := profiles{}
		if err := parseProfiles(again.String(), isConfig, twice); err != nil ||
			!reflect.DeepEqual(got, twice) {
			t.Errorf("%q became %v, and then %v (%v)", text, got, twice, err)
		}
	})
}

func TestIdentityProfileSuccess(t *testing.T) {
	f := func(profile, credentials, session string, sources ...string) {
		t.Helper()
		sts := &fakeSTS{life: time.Hour}
		env := environ("HOME", profileHome(t), "AWS_ACCESS_KEY_ID", "AKIAENV",
			"AWS_SECRET_ACCESS_KEY", "e")
		i := irsa(t, sts, "", func(o *Options) {
			o.Getenv, o.Profile, o.Credentials = env, profile,
				credentials
		})
		for _, s := range sources {
			if !strings.Contains(i.Source(), s) {
				t.Errorf("%s: source %q does not name %q", profile, i.Source(), s)
			}
		}
		if _, err := i.Credentials(t.Context()); err != nil {
			t.Errorf("%s: %v", profile, err)
			return
		}
		last := len(sts.forms) - 1
		if got := sts.forms[last].Get("RoleSessionName"); session != "" && got != session {
			t.Errorf("%s: session %q, want %q", profile, got, session)
		}
	}
	f("chained", "profile", "from-the-file", "AKIAFILE", "arn:aws:iam::2:role/writer")
	f("itself", "profile", "", "AKIASELF", "arn:aws:iam::2:role/writer")
	f("env", "profile", "", "AKIAENV")
}

func TestIdentityProfileFailure(t *testing.T) {
	f := func(profile string, kind Kind, words ...string) {
		t.Helper()
		_, err := New(Options{Region: "r", Credentials: "profile", Profile: profile,
			Getenv: environ("HOME", profileHome(t))})
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind || e.Remedy == "" {
			t.Errorf("%s: got %v", profile, err)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not name %q", profile, err, w)
			}
		}
	}
	f("missing", NoCredentials, `"missing"`, ".aws/credentials", ".aws/config", "AWS_Profile")
	f("loop", BadOption, "loop, loop2, loop")
	f("node", BadOption, "AWS_Credentials default")
	f("env", NoCredentials, "AWS_SECRET_ACCESS_KEY")
	f("odd", BadOption, `"Moon"`, "EcsContainer")
	f("alone", BadOption, "source_profile")
	f("code", BadOption, "mfa_serial")
	f("process", BadOption, "credential_process")
	f("empty", NoCredentials, "aws_access_key_id")

	bad := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(bad, []byte("[keys]\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Region: "r", Profile: "keys",
		Getenv: environ("AWS_SHARED_CREDENTIALS_FILE", bad)})
	if err == nil || !strings.Contains(err.Error(), "line 2") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// TestIdentityNothingPrintsSecrets prints an Identity in every way that there is.
func TestIdentityNothingPrintsSecrets(t *testing.T) {
	o := Options{Region: "eu-west-1",
		Getenv: environ("AWS_ACCESS_KEY_ID", "AKIA1", "AWS_SECRET_ACCESS_KEY", "hunter2",
			"AWS_SESSION_TOKEN", "hunter3")}
	i, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if _, err := i.Credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, value := range []any{i, o, struct{ Identity any }{i}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "hunter") ||
				strings.Contains(text, "68756e746572") {
				t.Errorf("%s of %T shows a secret: %s", verb, value, text)
			}
		}
	}
}
