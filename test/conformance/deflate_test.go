package conformance

import "errors"

// deflate is permessage-deflate as the tests do it.
type deflate struct{}

func newDeflate(answer string, client bool) (*deflate, error) { return nil, errors.New("later") }

func (d *deflate) inflate(p []byte) ([]byte, error) { return nil, errors.New("later") }
