// Package socketio holds our Socket.IO server against official clients: of the newest 4.x and of an old one, in Node and in
// Chromium, and against python-socketio. Each goes through the same conversation by polling alone, by WebSocket alone, and with
// the upgrade from the one to the other.
package socketio
