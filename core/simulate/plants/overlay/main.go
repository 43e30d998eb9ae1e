// Command overlay writes the core with all planted faults into a folder, and prints the file for go
// test
// -overlay.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/oauth2-wasm/oauth2-wasm/core/simulate/plants"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: overlay DIR, in the folder above core")
	}
	if err := os.MkdirAll(os.Args[1], 0o755); err != nil {
		log.Fatal(err)
	}
	file, err := plants.Overlay("core", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file)
}
