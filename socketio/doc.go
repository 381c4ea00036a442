// Package socketio is a Socket.IO server (protocol 5, the one of the clients of
// versions 3 and 4) for Go applications: namespaces, events with acknowledgements
// in both directions, binary data, rooms, middleware, connection state recovery,
// over HTTP long-polling and WebSocket.
//
//	srv := socketio.NewServer(socketio.Options{})
//	srv.Of("/").OnConnect(func(s *socketio.Socket) error {
//		s.On("hello", func(e *socketio.Event) {
//			var name string
//			if err := e.Decode(&name); err == nil {
//				e.Ack("hello " + name)
//			}
//		})
//		return nil
//	})
//	http.Handle("/socket.io/", srv)
//
// The handlers of one connection run one after another, on a goroutine that
// exists while there is something to do. Nothing is kept without bound for a
// client that does not read: Emit answers ErrFull, TryEmit keeps nothing at all.
// A client may speak the msgpack parser (socket.io-msgpack-parser) instead of
// JSON; the first packet shows which.
//
// Read server.go, namespace.go, socket.go and event.go; below them client.go
// (one connection), packet.go, json.go and msgpack.go (its packets).
package socketio
