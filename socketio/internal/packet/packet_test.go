package packet_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]packet.Packet{
		`0`:                          {Type: packet.Connect, Namespace: "/"},
		`0{"token":"123"}`:           {Type: packet.Connect, Namespace: "/", Data: []byte(`{"token":"123"}`)},
		`0/admin,`:                   {Type: packet.Connect, Namespace: "/admin"},
		`0/admin`:                    {Type: packet.Connect, Namespace: "/admin"},
		`0/admin?a=b,{"c":1}`:        {Type: packet.Connect, Namespace: "/admin", Data: []byte(`{"c":1}`)}, // the query is dropped
		`0/?a=b,`:                    {Type: packet.Connect, Namespace: "/"},
		`1`:                          {Type: packet.Disconnect, Namespace: "/"},
		`1/admin,`:                   {Type: packet.Disconnect, Namespace: "/admin"},
		`2["foo"]`:                   {Type: packet.Event, Namespace: "/", Data: []byte(`["foo"]`)},
		`2 [ "foo" , 1 ]`:            {Type: packet.Event, Namespace: "/", Data: []byte(` [ "foo" , 1 ]`)},
		`212["foo"]`:                 {Type: packet.Event, Namespace: "/", ID: 12, HasID: true, Data: []byte(`["foo"]`)},
		`20["foo"]`:                  {Type: packet.Event, Namespace: "/", HasID: true, Data: []byte(`["foo"]`)},
		`2/a-b/c,7["foo"]`:           {Type: packet.Event, Namespace: "/a-b/c", ID: 7, HasID: true, Data: []byte(`["foo"]`)},
		`2/1,["foo"]`:                {Type: packet.Event, Namespace: "/1", Data: []byte(`["foo"]`)},
		`2[5,"x"]`:                   {Type: packet.Event, Namespace: "/", Data: []byte(`[5,"x"]`)},
		`29007199254740991["foo"]`:   {Type: packet.Event, Namespace: "/", ID: 1<<53 - 1, HasID: true, Data: []byte(`["foo"]`)},
		`3/admin,13["bar"]`:          {Type: packet.Ack, Namespace: "/admin", ID: 13, HasID: true, Data: []byte(`["bar"]`)},
		`312[]`:                      {Type: packet.Ack, Namespace: "/", ID: 12, HasID: true, Data: []byte(`[]`)},
		`4{"message":"no"}`:          {Type: packet.ConnectError, Namespace: "/", Data: []byte(`{"message":"no"}`)},
		`51-["b",{"num":0}]`:         {Type: packet.BinaryEvent, Namespace: "/", Attachments: 1, Data: []byte(`["b",{"num":0}]`)},
		`510-/admin,3["b"]`:          {Type: packet.BinaryEvent, Namespace: "/admin", Attachments: 10, ID: 3, HasID: true, Data: []byte(`["b"]`)},
		`61-15["bar",{"num":0}]`:     {Type: packet.BinaryAck, Namespace: "/", Attachments: 1, ID: 15, HasID: true, Data: []byte(`["bar",{"num":0}]`)},
		`2["connection","new","\n"]`: {Type: packet.Event, Namespace: "/", Data: []byte(`["connection","new","\n"]`)},
	} {
		got, err := packet.Parse([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "abc", "7", "9[]", " 0", "/",
		`0[]`, `0"x"`, `0null`, `01{}`[:1] + `x`, `0{`, `0{}}`,
		`1{}`, `1[]`, `1/admin,x`,
		`2`, `2{}`, `2[]`, `2"x"`, `2[`, `2["x"`, `2["x",]`, `2["x"]]`, `2[{}]`, `2[null]`, `2[["x"]]`, `2[true]`, `2/admin`, `2/admin,`,
		`2abc["x"]`, `21.5["x"]`, `2-1["x"]`, `21e3["x"]`, `29007199254740993["x"]`, `299999999999999999999999["x"]`,
		`2["connect"]`, `2["connect_error"]`, `2["disconnect"]`, `2["disconnecting"]`, `2["newListener"]`, `2["removeListener"]`,
		`2["dis\u0063onnect"]`,
		`3["x"]`, `31`, `31{}`, `31"x"`,
		`4[]`, `4true`, `4{`,
		`5["x"]`, `5-["x"]`, `50-["x"]`, `511-["x"]`, `599999999999-["x"]`, `5a-["x"]`, `5-1-["x"]`, `51.5-["x"]`, `51["x"]`, `5+1-["x"]`, `51-[]`, `51-{}`,
		`51-["disconnect"]`,
		`61-["x"]`, `60-1["x"]`, `61-1{}`,
		`2/` + strings.Repeat("x", 300) + `,["x"]`,
	} {
		if p, err := packet.Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken for %+v", text, p)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, text := range []string{
		`0`, `0/admin,{"sid":"x"}`, `2["foo"]`, `212["foo"]`, `2/admin,["bar"]`, `3/admin,13["bar"]`, `1/admin,`, `4{"message":"Not authorized"}`,
		`51-["baz",{"_placeholder":true,"num":0}]`, `52-/admin,["baz"]`, `61-15["bar"]`,
	} {
		p, err := packet.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := packet.Append(nil, p); string(got) != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, text := range []string{
		`[]`, ` [ ] `, `[1]`, `[1,2]`, `["a","b,]\"",{"x":[1,"]}"]},[[],[{}]],null,true,-1.5e3]`, "[ 1 ,\n\t\"\\\\\" , { } ]", `["\\","\""]`,
	} {
		var want []json.RawMessage
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		got := packet.Split([]byte(text))
		if len(got) != len(want) {
			t.Errorf("%s: %s", text, got)
			continue
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
}

// assemble gives texts to an Assembler, those that begin with "!" as attachments without it.
func assemble(parts ...string) (m packet.Message, complete bool, err error) {
	var a packet.Assembler
	for i, part := range parts {
		if attachment, ok := strings.CutPrefix(part, "!"); ok {
			m, complete, err = a.Binary([]byte(attachment))
		} else {
			m, complete, err = a.Text([]byte(part))
		}
		if err != nil || complete != (i == len(parts)-1) {
			return m, complete, err
		}
	}
	return m, complete, err
}

func TestAttachments(t *testing.T) {
	m, complete, err := assemble(`52-7["x",{"_placeholder":true,"num":1},{"a":[{"_placeholder":true,"num":0}],"n":12345678901234567890}]`, "!zero", "!one")
	if err != nil || !complete {
		t.Fatal(complete, err)
	}
	want := []any{"x", []byte("one"), map[string]any{"a": []any{[]byte("zero")}, "n": json.Number("12345678901234567890")}}
	if !reflect.DeepEqual(m.Values, want) || m.ID != 7 || m.Type != packet.BinaryEvent || m.Size != len(m.Data)+len("zero"+"one") {
		t.Errorf("got %+v", m)
	}
	m, _, err = assemble(`61-7[{"_placeholder":true,"num":0}]`, "!")
	if err != nil || !reflect.DeepEqual(m.Values, []any{[]byte{}}) {
		t.Errorf("got %+v, %v", m, err)
	}
	// Only true makes a placeholder.
	m, _, err = assemble(`51-["x",{"_placeholder":"true","num":9}]`, "!a")
	if err != nil || !reflect.DeepEqual(m.Values[1], map[string]any{"_placeholder": "true", "num": json.Number("9")}) {
		t.Errorf("got %+v, %v", m, err)
	}
	for _, parts := range [][]string{
		{"!a"},
		{`2["x"]`, "!a"},
		{`52-["x"]`, "!a", `2["y"]`},
		{`51-["x"]`, `51-["x"]`},
		{`51-["x",{"_placeholder":true,"num":1}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":-1}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":0.5}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":"0"}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":1e99}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":1e9}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":9007199254740993}]`, "!a"},
		{`51-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "!a"}, // each is for one place
		{`52-["x",{"_placeholder":true,"num":1},[{"a":{"_placeholder":true,"num":1}}]]`, "!a", "!b"},
		{`51-["x",{"_placeholder":true}]`, "!a"},
		{`51-["x",[{"y":{"_placeholder":true,"num":7}}]]`, "!a"},
	} {
		if m, complete, err := assemble(parts...); err == nil && (complete || len(parts) > 1) {
			if len(parts) == 2 && parts[0] == `2["x"]` { // complete before its attachment, which comes for nothing
				continue
			}
			t.Errorf("%q was taken for %+v", parts, m)
		}
	}
}

func TestReset(t *testing.T) {
	var a packet.Assembler
	if _, complete, err := a.Text([]byte(`51-["x"]`)); complete || err != nil {
		t.Fatal(complete, err)
	}
	a.Reset()
	if _, complete, err := a.Text([]byte(`2["x"]`)); !complete || err != nil {
		t.Error(complete, err)
	}
	if _, _, err := a.Binary([]byte("a")); err == nil {
		t.Error("an attachment that belongs to nothing was taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`0`, `0/admin?x,{"a":1}`, `1/a,`, `2["foo",1,{"a":[]}]`, `2/a,12["foo"]`, `3/a,13["bar"]`, `4{"message":""}`, `51-["b",{"_placeholder":true,"num":0}]`, `62-1[]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := packet.Parse(text)
		if err != nil {
			return
		}
		again, err := packet.Parse(packet.Append(nil, p))
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%q is %+v, and then %+v, %v", text, p, again, err)
		}
		if p.Type != packet.Event && p.Type != packet.Ack && p.Type != packet.BinaryEvent && p.Type != packet.BinaryAck {
			return
		}
		var want []json.RawMessage
		if err := json.Unmarshal(p.Data, &want); err != nil {
			t.Fatal(err)
		}
		got := packet.Split(p.Data)
		if len(got) != len(want) {
			t.Fatalf("%q has %d elements, want %d", p.Data, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("element %d of %q is %q, want %q", i, p.Data, got[i], want[i])
			}
		}
	})
}

func FuzzAssembler(f *testing.F) {
	f.Add([]byte(`52-["x",{"_placeholder":true,"num":1},{"a":[{"_placeholder":true,"num":0}]}]`), []byte("a"), []byte("b"))
	f.Add([]byte(`61-1[{"_placeholder":true,"num":0}]`), []byte(""), []byte("b"))
	f.Fuzz(func(t *testing.T, text, first, second []byte) {
		var a packet.Assembler
		m, complete, err := a.Text(text)
		if err == nil && !complete {
			m, complete, err = a.Binary(first)
		}
		if err == nil && !complete {
			m, complete, err = a.Binary(second)
		}
		if err != nil || !complete {
			return
		}
		if (m.Values != nil) != (m.Attachments > 0) {
			t.Fatalf("%q: %d attachments, and values %v", text, m.Attachments, m.Values)
		}
		if m.Values != nil {
			if _, err := json.Marshal(m.Values); err != nil {
				t.Fatal(err)
			}
		}
	})
}
