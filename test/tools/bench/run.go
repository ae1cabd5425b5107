package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// output is a Fluent Bit output to be measured.
type output struct {
	name     string // of the column
	settings string // the [OUTPUT] section's own lines; HOST and PORT stand for the sink's
	object   string // the shared object to load; "" for an output that Fluent Bit has
}

// loaded is ours, from a shared object.
func loaded(object string) output {
	o := ours
	o.object = object
	return o
}

var (
	ours = output{name: "this plugin", settings: `
    Name opensearch_irsa
    Endpoint http://HOST:PORT
    AWS_Region eu-central-1`}
	// Without Buffer_Size, an answer of more than 512 KiB fails the request.
	builtIn = output{name: "built-in", settings: `
    Name opensearch
    Host HOST
    Port PORT
    AWS_Region eu-central-1
    Suppress_Type_Name On
    Buffer_Size 64M`}
	null = output{name: "null", settings: `
    Name null`}
)

// mode is how bodies travel.
type mode struct {
	name     string
	settings string
}

var modes = []mode{
	{"plain", "\n    AWS_Auth Off"},
	{"gzip", "\n    AWS_Auth Off\n    Compress gzip"},
	{"gzip + SigV4", "\n    AWS_Auth On\n    Compress gzip"},
}

// keys are for signing: AWS's own example.
var keys = []string{"AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

// measurement is what one run of a Fluent Bit over a corpus cost.
type measurement struct {
	cpu  float64 // of the output, µs per record
	wall float64 // from the process's start to the last document's acknowledgement, s
	wire float64 // bytes of bodies per record
	peak float64 // VmHWM, MiB
}

// trial is one run.
type trial struct {
	host    stack.FluentBitHost
	sink    *sinkProcess
	corpus  corpus
	output  output
	mode    mode
	workers int
	limit   string // Mem_Buf_Limit of the input; "" for none
}

const parsers = `[PARSER]
    Name cri
    Format regex
    Regex ^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<log>.*)$
    Time_Key time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
    Time_Keep On
[PARSER]
    Name json
    Format json
`

// config is the configuration file's text.
func (t trial) config(parsersFile string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[SERVICE]\n    Flush 1\n    Grace 5\n    Log_Level warn\n    "+
		"Parsers_File %s\n", parsersFile)
	fmt.Fprintf(&b, "[INPUT]\n    Name tail\n    Tag kube.bench\n    Path %s\n    Parser %s\n    "+
		"Read_from_Head On\n    Buffer_Max_Size 1M\n    Buffer_Chunk_Size 512k\n", t.corpus.path, t.corpus.parser)
	if t.limit != "" {
		fmt.Fprintf(&b, "    Mem_Buf_Limit %s\n", t.limit)
	}
	fmt.Fprintf(&b, "[OUTPUT]%s\n    Match *\n    Workers %d\n    Retry_Limit no_limits\n",
		t.output.settings, t.workers)
	if t.output.name != null.name {
		fmt.Fprintf(&b, "    Index eks-log%s\n", t.mode.settings)
	}
	host, port, _ := strings.Cut(t.sink.address, ":")
	return strings.NewReplacer("HOST", host, "PORT", port).Replace(b.String())
}

// start starts the Fluent Bit. clean removes its files, after it has ended.
func (t trial) start() (agent *stack.FluentBit, clean func(), err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a directory: %w", err)
	}
	clean = func() { _ = os.RemoveAll(dir) }
	parsersFile, file := filepath.Join(dir, "parsers.conf"), filepath.Join(dir, "fluent-bit.conf")
	if err = os.WriteFile(parsersFile, []byte(parsers), 0o600); err == nil {
		err = os.WriteFile(file, []byte(t.config(parsersFile)), 0o600)
	}
	if err == nil {
		options := stack.FluentBitOptions{Config: file, Env: keys, Dir: dir}
		if t.output.object != "" {
			options.Plugins = []string{t.output.object}
		}
		agent, err = stack.StartFluentBit(t.host, options)
	}
	if err != nil {
		clean()
	}
	return agent, clean, err
}

// run runs a Fluent Bit until the sink has the whole corpus.
func (t trial) run(ctx context.Context) (m measurement, err error) {
	if err := t.sink.reset(); err != nil {
		return m, err
	}
	began := time.Now()
	agent, clean, err := t.start()
	if err != nil {
		return m, err
	}
	defer clean()
	defer func() { _ = agent.Close() }()
	counts, err := t.wait(ctx, agent)
	if err != nil {
		return m, err
	}
	time.Sleep(50 * time.Millisecond) // the output has the last answer now, and reads it
	cpu, err := outputCPU(agent.Pid())
	if err != nil {
		return m, err
	}
	peak, err := memory(agent.Pid(), "VmHWM")
	if err != nil {
		return m, err
	}
	if counts.Documents != int64(t.corpus.records) {
		return m, fmt.Errorf("the sink has %d documents of %d records, sent by the %s output",
			counts.Documents, t.corpus.records, t.output.name)
	}
	n := float64(t.corpus.records)
	return measurement{
		cpu: float64(cpu) / 1e3 / n, wall: counts.Last.Sub(began).Seconds(),
		wire: float64(counts.Wire) / n, peak: float64(peak) / (1 << 20),
	}, nil
}

// wait waits until the sink has as many documents as the corpus has records.
func (t trial) wait(ctx context.Context, agent *stack.FluentBit) (sinkCounts, error) {
	ctx, cancel := context.WithTimeout(ctx, stack.Patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		counts, err := t.sink.counts()
		if err != nil || counts.Documents >= int64(t.corpus.records) {
			return counts, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return counts, fmt.Errorf("cannot wait any longer for the %s output: the sink has %d "+
				"documents of %d records; the log's last lines:\n%s",
				t.output.name, counts.Documents, t.corpus.records, strings.Join(last(agent.Log(),
					10), "\n"))
		}
		if !agent.Running() {
			return counts, fmt.Errorf("the agent ended with status %d; its last lines:\n%s",
				agent.ExitStatus(), strings.Join(last(agent.Log(), 10), "\n"))
		}
	}
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }
