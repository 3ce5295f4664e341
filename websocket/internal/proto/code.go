package proto

// Status codes of RFC 6455 section 7.4.1 that the machine itself uses.
const (
	ProtocolError   = 1002
	NoStatus        = 1005 // never on the wire: the close frame had no code
	InvalidPayload  = 1007
	PolicyViolation = 1008
	MessageTooBig   = 1009
)

// ValidCode reports whether code may stand in a close frame (RFC 6455 section 7.4, and the IANA registry for 1012 to
// 1014). 1004 is reserved; 1005, 1006 and 1015 are for use inside programs only.
func ValidCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	default: // section 7.4.2: 3000-3999 registered by frameworks, 4000-4999 private
		return code >= 3000 && code <= 4999
	}
}
