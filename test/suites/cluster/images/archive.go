package images

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// config is what an image says besides its files.
type config struct {
	Entrypoint []string `json:",omitempty"`
	Env        []string `json:",omitempty"`
	User       string   `json:",omitempty"`
}

// file is one entry of a layer: a folder if it has neither Text nor From.
type file struct {
	Path string // without a slash in front
	Mode int64
	Text []byte
	From string // a file of this machine's
}

// writeArchive writes an image of one layer, as docker save does and as containerd and buildah read
// it.
func writeArchive(out, name string, c config, layer func(io.Writer) error) (err error) {
	blob, err := os.CreateTemp(filepath.Dir(out), "layer-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blob.Close(), os.Remove(blob.Name())) }()
	sum := sha256.New()
	if err := layer(io.MultiWriter(blob, sum)); err != nil {
		return err
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	description, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": c,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest}},
		"history": []map[string]string{{"created_by": "test/suites/cluster/images"}},
	})
	if err != nil {
		return err
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(description))
	manifest, err := json.Marshal([]map[string]any{{"Config": configName,
		"RepoTags": []string{name}, "Layers": []string{digest + "/layer.tar"}}})
	if err != nil {
		return err
	}
	archive, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	w := tar.NewWriter(archive)
	size, err := blob.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := blob.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := writeEntry(w, configName, description); err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: digest +
		"/layer.tar", Mode: 0o644, Size: size}); err != nil {
		return err
	}
	if _, err := io.Copy(w, blob); err != nil {
		return err
	}
	if err := writeEntry(w, "manifest.json", manifest); err != nil {
		return err
	}
	return w.Close()
}

func writeEntry(w *tar.Writer, name string, text []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644,
		Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

// layerOf makes a layer of these files, all of which belong to root.
func layerOf(files []file) func(io.Writer) error {
	return func(out io.Writer) error {
		w := tar.NewWriter(out)
		for _, f := range files {
			text := f.Text
			if f.From != "" {
				var err error
				if text, err = os.ReadFile(f.From); err != nil {
					return err
				}
			}
			header := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(text)),
				Typeflag: tar.TypeReg}
			if f.Text == nil && f.From == "" {
				header.Typeflag = tar.TypeDir
			}
			if err := w.WriteHeader(header); err != nil {
				return err
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		return w.Close()
	}
}

// layerFrom makes a layer of a tar file that is there.
func layerFrom(path string) func(io.Writer) error {
	return func(out io.Writer) error {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		_, err = io.Copy(out, in)
		return err
	}
}
