// Command tokens prints the number of Go tokens, without comments, in the pure packages from which
// a module is made. Its arguments are build tags.
package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	list := exec.Command("go", "list", "-deps", "-tags", strings.Trim(os.Args[1], ","), "-f", `{{if not .Standard}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`, "./wasm/module")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		log.Fatal(err)
	}
	count := 0
	for _, file := range strings.Fields(string(out)) {
		src, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			log.Fatal(err)
		}
		var s scanner.Scanner
		fset := token.NewFileSet()
		s.Init(fset.AddFile(file, -1, len(src)), src, nil, 0)
		for {
			_, tok, lit := s.Scan()
			if tok == token.EOF {
				break
			}
			if tok != token.SEMICOLON || lit != "\n" {
				count++
			}
		}
	}
	fmt.Println(count)
}
