package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

const (
	domainAddress = "127.0.0.1:9200"
	stsAddress    = "127.0.0.1:9201"
)

var errRefused = &net.OpError{Op: "dial", Net: "tcp",
	Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

// dial connects to the domain, or to STS.
func (d *domain) dial(_ context.Context, _, address string) (net.Conn, error) {
	if address == domainAddress && d.isDown() {
		return nil, errRefused
	}
	client, server := net.Pipe()
	go d.serve(address, server)
	return client, nil
}

func (d *domain) serve(address string, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if address == domainAddress {
		d.set(func(d *domain) {
			d.tally.conns++
			d.tally.peakConns = max(d.tally.peakConns, d.tally.conns)
		})
		defer d.set(func(d *domain) { d.tally.conns-- })
	}
	in := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		status, kind, answer := 200, "application/json", []byte(nil)
		switch {
		case address == stsAddress:
			kind, answer = "text/xml", d.credentials()
		case d.isDown():
			return
		default:
			status, answer = d.answer(body)
		}
		_, err = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: "+
			"%d\r\nDate: %s\r\n\r\n%s",
			status, http.StatusText(status), kind, len(answer), time.Now().UTC().Format(http.TimeFormat), answer)
		if err != nil {
			return
		}
	}
}

// answer handles a bulk body.
func (d *domain) answer(body []byte) (status int, answer []byte) {
	whole, items := d.bulk(readRecords(body), 1)
	if whole != 0 {
		return int(whole), []byte(`{"message":"Too Many Requests"}`)
	}
	errors := false
	b := []byte(`"items":[`)
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"create":{"status":`...)
		b = strconv.AppendInt(b, int64(item), 10)
		if item != stored {
			errors = true
			b = append(b, `,"error":{"type":"rejected_execution_exception","reason":"rejected execution of primary operation"}`...)
		}
		b = append(b, "}}"...)
	}
	return 200, fmt.Appendf(nil, `{"errors":%v,%s]}`, errors, b)
}

const recordMark = `"log":"`

// appendChunk appends a chunk as Fluent Bit 5 writes it; the text of each record says what
// readRecords reads.
func appendChunk(b []byte, records []record) []byte {
	for _, r := range records {
		text := fmt.Sprintf("%d %d %d %.0f %d ", r.agent, r.chunk, r.part, r.lines,
			r.written.UnixNano())
		b = append(b, 0x92, 0x92, 0xd7, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(r.written.Unix()))
		b = binary.BigEndian.AppendUint32(b, uint32(r.written.Nanosecond()+r.part+1))
		b = append(b, 0x80, 0x81, 0xa3, 'l', 'o', 'g', 0xd9, byte(len(text)))
		b = append(b, text...)
	}
	return b
}

func readRecords(body []byte) (records []record) {
	for {
		at := bytes.Index(body, []byte(recordMark))
		if at < 0 {
			return records
		}
		body = body[at+len(recordMark):]
		var n [5]int64
		for i := range n {
			end := bytes.IndexByte(body, ' ')
			n[i], _ = strconv.ParseInt(string(body[:end]), 10, 64)
			body = body[end+1:]
		}
		records = append(records, record{int(n[0]), int(n[1]), int(n[2]), float64(n[3]),
			time.Unix(0, n[4])})
	}
}

// credentials answers as STS does.
func (d *domain) credentials() []byte {
	n := 0
	d.set(func(d *domain) {
		d.tally.sts++
		n = d.tally.sts
	})
	return fmt.Appendf(nil, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>`+
		`<Credentials><AccessKeyId>ASIA%016d</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials>`+
		`<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/eks-log/x</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>`+
		`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, n, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
