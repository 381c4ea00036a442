package stream

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Limits of silence where Options say nothing.
const (
	DefaultIdle  = 60 * time.Second // without a byte; more suits servers that load a model first
	DefaultQuiet = 5 * time.Minute  // without content, keep-alives or not
)

// maxErrorBody bounds what is read of a refusal's body, in bytes.
const maxErrorBody = 64 << 10

// maxRedirects is how often a request may be sent on within one host.
const maxRedirects = 3

// Options of a Client. The zero value works.
type Options struct {
	HTTP  *http.Client  // nil: one made for streams
	Idle  time.Duration // the longest time without a byte; 0: DefaultIdle
	Quiet time.Duration // the longest time without content; 0: DefaultQuiet
	Hint  string        // what the operator does when the key is refused
	Hide  []string      // keys and hosts that no message may show
}

// A Client sends the requests of one provider.
type Client struct {
	who   string
	http  *http.Client
	idle  time.Duration
	quiet time.Duration
	hint  string
	hide  *regexp.Regexp // nil: nothing
}

// New returns a client whose messages call the server who: "OpenAI", "the chat
// endpoint".
func New(who string, o Options) *Client {
	c := &Client{who: who, idle: o.Idle, quiet: o.Quiet, hint: o.Hint, hide: hiding(o.Hide)}
	if c.idle <= 0 {
		c.idle = DefaultIdle
	}
	if c.quiet <= 0 {
		c.quiet = DefaultQuiet
	}
	base := http.Client{}
	if o.HTTP != nil {
		base = *o.HTTP
	} else {
		base.Transport = transport()
	}
	base.CheckRedirect = sameHost
	c.http = &base
	return c
}

// transport keeps enough connections for a worker full of turns.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}
}

// sameHost follows a redirect only within its host and only when the prompt is
// sent again: a key is never shown to somebody else.
func sameHost(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	secure := req.URL.Scheme == from.Scheme || req.URL.Scheme == "https"
	if req.Method != via[0].Method || !secure || !sameAuthority(req.URL, from) || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// sameAuthority allows another port only for the step from HTTP to HTTPS on
// their default ports.
func sameAuthority(to, from *url.URL) bool {
	return strings.EqualFold(to.Hostname(), from.Hostname()) && (to.Port() == from.Port() || to.Port() == "" && from.Port() == "80" || to.Port() == "443" && from.Port() == "")
}

// Post sends body, which is JSON, and returns the answer once its headers are
// there. The caller closes it. Every status but 2xx is an error. Errors are
// *worker.ProviderError, or the cause of ctx when that has ended.
func (c *Client) Post(ctx context.Context, to string, header http.Header, body []byte) (*Reply, error) {
	own, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(own, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		cancel(nil)
		return nil, &worker.ProviderError{Code: turn.CodeInternal, Message: "the address of " + c.who + " is not valid", Err: withoutURL(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Encoding", "identity") // compression holds tokens back
	req.Header.Set("Accept", "text/event-stream, application/x-ndjson;q=0.9, application/json;q=0.8, */*;q=0.5")
	for k, vs := range header {
		req.Header[http.CanonicalHeaderKey(k)] = vs
	}
	r := &Reply{client: c, parent: ctx, ctx: own, cancel: cancel}
	r.timer = time.AfterFunc(c.idle, func() { cancel(errSilent) })
	resp, err := c.http.Do(req)
	r.timer.Stop()
	if err != nil {
		defer cancel(nil)
		return nil, r.failure(err)
	}
	r.Header, r.body = resp.Header, resp.Body
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer r.Close()
		p, _ := io.ReadAll(io.LimitReader(r, maxErrorBody))
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, c.Refused(resp.StatusCode, resp.Header, p)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		r.Close()
		return nil, &worker.ProviderError{Code: turn.CodeProviderBroken, Message: c.who + " compressed its answer, which was not asked for"}
	}
	return r, nil
}

// failure makes a typed error of one that the connection gave.
func (r *Reply) failure(err error) error {
	switch {
	case r.parent.Err() != nil:
		return context.Cause(r.parent)
	case context.Cause(r.ctx) == errSilent:
		e := &worker.ProviderError{Code: turn.CodeProviderTimeout, Retry: true, Message: r.client.who + " was silent for " + r.client.idle.String()}
		if r.quiet >= r.client.quiet {
			e.Message = r.client.who + " sent nothing to show for " + r.client.quiet.String()
		}
		return e
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF:
		return r.client.Cut()
	}
	e := &worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Err: withoutURL(err)}
	var dns *net.DNSError
	var cert *x509.UnknownAuthorityError
	var host x509.HostnameError
	switch who := r.client.who; {
	case r.body != nil:
		e.Message = "the connection to " + who + " was lost in the middle of the answer"
	case errors.As(err, &dns):
		e.Message = who + " cannot be found: check the host name of its address"
	case errors.As(err, &cert), errors.As(err, &host):
		e.Message = who + " shows a certificate that is not valid here"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = who + " refuses connections: check that it runs and that its address is right"
	default:
		e.Message = who + " cannot be reached"
	}
	return e
}

// Cut is the error of an answer that stops without its format's end marker.
func (c *Client) Cut() error {
	return &worker.ProviderError{Code: turn.CodeProviderBroken, Retry: true, Message: c.who + " stopped in the middle of the answer"}
}

// Garbage is the error of bytes that their format does not allow.
func (c *Client) Garbage(err error) error {
	return &worker.ProviderError{Code: turn.CodeProviderBroken, Message: c.who + " sent something that is not its format", Err: err}
}

// WebPage is the error of an answer that is a page: some other program answers
// there, or a proxy that wants to be signed in to.
func (c *Client) WebPage() error {
	return &worker.ProviderError{Code: turn.CodeProviderBroken, Message: c.who + " answered with a web page: check its address, and whether something before it wants a sign-in"}
}

// withoutURL drops what http.Client adds to an error: the address, which may
// carry a key.
func withoutURL(err error) error {
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
