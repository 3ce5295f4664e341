package websocket

import (
	"errors"
	"fmt"
)

// StatusCode is the reason in numbers that a close frame gives (RFC 6455 section 7.4).
//
// 3000 to 3999 are for libraries and frameworks, which register theirs; 4000 to 4999 are private to an application.
type StatusCode int

// The status codes of the IANA registry: https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number
const (
	StatusNormalClosure   StatusCode = 1000
	StatusGoingAway       StatusCode = 1001
	StatusProtocolError   StatusCode = 1002
	StatusUnsupportedData StatusCode = 1003

	// StatusNoStatusRcvd is what a close frame without a code is reported as. It is never on the wire; given to
	// Conn.Close it sends a close frame without a code.
	StatusNoStatusRcvd StatusCode = 1005

	// StatusAbnormalClosure stands for a connection that ended without a close frame. It cannot be sent.
	StatusAbnormalClosure StatusCode = 1006

	StatusInvalidFramePayloadData StatusCode = 1007
	StatusPolicyViolation         StatusCode = 1008
	StatusMessageTooBig           StatusCode = 1009
	StatusMandatoryExtension      StatusCode = 1010
	StatusInternalError           StatusCode = 1011
	StatusServiceRestart          StatusCode = 1012
	StatusTryAgainLater           StatusCode = 1013
	StatusBadGateway              StatusCode = 1014

	// StatusTLSHandshake stands for a failed TLS handshake. It cannot be sent.
	StatusTLSHandshake StatusCode = 1015
)

var statusNames = map[StatusCode]string{
	StatusNormalClosure:           "StatusNormalClosure",
	StatusGoingAway:               "StatusGoingAway",
	StatusProtocolError:           "StatusProtocolError",
	StatusUnsupportedData:         "StatusUnsupportedData",
	StatusNoStatusRcvd:            "StatusNoStatusRcvd",
	StatusAbnormalClosure:         "StatusAbnormalClosure",
	StatusInvalidFramePayloadData: "StatusInvalidFramePayloadData",
	StatusPolicyViolation:         "StatusPolicyViolation",
	StatusMessageTooBig:           "StatusMessageTooBig",
	StatusMandatoryExtension:      "StatusMandatoryExtension",
	StatusInternalError:           "StatusInternalError",
	StatusServiceRestart:          "StatusServiceRestart",
	StatusTryAgainLater:           "StatusTryAgainLater",
	StatusBadGateway:              "StatusBadGateway",
	StatusTLSHandshake:            "StatusTLSHandshake",
}

// String returns the name of a registered code, or the number of another: "StatusCode(4001)".
func (s StatusCode) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("StatusCode(%d)", int(s))
}

// A CloseError is the close frame that the peer sent. Reads return it once the peer has closed; see also CloseStatus.
type CloseError struct {
	Code   StatusCode
	Reason string
}

func (e CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("websocket: the peer closed with %d (%s)", int(e.Code), e.Code)
	}
	return fmt.Sprintf("websocket: the peer closed with %d (%s): %q", int(e.Code), e.Code, e.Reason)
}

// CloseStatus returns the code of the CloseError in err, or -1 if there is none in it.
func CloseStatus(err error) StatusCode {
	var e CloseError
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}
