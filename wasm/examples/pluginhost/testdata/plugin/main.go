// Command plugin plays a plugin of a third party: GOOS=wasip1 GOARCH=wasm go build. Its arguments
// are the client that it asks for and URLs that it tries to get with it. A number in place of the
// client is an invented handle; loop, hog and chat make it misbehave. It also tries what it may not
// do.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"
)

//go:wasmimport oauth client
func client(name unsafe.Pointer, n uint32) uint32

//go:wasmimport oauth request
func request(handle uint32, json unsafe.Pointer, n uint32) uint32

//go:wasmimport oauth read
func read(to unsafe.Pointer)

func main() {
	name := os.Args[1]
	switch name {
	case "loop":
		for {
		}
	case "hog":
		for all := [][]byte{}; ; {
			all = append(all, make([]byte, 1<<20))
		}
	case "chat":
		for {
			fmt.Println("plugin plugin plugin plugin plugin plugin plugin plugin plugin plugin plugin plugin plugin")
		}
	}
	handle := client(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)))
	if made, err := strconv.Atoi(name); err == nil {
		handle = uint32(made)
	}
	for _, url := range os.Args[2:] {
		fmt.Println(get(handle, url))
	}
	_, file := os.ReadFile("/etc/passwd")
	_, socket := net.Dial("tcp", "127.0.0.1:80")
	fmt.Println("files:", file != nil, "sockets:", socket != nil, "environment:", len(os.Environ()))
}

func get(handle uint32, url string) string {
	json := []byte(`{"method":"GET","url":` + strconv.Quote(url) + `}`)
	answer := make([]byte, request(handle, unsafe.Pointer(&json[0]), uint32(len(json))))
	read(unsafe.Pointer(&answer[0]))
	return string(answer)
}
