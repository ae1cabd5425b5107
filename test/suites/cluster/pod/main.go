// Command pod is the one program of the cluster tests' own image. Without arguments it waits, as a
// sandbox's pause container does; with -lines it logs numbered lines; with -hostile the lines that
// a log shipper likes least.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	lines := flag.Int("lines", 0, "how many numbered lines to log")
	rate := flag.Float64("rate", 0, "lines a second, 0 for as many as go")
	size := flag.Int("size", 0, "pad each line to so many bytes")
	word := flag.String("word", "served", "a word that each line has, to find it by")
	hostile := flag.Bool("hostile", false, "log hostile lines")
	flag.Parse()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	if *hostile {
		for _, line := range hostileLines() {
			fmt.Fprintf(out, "%s\n", line)
		}
	}
	began := time.Now()
	for n := 1; n <= *lines; n++ {
		if *rate > 0 {
			due := began.Add(time.Duration(float64(n-1) / *rate * float64(time.Second)))
			if wait := time.Until(due); wait > 0 {
				_ = out.Flush()
				select {
				case <-time.After(wait):
				case <-ended:
					return
				}
			}
		}
		line := fmt.Sprintf("LINE=%d level=info msg=\"request %s\" ", n, *word)
		if pad := *size - len(line); pad > 0 {
			line += strings.Repeat("x", pad)
		}
		fmt.Fprintln(out, line)
	}
	_ = out.Flush()
	<-ended // a pod that ends would be started again by its Deployment, and count from 1 again
}
