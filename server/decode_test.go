package server

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley"
)

func TestDecode(t *testing.T) {
	ref, req, err := decode([]byte(`{"type":"publish","ref":"r","room":"lobby","id":"a","kind":null,"body":{ "text" : "<hi>" },"Room":"x","since":null,"more":[1]}`))
	if err != nil || string(ref) != `"r"` || req.Room != "lobby" || req.Kind != "" || string(req.Body) != `{"text":"<hi>"}` || req.Since != nil {
		t.Errorf("decoded %s, %+v, %v", ref, req, err)
	}
	_, req, err = decode([]byte(`{"type":"join","rooms":{"a":1,"b":null}}`))
	if err != nil || len(req.Rooms) != 2 || *req.Rooms["a"] != 1 || req.Rooms["b"] != nil {
		t.Errorf("decoded %+v, %v", req, err)
	}
	deep := strings.Repeat("[", 64) + `"[[\"[["` + strings.Repeat("]", 64)
	if _, req, err = decode([]byte(`{"type":"publish","body":` + deep + `}`)); err != nil || string(req.Body) != deep {
		t.Errorf("a body nested 64 deep: %s, %v", req.Body, err)
	}
	if _, req, _ = decode([]byte(`{"type":"publish","body":null}`)); string(req.Body) != "null" {
		t.Errorf("a body of null became %q", req.Body)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, wantRef := range map[string]string{
		``: "", `x`: "", `[]`: "", `null`: "", `"hi"`: "", `{`: "", `{} {}`: "",
		`{"ref":1}`:                                        "1",
		`{"type":1,"ref":1}`:                               "1",
		`{"type":"","ref":1}`:                              "1",
		`{"type":null,"ref":-1.5e3}`:                       "-1.5e3",
		`{"type":"ping","ref":{}}`:                         "",
		`{"type":"ping","ref":true}`:                       "",
		`{"type":"join","room":1,"ref":1}`:                 "1",
		`{"type":"join","room":"a","since":"1","ref":"x"}`: `"x"`,
		`{"type":"join","room":"a","since":1.5,"ref":1}`:   "1",
		`{"type":"join","room":"a","since":1e30,"ref":1}`:  "1",
		`{"type":"join","rooms":[],"ref":1}`:               "1",
		`{"type":"join","rooms":{"a":"b"},"ref":1}`:        "1",
		`{"type":"hello","name":["ann"],"ref":1}`:          "1",
	} {
		ref, _, err := decode([]byte(text))
		if parley.ErrorCode(err) != parley.CodeInvalid || string(ref) != wantRef {
			t.Errorf("%s: ref %s, %v", text, ref, err)
		}
	}
}

func TestRefOfPrefix(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"hello","ref":7,"name":"aaaa`:   "7",
		`{"ref":"x","name":"aaaa`:                `"x"`,
		`{"name":"aaaa`:                          "",
		`{"name":"a","ref":{},"x":"aaaa`:         "",
		`{"deep":{"ref":1},"ref":2,"name":"aaaa`: "2",
		`[1,2`:                                   "",
		``:                                       "",
	} {
		if got := refOfPrefix([]byte(text)); string(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","ref":1,"name":"ann"}`,
		`{"type":"join","ref":"x","rooms":{"a":1,"b":null}}`,
		`{"type":"publish","room":"lobby","id":"a","body":{"text":"\u003c\ud800"},"target":3}`,
		`{"type":"history","room":"lobby","before":1e3,"limit":-1}`,
		`{"ref":1e999,"type":"ping"}`, `not JSON`, `[]`, strings.Repeat("[", 20000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ref, req, err := decode(data)
		refOfPrefix(data)
		if req == nil {
			t.Fatal("no request, not even an empty one")
		}
		if err != nil && parley.ErrorCode(err) != parley.CodeInvalid {
			t.Fatalf("refused with %v", err)
		}
		if err == nil && req.Type == "" {
			t.Fatal("a request without a type")
		}
		if len(req.Body) > len(data) {
			t.Fatal("the body grew")
		}
		// Whatever was sent, the answer is one JSON object with the ref in it.
		answer := encodeAnswer("ack", ref, req.Body)
		if req.Body == nil || req.Body[0] != '{' {
			answer = encodeAnswer("ack", ref, struct{}{})
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(answer, &back); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	})
}
