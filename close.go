package parley

import "time"

// The codes that a gateway ends a connection with (RFC 6455 section 7.4). With
// 4000 to 4499 a client comes back later, with 4500 to 4999 it does not.
const (
	CloseRestart     = 1001 // come back after RetryAfter
	CloseUnsupported = 1003 // a binary message on a text framing
	ClosePolicy      = 1008 // too many errors
	CloseTooBig      = 1009
	CloseInternal    = 1011 // a fault of the server's
	CloseOverloaded  = 1013 // too slow a reader, or too much for this server now

	CloseNoHello     = 4000
	CloseHeartbeat   = 4001
	CloseRate        = 4029
	CloseConnections = 4030

	CloseCredentials = 4500
	CloseExpired     = 4501
	CloseRemoved     = 4502
)

// An Ending is how and why a connection is ended: a bye, then a close.
type Ending struct {
	Code       int
	Reason     string        // for a person, at most 123 bytes
	RetryAfter time.Duration // 0 is not told
}

// ByeEvent tells a connection that it is about to be closed.
func ByeEvent(e Ending) *Event {
	return &Event{Type: EventBye, JSON: EncodeJSON(struct {
		Type       string `json:"type"`
		Code       int    `json:"code"`
		Reason     string `json:"reason"`
		RetryAfter int64  `json:"retry_after,omitempty"`
	}{EventBye, e.Code, e.Reason, e.RetryAfter.Milliseconds()})}
}
