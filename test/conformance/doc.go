// Package conformance holds the behaviours of RFC 6455 and RFC 7692 in tables, and the real conformance example against them:
// as a server, and as a client that is driven like the clients of Autobahn's test suite. Rows that are also cases of that
// suite carry its numbers. What speaks to the example here are bare sockets and a codec of the tests' own (frame_test.go,
// peer_test.go): nothing of package websocket.
//
// A row demands the strictest reading: exact echoes in exact order, the one close code that fits, a failure at the first
// wrong byte and not at the end of its message, and the TCP connection ended by the server.
//
// All rows run in blocking mode and in event mode, plain and over TLS, against an example that was built with the race
// detector, and over a network that cuts what is sent to it at random and has little room for what it sends.
//
//	go test -v -run TestConformance               prints a count per group and every row that fails
//	go test -v -run TestConformance -args -seed N cuts in the same places again
//
// Environment:
//
//	PARLEY_ROWS      run only the rows whose number begins so: 6.4 or 12.
//	PARLEY_MESSAGES  how many messages each row of the groups 12 and 13 sends; the suite's number is 1000
package conformance
