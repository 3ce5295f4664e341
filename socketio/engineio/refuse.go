package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// An ErrorCode tells a client why a request was refused.
type ErrorCode int

const (
	UnknownTransport ErrorCode = iota
	UnknownSession
	BadHandshakeMethod
	BadRequest
	Forbidden
	UnsupportedVersion
)

// String returns the words that go with the code in answers.
func (c ErrorCode) String() string {
	switch c {
	case UnknownTransport:
		return "Transport unknown"
	case UnknownSession:
		return "Session ID unknown"
	case BadHandshakeMethod:
		return "Bad handshake method"
	case BadRequest:
		return "Bad request"
	case Forbidden:
		return "Forbidden"
	case UnsupportedVersion:
		return "Unsupported protocol version"
	default:
		return "ErrorCode(" + strconv.Itoa(int(c)) + ")"
	}
}

// refuse answers a request with an error.
func refuse(w http.ResponseWriter, code ErrorCode) {
	status := http.StatusBadRequest
	if code == Forbidden {
		status = http.StatusForbidden
	}
	refuseWith(w, status, code, code.String())
}

func refuseWith(w http.ResponseWriter, status int, code ErrorCode, message string) {
	body := refusal(code, message)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

// refusal is the body of the answer to a request that is refused.
func refusal(code ErrorCode, message string) []byte {
	body, err := json.Marshal(struct {
		Code    ErrorCode `json:"code"`
		Message string    `json:"message"`
	}{code, message})
	if err != nil {
		panic(err) // a number and a string can be encoded
	}
	return body
}

// refuseFor answers a handshake that AllowRequest, or the lack of room, refused.
func refuseFor(w http.ResponseWriter, err error) {
	var r *Refusal
	if !errors.As(err, &r) {
		refuse(w, Forbidden)
		return
	}
	status := r.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	if r.RetryAfter > 0 {
		seconds := (r.RetryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	refuseWith(w, status, r.Code, r.Message)
}

var (
	tooMany = &Refusal{
		Status: http.StatusServiceUnavailable, Code: Forbidden, Message: "Too many sessions; come back later", RetryAfter: 5 * time.Second,
	}
	goingAway = &Refusal{
		Status: http.StatusServiceUnavailable, Code: Forbidden, Message: "The server is shutting down; come back later", RetryAfter: time.Second,
	}
)
