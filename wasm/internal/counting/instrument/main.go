// Command instrument reads a module from standard input and writes it, counting its work, to
// standard output. The exported global "work" has the count.
package main

import (
	"io"
	"log"
	"os"

	"github.com/oauth2-wasm/oauth2-wasm/wasm/internal/counting"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("instrument: ")
	module, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	counted, err := counting.Instrument(module)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(counted); err != nil {
		log.Fatal(err)
	}
}
