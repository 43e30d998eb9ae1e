package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// encodings of a file, best first.
type encodings []encoded

type encoded struct {
	name string // of the content coding (RFC 9110 section 8.4.1)
	body []byte
}

// worthwhile is the least size in bytes of a file that is compressed.
const worthwhile = 512

// large is the size above which a file gets only fast gzip, because more would take too long.
const large = 1 << 20

// compress returns each file in the encodings that make it smaller. Go has gzip; brotli needs Node,
// if it is installed. Its results are cached in build/web, because it takes a second.
func compress(root string, built files) map[string]encodings {
	all := map[string]encodings{}
	dir := filepath.Join(root, "build", "web")
	brotli(dir, built)
	for name, body := range built {
		if len(body) < worthwhile {
			continue
		}
		if br, err := os.ReadFile(brotliFile(dir, body)); err == nil && len(br) < len(body) {
			all[name] = append(all[name], encoded{"br", br})
		}
		var b bytes.Buffer
		level := gzip.BestCompression
		if len(body) > large {
			level = gzip.BestSpeed
		}
		w, _ := gzip.NewWriterLevel(&b, level) // the level is a valid one
		w.Write(body)                          // into memory: it cannot fail
		w.Close()
		if b.Len() < len(body) {
			all[name] = append(all[name], encoded{"gzip", b.Bytes()})
		}
	}
	return all
}

func brotliFile(dir string, body []byte) string {
	sum := sha256.Sum256(body)
	return filepath.Join(dir, hex.EncodeToString(sum[:])+".br")
}

// brotliScript compresses the file of each argument beside it. It renames at the end, because
// several servers may start at once.
const brotliScript = `const {readFileSync:r,writeFileSync:w,renameSync:m,rmSync:d}=require("fs"),{brotliCompressSync:b}=require("zlib");` +
	`for(const f of process.argv.slice(1)){const t=f+"."+process.pid;w(t,b(r(f)));m(t,f.replace(/\.raw\.\d+$/,""));d(f)}`

// brotli writes the compressed files to dir. Without Node, or if that fails, there are none.
func brotli(dir string, built files) {
	node, err := exec.LookPath("node")
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return
	}
	args := []string{"-e", brotliScript}
	for name, body := range built {
		to := brotliFile(dir, body)
		if _, err := os.Stat(to); err == nil || len(body) < worthwhile || len(body) > large || path.Ext(name) == "" {
			continue // the bytes of pages differ with each port
		}
		raw, err := os.CreateTemp(dir, filepath.Base(to)+".raw.*")
		if err != nil {
			return
		}
		_, err = raw.Write(body)
		if raw.Close() != nil || err != nil {
			return
		}
		args = append(args, raw.Name())
	}
	if len(args) == 2 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	exec.CommandContext(ctx, node, args...).Run() // on failure the files are missing
}

// accepted returns the best encoding that a request accepts, if any.
func (all encodings) accepted(r *http.Request) (encoded, bool) {
	for _, e := range all {
		for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
			name, weight, _ := strings.Cut(part, ";")
			if strings.TrimSpace(name) == e.name && strings.TrimSpace(weight) != "q=0" {
				return e, true
			}
		}
	}
	return encoded{}, false
}
