package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// profileName is the profile that somebody named; "" if nobody did.
func (f *finder) profileName() string { return cmp.Or(f.Profile, f.Getenv("AWS_PROFILE")) }

// profile is a profile of the shared files: keys, or a role with what it is assumed from.
func (f *finder) profile() (source, error) {
	return f.ofProfile(cmp.Or(f.profileName(), "default"), nil)
}

// hasProfile tells whether the files say anything about credentials under that name.
func (f *finder) hasProfile(name string) bool {
	all, err := f.readProfiles()
	if err != nil {
		return true // whose error is worth showing
	}
	for _, key := range []string{"role_arn", "aws_access_key_id", "credential_process",
		"sso_session", "sso_start_url", "login_session"} {
		if all[name][key] != "" {
			return true
		}
	}
	return false
}

// ofProfile gives the source that a profile describes. above are the profiles that led here by
// source_profile.
func (f *finder) ofProfile(name string, above []string) (source, error) {
	all, err := f.readProfiles()
	if err != nil {
		return source{}, err
	}
	p := all[name]
	wrong := func(kind Kind, remedy, format string, args ...any) (source, error) {
		return source{}, &Error{Kind: kind,
			Summary: fmt.Sprintf("cannot use AWS profile %q: ", name) +
				fmt.Sprintf(format, args...),
			Remedy: remedy}
	}
	if p == nil {
		return wrong(NoCredentials, "write the profile's name as it stands there in AWS_Profile, "+
			"or mount the file", "neither %s nor %s has it", f.credentialsFile(), f.configFile())
	}
	role, session := p["role_arn"], p["role_session_name"]
	switch {
	case role != "" && p["mfa_serial"] != "":
		return wrong(BadOption, "name a profile without mfa_serial", "its role wants a code from "+
			"a person (mfa_serial)")
	case role != "" && p["web_identity_token_file"] != "":
		return f.assumedByToken(fmt.Sprintf("profile %s, web identity role %s", name, role), role,
			p["web_identity_token_file"], session), nil
	case role != "" && p["source_profile"] != "":
		base, err := f.sourceProfile(name, p, above)
		if err != nil {
			return source{}, err
		}
		return f.chained(base, role, p["external_id"], session), nil
	case role != "" && p["credential_source"] != "":
		base, err := f.credentialSource(name, p["credential_source"])
		if err != nil {
			return source{}, err
		}
		return f.chained(base, role, p["external_id"], session), nil
	case role != "":
		return wrong(BadOption, "add source_profile, credential_source or web_identity_token_file",
			"it has role_arn and nothing to assume it from")
	case p["aws_access_key_id"] != "" && p["aws_secret_access_key"] != "":
		return source{name: fmt.Sprintf("profile %s, access key %s", name, p["aws_access_key_id"]),
			provider: &profileKeys{f, name}}, nil
	case p["credential_process"] != "" || p["sso_session"] != "" || p["sso_start_url"] != "" || p["login_session"] != "":
		return wrong(BadOption, "use keys, or role_arn with source_profile, credential_source or "+
			"web_identity_token_file; on EKS rather give the pod a role",
			"credential_process and sign-in by a browser do not work in a "+
				"pod, and are not supported")
	}
	return wrong(NoCredentials, "add aws_access_key_id and aws_secret_access_key, or role_arn",
		"it holds no credentials")
}

// sourceProfile is what the role of a profile is assumed from. A profile may name itself, if it has
// keys.
func (f *finder) sourceProfile(name string, p map[string]string, above []string) (source, error) {
	from := p["source_profile"]
	if from == name && p["aws_access_key_id"] != "" {
		return source{name: fmt.Sprintf("profile %s, access key %s", name, p["aws_access_key_id"]),
			provider: &profileKeys{f, name}}, nil
	}
	above = append(above, name)
	if slices.Contains(above, from) {
		return source{}, &Error{Kind: BadOption,
			Summary: fmt.Sprintf("cannot use AWS profile %q: source_profile leads in a circle: %s",
				above[0], strings.Join(append(above, from), ", ")),
			Remedy: "let the last of them have keys, credential_source or web_identity_token_file"}
	}
	return f.ofProfile(from, above)
}

// credentialSource is what the role of a profile is assumed from, where that is no profile.
func (f *finder) credentialSource(name, from string) (source, error) {
	switch {
	case from == "Environment":
		return f.environment()
	case from == "EcsContainer":
		return f.container()
	case from == "Ec2InstanceMetadata" && f.Credentials == "default":
		return f.instance()
	case from == "Ec2InstanceMetadata":
		return source{}, &Error{Kind: BadOption,
			Summary: fmt.Sprintf("cannot use AWS profile %q: credential_source is the node's role", name),
			Remedy: "write AWS_Credentials default if you mean that; or rather give the pod a " +
				"role of its own"}
	}
	return source{}, &Error{Kind: BadOption,
		Summary: fmt.Sprintf("cannot use AWS profile %q: credential_source %q", name, from),
		Remedy:  "write Environment, EcsContainer or Ec2InstanceMetadata"}
}

// profileKeys are the keys of a profile, read again for each refresh: somebody may have changed
// them.
type profileKeys struct {
	f    *finder
	name string
}

func (k *profileKeys) Retrieve(context.Context) (aws.Credentials, error) {
	all, err := k.f.readProfiles()
	if err != nil {
		return aws.Credentials{}, err
	}
	p := all[k.name]
	c := aws.Credentials{AccessKeyID: p["aws_access_key_id"],
		SecretAccessKey: p["aws_secret_access_key"], SessionToken: p["aws_session_token"]}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return c, &Error{Kind: NoCredentials,
			Summary: fmt.Sprintf("AWS profile %q has lost its keys", k.name),
			Remedy:  "put them back"}
	}
	return c, nil
}

func (f *finder) credentialsFile() string {
	return cmp.Or(f.Getenv("AWS_SHARED_CREDENTIALS_FILE"), f.home("credentials"))
}

func (f *finder) configFile() string {
	return cmp.Or(f.Getenv("AWS_CONFIG_FILE"),
		f.home("config"))
}

func (f *finder) home(name string) string { return filepath.Join(f.Getenv("HOME"), ".aws", name) }

// readProfiles reads both files; what both say of a profile, the credentials file decides. One that
// is missing says nothing.
func (f *finder) readProfiles() (profiles, error) {
	all := profiles{}
	for _, file := range []struct {
		path     string
		isConfig bool
	}{{f.configFile(), true}, {f.credentialsFile(), false}} {
		text, err := os.ReadFile(file.path) // #nosec G304 -- where AWS's own programs look
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = parseProfiles(string(text), file.isConfig, all)
		}
		if err != nil {
			return nil, &Error{Kind: BadOption,
				Summary: fmt.Sprintf("cannot read AWS's file %q", file.path), Err: err,
				Remedy: "fix it, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to others"}
		}
	}
	return all, nil
}
