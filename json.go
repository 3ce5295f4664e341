package parley

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// EncodeJSON writes a value of ours as compact JSON, with < > & as they are:
// escaped as json.Marshal does, a body of nothing else would grow to six times
// the size that was admitted. It panics on what cannot be encoded, which is a
// mistake in the program.
func EncodeJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("parley: encoding %T: %v", v, err))
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
