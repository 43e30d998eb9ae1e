package main

import (
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// docsPath is where the documentation is served.
const docsPath = "/docs/"

// docsPolicy is for pages of a static generator, which style their code by attributes.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs serves the documentation that `make docs` has written below root, or says how to build it.
func docs(root string) http.Handler {
	folder := os.DirFS(filepath.Join(root, "build/docs"))
	files := http.StripPrefix(docsPath, http.FileServerFS(folder))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", docsPolicy)
		h.Set("Cache-Control", "no-cache")
		if _, err := fs.Stat(folder, "index.html"); err != nil {
			http.Error(w, "The documentation is not built. Run: make docs", http.StatusNotFound)
			return
		}
		if kind := contentTypes[path.Ext(r.URL.Path)]; kind != "" && !strings.HasSuffix(r.URL.Path, "/index.html") {
			h.Set("Content-Type", kind)
		}
		files.ServeHTTP(w, r)
	})
}
