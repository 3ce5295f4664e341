package extension

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	flag := func(name string) Param { return Param{Name: name} }
	val := func(name, value string) Param { return Param{name, value, true} }
	for _, tc := range []struct {
		fields []string
		want   []Extension
	}{
		{nil, nil},
		{[]string{"", " \t", ",, ,"}, nil},
		{[]string{"foo"}, []Extension{{Name: "foo"}}},
		{[]string{"foo, bar", "baz"}, []Extension{{Name: "foo"}, {Name: "bar"}, {Name: "baz"}}},
		{[]string{" ,foo ; a;b = c\t, ,bar,"}, []Extension{{Name: "foo", Params: []Param{flag("a"), val("b", "c")}}, {Name: "bar"}}},
		{[]string{`foo; a="10"; b="1\0\x"; c=""; d=`}, []Extension{{Name: "foo", Params: []Param{val("a", "10"), val("b", "10x"), val("c", ""), val("d", "")}}}},
		{[]string{`foo; a="\1\2"`}, []Extension{{Name: "foo", Params: []Param{val("a", "12")}}}},
		// RFC 6455 section 9.1 and RFC 7692 section 7.1.3.
		{[]string{"bar; baz=2"}, []Extension{{Name: "bar", Params: []Param{val("baz", "2")}}}},
		{[]string{"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits"}, []Extension{
			{Name: "permessage-deflate", Params: []Param{flag("client_max_window_bits"), val("server_max_window_bits", "10")}},
			{Name: "permessage-deflate", Params: []Param{flag("client_max_window_bits")}}}},
	} {
		got, err := Parse(tc.fields)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%q: %+v, %v", tc.fields, got, err)
		}
	}
}

func TestParseMalformed(t *testing.T) {
	for _, field := range []string{
		";", "; a", "=", "foo;", "foo; ,", "foo;;a", "foo; =b", "foo bar", "foo; a b", "foo; a=b c", `foo; a="`, `foo; a="b`, `foo; a="b\`,
		`foo; a="b\"`, `foo; a="b c"`, `foo; a="b,c"`, `foo; a="b"c`, `foo; a=b"c"`, `"foo"`, "f\x00o", "foo\n", "foo/1", "fo\xffo", "foo; a==b", `foo; "a"`,
		`foo; a="\""`, `foo; a="a\ b"`,
	} {
		if got, err := Parse([]string{"ok", field}); err == nil {
			t.Errorf("%q: %+v", field, got)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	for _, field := range []string{strings.Repeat("a,", maxExtensions+1), "a" + strings.Repeat(";a", maxParams+1)} {
		if _, err := Parse([]string{field}); err != errTooMany {
			t.Errorf("%.20q...: %v", field, err)
		}
	}
	list, err := Parse([]string{strings.Repeat("a,", maxExtensions), "," + strings.Repeat(",", 100)})
	if err != nil || len(list) != maxExtensions {
		t.Errorf("%d extensions, %v", len(list), err)
	}
}

// TestParseIsLinear holds the time for a long field against that for a short one. A quadratic parser would need 256
// times as long per byte; the bound is far from both.
func TestParseIsLinear(t *testing.T) {
	perByte := func(field string) float64 {
		best := time.Duration(1 << 62)
		for range 5 {
			start := time.Now()
			Parse([]string{field})
			best = min(best, time.Since(start))
		}
		return float64(best) / float64(len(field))
	}
	const short, long = 1 << 10, 1 << 18
	for _, unit := range []string{",", " ", "\t ,", "a", `\a`, `\"`} {
		for _, prefix := range []string{"", "a", "a;b=", `a;b="`} {
			a, b := perByte(prefix+strings.Repeat(unit, short/len(unit))), perByte(prefix+strings.Repeat(unit, long/len(unit)))
			if b > 30*a+30 {
				t.Errorf("%q then %q...: %.1f ns a byte for 1 KiB, %.1f for 256 KiB", prefix, unit, a, b)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits; server_max_window_bits=10, foo")
	f.Add(`a;b="1\0";c="",,d`)
	f.Fuzz(func(t *testing.T, field string) {
		list, err := Parse([]string{field})
		if err != nil {
			return
		}
		// What was read, written again, is read as the same: unless a value is one that cannot be written.
		var parts []string
		for _, e := range list {
			for _, p := range e.Params {
				if p.HasValue && p.Value == "" {
					return
				}
			}
			parts = append(parts, e.String())
		}
		again, err := Parse(parts)
		if err != nil || !reflect.DeepEqual(list, again) {
			t.Fatalf("%q, written as %q: %+v, %v", field, parts, again, err)
		}
	})
}
