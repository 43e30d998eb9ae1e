//go:build linux

package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The kinds of clients.
const (
	ours = "ours"
	sdk  = "sdk"
)

type options struct {
	lasts   time.Duration
	seed    uint64
	verbose bool

	folder string // of this run
	root   string // of the repository
	token  string // the program oauth2-token
	self   string

	installed string // the package oauth2-wasm
}

// prepare builds what the processes need.
func (o *options) prepare() (err error) {
	if o.self, err = os.Executable(); err != nil {
		return err
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/oauth2-wasm/oauth2-wasm").Output()
	if err != nil {
		return fmt.Errorf("run it within its Go module: %w", err)
	}
	o.root = strings.TrimSpace(string(module))
	if o.folder, err = os.MkdirTemp("", "soak-"); err != nil {
		return err
	}
	o.token = filepath.Join(o.folder, "oauth2-token")
	build := exec.Command("go", "build", "-o", o.token, "./wasm/cmd/oauth2-token")
	build.Dir, build.Stderr = o.root, os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	pack := exec.Command("node", "--input-type=module", "-e", "import { installed } from './js/test/lib/installed.mjs'; console.log(installed())")
	pack.Dir, pack.Stderr = o.root, os.Stderr
	folder, err := pack.Output()
	o.installed = filepath.Join(strings.TrimSpace(string(folder)), "node_modules/oauth2-wasm")
	return err
}

func (o *options) tell(format string, a ...any) {
	if o.verbose {
		log.Printf(format, a...)
	}
}
