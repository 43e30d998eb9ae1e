package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// exportedNames are the files that a server of files would not find by the demo's paths.
var exportedNames = map[string]string{"/": "index.html", serverPath: "server.html"}

// needServer are the files that are nothing without the authorization server.
var needServer = []string{popupPath, tabPath, "/popup.js", "/popup.js.map", "/tab.js", "/tab.js.map"}

// export writes the pages into a folder that any server can serve, also below a path: "Proof" and
// "Your server" work there, and "Try it" says that it needs `make demo`.
func export(folder string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	built, err := build(root)
	if err != nil {
		return err
	}
	for _, name := range needServer {
		delete(built, name)
	}
	// A server of files sends no policy, so the pages bring their own, without frame-ancestors,
	// which only a header can hold.
	policies := map[string]string{}
	for name, connect := range map[string]string{"/": "", serverPath: anyServer} {
		policies[name], _, _ = strings.Cut(contentPolicy(connect, ""), "; frame-ancestors")
	}
	if err := built.render(facts{ServerPage: exportedNames[serverPath], Policies: policies}); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, body := range built {
		file := name[1:]
		if other, ok := exportedNames[name]; ok {
			file = other
		}
		if err := os.WriteFile(filepath.Join(folder, file), body, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d files; any server of files can serve them\n", folder, len(built))
	return nil
}
