package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// A client is driven by a suite that is a server.
type client struct {
	settings
	url   string // without a path
	agent string
	http  *http.Client
}

// prepare makes the client ready to dial, and has it believe in servers whose certificates the authority in a file has signed.
func (c *client) prepare(ca string) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			c.narrow(conn)
		}
		return conn, err
	}}
	c.http = &http.Client{Transport: transport}
	if ca == "" {
		return nil
	}
	inPEM, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(inPEM) {
		return fmt.Errorf("%s holds no certificate in PEM", ca)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities}
	return nil
}

// run goes through all cases.
func (c *client) run(ctx context.Context) error {
	count, err := c.caseCount(ctx)
	if err != nil {
		return fmt.Errorf("asking for the number of cases: %w", err)
	}
	for n := range count {
		if err := c.runCase(ctx, n+1); err != nil {
			log.Print(err) // some cases are of handshakes to be refused: the suite knows
		}
	}
	log.Printf("%d cases done", count)
	conn, err := c.dial(ctx, "/updateReports", url.Values{"agent": {c.agent}})
	if err != nil {
		return err
	}
	c.converse(conn) // the suite closes it when the reports are written
	return nil
}

// caseCount asks how many cases there are: a message with the number comes.
func (c *client) caseCount(ctx context.Context) (int, error) {
	conn, err := c.dial(ctx, "/getCaseCount", nil)
	if err != nil {
		return 0, err
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, message, err := conn.Read(ctx)
	if err != nil {
		return 0, err
	}
	count, err := strconv.Atoi(strings.TrimSpace(string(message)))
	if err != nil || count < 0 {
		return 0, fmt.Errorf("%.40q is not a number of cases", message)
	}
	conn.Close(websocket.StatusNormalClosure, "") // the number is what was wanted: how it ends does not matter
	return count, nil
}

func (c *client) runCase(ctx context.Context, n int) error {
	conn, err := c.dial(ctx, "/runCase", url.Values{"case": {strconv.Itoa(n)}, "agent": {c.agent}})
	if err != nil {
		return fmt.Errorf("case %d: %w", n, err)
	}
	c.converse(conn)
	return nil
}

// converse echoes until the connection has ended.
func (c *client) converse(conn *websocket.Conn) {
	ended := make(chan struct{})
	c.echo(conn, func() { close(ended) })
	<-ended
}

func (c *client) dial(ctx context.Context, path string, query url.Values) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	target := strings.TrimSuffix(c.url, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	conn, _, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient:        c.http,
		KeepaliveInterval: -1, // suites count every frame
		MaxFragments:      c.maxFragments,
		CompressionMode:   websocket.CompressionContextTakeover,
	})
	return conn, err
}
