package image

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// machines are what an architecture is called in an ELF file.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// allowedLibraries are those of every glibc, 2.26 with the four that later ones took into
// libc.so.6.
var allowedLibraries = []string{"libc.so.6", "libpthread.so.0", "libdl.so.2", "libresolv.so.2",
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}

// commands are those that go along with the shared object.
var commands = []string{"opensearch-irsa-doctor", "opensearch-irsa-replay",
	"opensearch-irsa-bootstrap", "opensearch-irsa-install", "opensearch-irsa-metadata"}

// maxGlibc is Amazon Linux 2's, which aws-for-fluent-bit 2.x is made of.
var maxGlibc = []int{2, 26}

const maxSize = 12_000_000

var glibcVersion = regexp.MustCompile(`^GLIBC_(\d+)\.(\d+)(?:\.(\d+))?$`)

func TestABISharedObject(t *testing.T) {
	for arch, machine := range machines {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(distOf(t, arch), "out_opensearch_irsa.so")
			file := open(t, path, machine)
			if file.Type != elf.ET_DYN {
				t.Errorf("is %s, not a shared object", file.Type)
			}
			symbols, err := file.DynamicSymbols()
			if err != nil {
				t.Fatal(err)
			}
			var exported, needed []string
			for _, s := range symbols {
				switch {
				case s.Section != elf.SHN_UNDEF:
					exported = append(exported, s.Name)
				case s.Version != "" || elf.ST_BIND(s.Info) == elf.STB_GLOBAL:
					needed = append(needed, s.Version)
					if newer(t, s.Version) {
						t.Errorf("needs %s of %s %s, which glibc 2.26 does not have", s.Name,
							s.Library, s.Version)
					}
				}
			}
			if want := sourceExports(t); !slices.Equal(slices.Sorted(slices.Values(exported)), want) {
				t.Errorf("exports %q, want what the source exports: %q", exported, want)
			}
			if len(needed) == 0 {
				t.Error("needs nothing of glibc: this test did not see what it is about")
			}
			libraries, err := file.ImportedLibraries()
			if err != nil {
				t.Fatal(err)
			}
			for _, library := range libraries {
				if !slices.Contains(allowedLibraries, library) {
					t.Errorf("needs %s, which the base image may not have", library)
				}
			}
			if textRelocations, _ := file.DynValue(elf.DT_TEXTREL); len(textRelocations) > 0 {
				t.Error("has text relocations")
			}
			information, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if information.Size() >= maxSize {
				t.Errorf("has %d bytes, want less than %d", information.Size(), maxSize)
			}
			t.Logf("%d bytes, exports %q, needs %q of glibc up to %s", information.Size(), exported,
				libraries, highest(needed))
		})
	}
}

// TestABICommands checks that the commands need nothing of the base image, since it may have no
// more than Fluent Bit needs.
func TestABICommands(t *testing.T) {
	for arch, machine := range machines {
		dir := distOf(t, arch)
		for _, name := range commands {
			path := filepath.Join(dir, name)
			file := open(t, path, machine)
			for _, p := range file.Progs {
				if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
					t.Errorf("%s is not static: it has %s", path, p.Type)
				}
			}
		}
	}
}

// TestABIBuild reads what an SBOM scanner reads, and looks for traces of the machine that built.
func TestABIBuild(t *testing.T) {
	for arch := range machines {
		dir := distOf(t, arch)
		for _, name := range append([]string{"out_opensearch_irsa.so"}, commands...) {
			information, err := buildinfo.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			settings := map[string]string{}
			for _, s := range information.Settings {
				settings[s.Key] = s.Value
			}
			if settings["GOARCH"] != arch || settings["-trimpath"] != "true" ||
				settings["vcs.revision"] != "" {
				t.Errorf("%s of %s was built with %v", name, arch, settings)
			}
			// These two need the standard library alone.
			alone := name == "opensearch-irsa-install" || name == "opensearch-irsa-metadata"
			if !alone && len(information.Deps) < 5 {
				t.Errorf("%s of %s names %d modules", name, arch, len(information.Deps))
			}
			text := read(t, filepath.Join(dir, name))
			for _, trace := range []string{root(t), os.Getenv("HOME") +
				"/", filepath.Dir(os.Getenv("ZIG"))} {
				if len(trace) > 1 && strings.Contains(text, trace) {
					t.Errorf("%s of %s names %q of this machine", name, arch, trace)
				}
			}
			if version := strings.TrimSpace(read(t,
				filepath.Join(os.Getenv("DIST_DIR"),
					".version"))); !strings.Contains(text, version) {
				t.Errorf("%s of %s does not know its version %s", name, arch, version)
			}
		}
	}
}

func open(t *testing.T, path string, machine elf.Machine) *elf.File {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if file.Machine != machine || file.Class != elf.ELFCLASS64 {
		t.Errorf("%s is for %s", path, file.Machine)
	}
	return file
}

// sourceExports are the names that plugin/main.go exports, and the one that is written in C,
// sorted.
func sourceExports(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^//export (\w+)$`).FindAllStringSubmatch(read(t,
		root(t, "plugin", "main.go")), -1) {
		names = append(names, found[1])
	}
	for _, found := range regexp.MustCompile(`(?m)^int (FLBPlugin\w+)\(`).FindAllStringSubmatch(read(t, root(t, "internal", "flb", "flush.c")), -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return names
}

// newer tells whether a symbol's version is above what we may need. A version that is not glibc's
// is.
func newer(t *testing.T, version string) bool {
	t.Helper()
	return slices.Compare(numbers(version), append(slices.Clone(maxGlibc), 1<<30)) > 0
}

// numbers returns a glibc version's, or more than any has.
func numbers(version string) []int {
	found := glibcVersion.FindStringSubmatch(version)
	if found == nil {
		return []int{1 << 30}
	}
	var all []int
	for _, text := range found[1:] {
		if text == "" {
			break
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return []int{1 << 30}
		}
		all = append(all, n)
	}
	return all
}

func highest(versions []string) string {
	return slices.MaxFunc(versions,
		func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
}

func TestNewer(t *testing.T) {
	for version, want := range map[string]bool{
		"GLIBC_2.2.5": false, "GLIBC_2.17": false, "GLIBC_2.26": false, "GLIBC_2.26.9": false, "GLIBC_2.27": true, "GLIBC_2.34": true,
		"GLIBC_2.3.2": false, "GLIBC_3.0": true, "GLIBC_PRIVATE": true, "": true,
	} {
		if got := newer(t, version); got != want {
			t.Errorf("newer(%q) = %t", version, got)
		}
	}
}
