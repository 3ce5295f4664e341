package parley

import (
	"errors"
	"fmt"
	"time"
)

// A Code tells a program what went wrong. The set is part of the protocol.
type Code string

const (
	// CodeInvalid: the request is not one of the protocol's; mend it.
	CodeInvalid Code = "invalid"
	// CodeUnknownType: the word is not one of the protocol's.
	CodeUnknownType Code = "unknown_type"
	// CodeUnauthorized: say who you are first, or what you said is not believed.
	CodeUnauthorized Code = "unauthorized"
	// CodeNotFound: it does not exist, or is not for you; which, is not told.
	CodeNotFound Code = "not_found"
	// CodeNotJoined: you could join this room, but have not.
	CodeNotJoined Code = "not_joined"
	// CodeTooLarge: a bound of the protocol is passed.
	CodeTooLarge Code = "too_large"
	// CodeRateLimited: too much at once; come again after RetryAfter.
	CodeRateLimited Code = "rate_limited"
	// CodeConflict: it contradicts what is already so.
	CodeConflict Code = "conflict"
	// CodeUnavailable: not now, or the outcome is unknown; send it again with
	// the same id.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: a fault of the server's own.
	CodeInternal Code = "internal"
)

// An Error is what a client is told: a code for the program and a message that
// tells the person what to do. Err, where there is one, is for the log alone.
type Error struct {
	Code       Code
	Message    string
	RetryAfter time.Duration // with CodeRateLimited and CodeUnavailable; 0 is not told
	Err        error
}

// Errorf returns an [*Error] with a formatted message for a person.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the code, the message and the cause, for a log.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause, which may be nil.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns the [*Error] in err's chain. An error that carries none comes
// back as CodeInternal with err as its cause, so that nothing of a fault's text
// reaches a client. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{
		Code:    CodeInternal,
		Message: "something went wrong here; try again, and tell the administrator if it stays",
		Err:     err,
	}
}

// ErrorCode returns the code of err, or "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}

// ErrNotFound is the one answer for what does not exist and for what is not
// for the asker, so that the two cannot be told apart.
func ErrNotFound() *Error {
	return Errorf(CodeNotFound, "there is no such room or person, or not for you; check the id")
}

// ErrNotJoined is the answer for a room that the asker may join but has not.
func ErrNotJoined(room string) *Error {
	return Errorf(CodeNotJoined, "join %q first", room)
}
