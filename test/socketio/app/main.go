// Command app serves the self-test application on a free loopback port, which
// it prints.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/karez/karez/internal/selftest"
)

func main() {
	o := selftest.Options{Recovery: []string{"/recovered"}, PingInterval: 5 * time.Second, PingTimeout: 20 * time.Second}
	addr := "127.0.0.1:0"
	if len(os.Args) > 1 { // for the public suites, which want their own port and values
		addr, o = os.Args[1], selftest.Options{}
	}
	mux := http.NewServeMux()
	selftest.New(o).Register(mux)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", ln.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(ln, mux))
	os.Exit(1)
}
