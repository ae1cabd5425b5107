package replay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"out_opensearch_irsa/internal/command"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

// replayer replays one place after the other.
type replayer struct {
	client   *opensearch.Client // nil for a dry run of files, as is sender
	sender   *sender
	to       string
	dryRun   bool
	out      io.Writer
	progress command.Progress

	counts  counts
	reasons reasons
	wouldGo map[string]int // by index, of a dry run
}

// send gives items their outcomes, or counts what would be sent.
func (r *replayer) send(ctx context.Context, items []*item) (err error) {
	if r.dryRun {
		for _, l := range items {
			if l.outcome == unsent {
				r.wouldGo[l.record.Index]++
			}
		}
	} else {
		err = r.sender.send(ctx, items)
	}
	r.reasons.add(items)
	r.counts.add(items)
	r.progress.Add(len(items))
	return err
}

// kept is how many items of a place stay, or would.
func (r *replayer) kept() int {
	if r.dryRun {
		return r.counts.kept() - r.counts[unsent]
	}
	return r.counts.kept()
}

// begin begins a place.
func (r *replayer) begin(total int) {
	r.counts, r.reasons, r.wouldGo = counts{}, reasons{}, map[string]int{}
	r.progress.Start(total)
}

// report writes what became of a place's items. kept is where the rest is.
func (r *replayer) report(place, kept string) {
	switch {
	case r.dryRun:
		c := &r.counts
		_, _ = fmt.Fprintf(r.out, "%s: %d would be sent; %d damaged, %d truncated, %d without a "+
			"document would stay\n",
			place, c[unsent], c[damaged], c[truncated], c[noRecord])
		for index, n := range r.wouldGo {
			_, _ = fmt.Fprintf(r.out, "  %d to index %s\n", n, index)
		}
	case r.counts.kept() > 0:
		_, _ = fmt.Fprintf(r.out, "%s: %s; %d stay in %s\n", place, &r.counts, r.counts.kept(), kept)
	default:
		_, _ = fmt.Fprintf(r.out, "%s: %s\n", place, &r.counts)
	}
	r.reasons.write(r.out)
}

// path replays a file with its rotated ones, and returns how many items stay.
func (r *replayer) path(ctx context.Context, path string) (kept int, err error) {
	files, err := deadletter.Files(path)
	if err == nil && len(files) == 0 {
		_, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: name the file of Dead_Letter_Path", err)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot replay %q: %w", path, err)
	}
	dir := path
	if !r.dryRun {
		taken, terr := deadletter.Take(ctx, path)
		if terr != nil {
			return 0, fmt.Errorf("cannot replay %q: cannot move it aside: %w", path, terr)
		}
		defer func() { err = errors.Join(err, taken.Close()) }()
		dir = taken.Dir
		if files, err = taken.Files(); err != nil {
			return 0, err
		}
	}
	total := 0
	for _, name := range files {
		n, err := countLines(name)
		if err != nil {
			return 0, err
		}
		total += n
	}
	r.begin(total)
	for _, name := range files {
		if err = r.file(ctx, name); err != nil {
			break
		}
	}
	if err != nil { // the items of the files behind stay too
		r.counts[unsent] += max(0, total-r.progress.Done)
		err = fmt.Errorf("%q: %w", path, err)
	}
	r.report(path, dir)
	return r.kept(), err
}

func countLines(path string) (n int, err error) {
	f, err := os.Open(path) // #nosec G304 -- beside the operator's file
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, 1<<20)
	last := byte('\n')
	for {
		k, err := f.Read(buf)
		if read := buf[:k]; k > 0 {
			n += bytes.Count(read, []byte{'\n'})
			last = read[len(read)-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
	}
	if last != '\n' {
		n++
	}
	return n, nil
}

// file replays one file that nobody else writes to, and leaves in it the lines that stay.
func (r *replayer) file(ctx context.Context, path string) error {
	f, err := os.Open(path) // #nosec G304 -- beside the operator's file
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if r.dryRun {
		_, err = r.lines(ctx, f, io.Discard)
		return err
	}
	stay, err := rewrite(path)
	if err != nil {
		return err
	}
	sendErr, err := r.lines(ctx, f, stay)
	if err != nil {
		stay.abandon()
	} else {
		err = stay.finish()
	}
	return errors.Join(sendErr, err)
}

// lines sends the items that in holds and writes those that stay to stay: all that are left too,
// where sending fails. Where err is not nil, stay is not whole.
func (r *replayer) lines(ctx context.Context, in io.Reader, stay io.Writer) (sendErr, err error) {
	lines := bufio.NewReaderSize(in, 1<<20)
	for end := false; !end; {
		var items []*item
		size := 0
		for !end && len(items) < maxItems && size < maxRead {
			line, err := lines.ReadBytes('\n')
			if line = bytes.TrimSpace(line); len(line) > 0 {
				items = append(items, read(line, r.to))
				size += len(line)
			}
			if end = errors.Is(err, io.EOF); err != nil && !end {
				return nil, err
			}
		}
		sendErr := r.send(ctx, items)
		for _, l := range items {
			if l.outcome.gone() {
				continue
			}
			if _, err := stay.Write(append(l.text(), '\n')); err != nil {
				return sendErr, err
			}
		}
		if sendErr != nil {
			_, err := io.Copy(stay, lines)
			return sendErr, err
		}
	}
	return nil, nil
}

// maxRead is how many bytes of lines are read at a time.
const maxRead = 8 << 20
