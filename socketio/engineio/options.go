package engineio

import (
	"net/http"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// A Transport is a way of carrying packets, by the name that it has in requests.
type Transport string

const (
	// Polling is HTTP long-polling: a GET request waits for packets, POST requests bring them.
	Polling Transport = "polling"
	// WebSocket is a WebSocket connection.
	WebSocket Transport = "websocket"
)

// Options are the options of a Server. nil and the zero value mean the defaults.
type Options struct {
	// Transports are what clients may use; both if there is none here. Sessions that begin with Polling may be upgraded to
	// WebSocket if both are.
	Transports []Transport

	// PingInterval is how long after the handshake, and after the ping before, the client is pinged; later, if its answer took
	// more than half of it. 0 means 25 s.
	PingInterval time.Duration

	// PingTimeout is how long the answer may take. 0 means 20 s. The time in which the Handler is being called, and so keeps the
	// answer back, does not count.
	PingTimeout time.Duration

	// UpgradeTimeout is how long a client may take to upgrade to WebSocket. 0 means 10 s.
	UpgradeTimeout time.Duration

	// MaxPayload is the most bytes of a message that comes by WebSocket, and of all messages together that come with one POST
	// request. 0 means 1,000,000.
	MaxPayload int

	// SendLimit is how many bytes may wait to be sent to a client that takes too little. A client for which more would wait
	// is closed. A single message may be larger. 0 means 1 MiB.
	SendLimit int

	// MaxSessions is the most sessions at a time; further handshakes are answered 503. 0 means 100,000; negative: no limit.
	MaxSessions int

	// MaxPolling is the most sessions at a time that are on Polling, and so the most GET requests that wait: a session has one.
	// Unlike other sessions, these need not hold a connection. 0 means 10,000; negative: no limit.
	MaxPolling int

	// OriginPatterns are the origins whose pages may connect besides the server's own, which is the scheme, host and port of
	// the request. Each is matched without regard to case by path.Match: against the origin's host and port
	// ("*.example.com"), or against scheme, host and port if it holds "://" ("https://example.com:8443"). A server behind a
	// proxy that ends TLS must name its public origin here. Both transports are held to it alike.
	OriginPatterns []string

	// AnyOrigin lets pages of any origin connect. Whoever is signed in by cookies can then be made to act by any page they
	// visit.
	AnyOrigin bool

	// CheckOrigin, if set, decides in place of the two above on requests that have an Origin.
	CheckOrigin func(r *http.Request) bool

	// Credentials tells browsers that pages of other origins that may connect may send cookies along
	// (Access-Control-Allow-Credentials).
	Credentials bool

	// Cookie, if set, is given to each client with the handshake, its value being the session's id: for load balancers that
	// must send all requests of a session to the same server. An empty Path means "/"; set HttpOnly, and SameSite.
	Cookie *http.Cookie

	// AllowRequest, if set, is asked about each handshake before it is answered, and only here is the request seen. What it
	// returns is the session's Value. An error refuses it: a *Refusal says how; any other is answered 403.
	AllowRequest func(r *http.Request) (value any, err error)

	// CompressionMode says whether WebSocket messages may be compressed. The default is no.
	CompressionMode websocket.CompressionMode

	// CompressionThreshold is as in websocket.AcceptOptions.
	CompressionThreshold int
}

// A Refusal is an error with which AllowRequest says how a handshake is refused.
type Refusal struct {
	Status     int           // of HTTP; 0 means 403
	Code       ErrorCode     // for the client
	Message    string        // for the client
	RetryAfter time.Duration // when to come back, in whole seconds; 0: not said
}

func (r *Refusal) Error() string { return "engineio: refused: " + r.Message }

const (
	defaultPingInterval   = 25 * time.Second
	defaultPingTimeout    = 20 * time.Second
	defaultUpgradeTimeout = 10 * time.Second
	defaultMaxPayload     = 1_000_000
	defaultSendLimit      = 1 << 20
	defaultMaxSessions    = 100_000
	defaultMaxPolling     = 10_000
)

// withDefaults returns a copy in which no default is left to be known.
func (o *Options) withDefaults() Options {
	var full Options
	if o != nil {
		full = *o
	}
	if len(full.Transports) == 0 {
		full.Transports = []Transport{Polling, WebSocket}
	}
	orDefault(&full.PingInterval, defaultPingInterval)
	orDefault(&full.PingTimeout, defaultPingTimeout)
	orDefault(&full.UpgradeTimeout, defaultUpgradeTimeout)
	orDefault(&full.MaxPayload, defaultMaxPayload)
	orDefault(&full.SendLimit, defaultSendLimit)
	orDefault(&full.MaxSessions, defaultMaxSessions)
	orDefault(&full.MaxPolling, defaultMaxPolling)
	return full
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
