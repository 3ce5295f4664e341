package socketio

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"sync"
)

// Binary is binary data that is sent as it is, beside the JSON, wherever in an argument it stands. A []byte is, too, where it
// is an argument itself or stands in an any; a field of a struct must be Binary, or it is sent in base64, as encoding/json
// does.
type Binary []byte

// mark begins a Binary that stands for an attachment while an argument is encoded: its number follows. Nobody can guess it.
var mark = rand.Text()

// MarshalJSON encodes b in base64, but for what Emit encodes.
func (b Binary) MarshalJSON() ([]byte, error) {
	if len(b) == len(mark)+1 && string(b[:len(mark)]) == mark {
		return appendPlaceholder(nil, int(b[len(mark)])), nil
	}
	return json.Marshal([]byte(b))
}

func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '}')
}

var (
	binaryType    = reflect.TypeFor[Binary]()
	bytesType     = reflect.TypeFor[[]byte]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

var errTooDeep = errors.New("socketio: an argument that is nested too deeply, or holds itself")

// maxDepth is how deep arguments are looked for binary data; encoding/json goes no deeper either.
const maxDepth = 1000

// An extractor takes binary data out of arguments.
type extractor struct {
	attachments [][]byte
	err         error
}

// extract returns v with binary data replaced by marks: v itself, if there is none.
func (x *extractor) extract(v any) any {
	if v == nil || !mayHoldBinary(reflect.TypeOf(v)) {
		return v
	}
	w, changed := x.walk(reflect.ValueOf(v), 0)
	if !changed {
		return v
	}
	return w.Interface()
}

func (x *extractor) add(b []byte) reflect.Value {
	n := len(x.attachments)
	x.attachments = append(x.attachments, b)
	return reflect.ValueOf(Binary(append([]byte(mark), byte(n))))
}

func (x *extractor) walk(v reflect.Value, depth int) (w reflect.Value, changed bool) {
	if depth > maxDepth {
		x.err = errTooDeep
	}
	if x.err != nil || len(x.attachments) > 255 || !mayHoldBinary(v.Type()) {
		return v, false
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		e := v.Elem()
		if e.Type() == bytesType && !e.IsNil() {
			return x.add(e.Bytes()), true
		}
		return x.walk(e, depth+1)
	case reflect.Pointer:
		if v.IsNil() {
			return v, false
		}
		if e, changed := x.walk(v.Elem(), depth+1); changed {
			p := reflect.New(v.Type().Elem())
			p.Elem().Set(e)
			return p, true
		}
	case reflect.Slice, reflect.Array:
		if v.Type() == binaryType {
			if v.IsNil() {
				return v, false
			}
			return x.add(v.Bytes()), true
		}
		for i := range v.Len() {
			e, elementChanged := x.walk(v.Index(i), depth+1)
			if !elementChanged {
				continue
			}
			if !changed {
				w, changed = copyOf(v), true
			}
			w.Index(i).Set(e)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			e, elementChanged := x.walk(it.Value(), depth+1)
			if !elementChanged {
				continue
			}
			if !changed {
				w, changed = copyOf(v), true
			}
			w.SetMapIndex(it.Key(), e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			e, fieldChanged := x.walk(v.Field(i), depth+1)
			if !fieldChanged {
				continue
			}
			if !changed {
				w, changed = copyOf(v), true
			}
			w.Field(i).Set(e)
		}
	}
	if changed {
		return w, true
	}
	return v, false
}

// copyOf returns a copy of v, whose elements can be set.
func copyOf(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		w := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(w, v)
		return w
	case reflect.Map:
		w := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			w.SetMapIndex(it.Key(), it.Value())
		}
		return w
	default:
		w := reflect.New(v.Type()).Elem()
		w.Set(v)
		return w
	}
}

// holders are the types that have been looked at, and whether their values may hold binary data.
var holders sync.Map

func mayHoldBinary(t reflect.Type) bool {
	if may, ok := holders.Load(t); ok {
		return may.(bool)
	}
	may := lookForBinary(t, make(map[reflect.Type]bool))
	holders.Store(t, may)
	return may
}

func lookForBinary(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == binaryType || t.Kind() == reflect.Interface {
		return true
	}
	if seen[t] || t.Implements(marshalerType) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return lookForBinary(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && lookForBinary(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
