// Command manifest writes what has to go along with binaries that are given to others: the licences
// of all that is linked into them, and a list of it in CycloneDX. Its input is packages, resolved
// by the go command for GOOS, GOARCH and CGO_ENABLED of the environment; its output is files, the
// same for the same sources.
package main

import (
	"flag"
	"fmt"
	"os"
)

const usage = `usage: go run ./deploy/image/manifest -o DIR -version VERSION PACKAGE...

Writes to DIR
  licences/MODULE@VERSION/…  licence and notice files of each module that PACKAGEs link, and of Go itself
  sbom.cdx.json              those modules, as CycloneDX
A module without a licence file is an error.
`

func main() {
	dir := flag.String("o", "", "")
	version := flag.String("version", "", "")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if *dir == "" || *version == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*dir, *version, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "manifest:", err)
		os.Exit(1)
	}
}

func run(dir, version string, packages []string) error {
	modules, err := linked(packages)
	if err != nil {
		return err
	}
	if err := writeLicences(dir, modules); err != nil {
		return err
	}
	return writeSBOM(dir, version, modules)
}
