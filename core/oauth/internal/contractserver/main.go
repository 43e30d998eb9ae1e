// Command contractserver serves the live server of the contract suite, for hosts that are not
// written in Go. It prints "ready: URL" when it listens, and runs until it is stopped.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "host:port to listen on; port 0 takes any free one")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		fmt.Printf("ready: http://%s\n", listener.Addr())
		err = http.Serve(listener, oauthtest.Handler())
	}
	fmt.Fprintln(os.Stderr, "contractserver:", err)
	os.Exit(1)
}
