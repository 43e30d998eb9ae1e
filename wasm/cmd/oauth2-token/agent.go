package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// agentVariable contains the path of an agent's socket, for programs that have no session of their
// own.
const agentVariable = "OAUTH2_TOKEN_AGENT"

// longestSocket is the longest path of a socket: sun_path has 104 bytes on macOS and the BSDs, 108
// on Linux, including a zero at the end.
const longestSocket = 103

// serve is an agent: it gives the session's tokens to processes of the same user over a socket,
// until it is stopped. The directory (0700) and the peer's uid decide who may connect. Processes of
// the same uid are not separated.
func (p *program) serve(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM) // process managers stop programs with it
	defer stop()
	listener, err := listen(p.socket)
	if err != nil {
		return err
	}
	defer os.Remove(p.socket)
	server := &http.Server{
		Handler: agentHandler(p.source), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(p.screen, "oauth2-token: agent: ", 0), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if p.json {
		err = p.print(struct {
			Agent string `json:"agent"`
		}{p.socket})
	} else {
		_, err = fmt.Fprintf(p.out, "%s='%s'; export %s;\n", agentVariable, strings.ReplaceAll(p.socket, "'", `'\''`), agentVariable)
	}
	if err != nil {
		listener.Close()
		return err
	}
	p.screen.print("ready: %s\nEvery process of yours that reaches this socket gets the token; Ctrl-C ends it.\n", p.socket)
	end := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer end()
	if err := server.Serve(&guarded{listener, p.screen}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen listens at the socket's path, unless another agent answers there.
func listen(path string) (net.Listener, error) {
	if len(path) > longestSocket {
		return nil, usageErrorf("the path of the socket has %d bytes, the system takes %d at the most: %s; name another with -socket", len(path), longestSocket, path)
	}
	if err := private(filepath.Dir(path)); err != nil {
		return nil, err
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there and no socket", path)
	default:
		if other, err := net.Dial("unix", path); err == nil {
			other.Close()
			return nil, fmt.Errorf("an agent serves %s already", path)
		}
		if err := os.Remove(path); err != nil { // it was left by an agent that was killed
			return nil, err
		}
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// private refuses a directory that others may enter or that belongs to another user. If it is
// missing, private makes it.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %#o: it has to be 0700, for who reaches the socket gets tokens", dir, mode)
	}
	if !mine(info) {
		return fmt.Errorf("%s is another user's, who could put a socket of their own there", dir)
	}
	return nil
}

// guarded is a listener that accepts only processes of the same user, not even root. The directory
// already keeps others out, but not if somebody passes the socket on.
type guarded struct {
	net.Listener
	screen *screen
}

func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(conn)
		if err == nil && uid == os.Getuid() {
			return conn, nil
		}
		if err != nil {
			g.screen.print("A peer was refused, for it cannot be told whose it is: %v\n", err)
		} else {
			g.screen.print("A peer was refused: its uid is %d, not %d.\n", uid, os.Getuid())
		}
		conn.Close()
	}
}

// agentError is the answer of an agent that has no token.
type agentError struct {
	Message string `json:"error"`
	Exit    int    `json:"exit"`
}

func (e *agentError) Error() string { return e.Message }

// agentHandler answers GET /token, POST /token (a newer token), GET /status and GET /whoami.
func agentHandler(s source) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, get func(context.Context) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			answer, err := get(r.Context())
			if err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				answer = &agentError{explain(err), exitStatus(err)}
			}
			json.NewEncoder(w).Encode(answer) // an error here means that the peer has gone
		})
	}
	handle("GET /token", func(ctx context.Context) (any, error) { return s.token(ctx, false) })
	handle("POST /token", func(ctx context.Context) (any, error) { return s.token(ctx, true) })
	handle("GET /status", func(ctx context.Context) (any, error) { return s.status(ctx) })
	handle("GET /whoami", func(ctx context.Context) (any, error) { return s.whoami(ctx) })
	return mux
}

// agent is a source: an agent at a socket.
type agent struct{ path string }

// longestAnswer is the longest answer of an agent, in bytes: a token has at most 192 KiB.
const longestAnswer = 1 << 20

func (a agent) ask(ctx context.Context, method, path string, into any) error {
	client := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", a.path)
			if err != nil {
				return nil, err
			}
			// If others may write to the directory, the socket could be theirs.
			if uid, err := peerUID(conn); err != nil || uid != os.Getuid() {
				conn.Close()
				return nil, errors.New("the agent there is not yours")
			}
			return conn, nil
		},
	}}
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("no agent answers at %s: %w", a.path, errors.Unwrap(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		failed := &agentError{}
		if json.Unmarshal(body, failed) != nil || failed.Message == "" {
			return fmt.Errorf("the agent at %s answers %d: %s", a.path, res.StatusCode, printable(string(bytes.TrimSpace(body))))
		}
		return failed
	}
	return json.Unmarshal(body, into)
}

func (a agent) token(ctx context.Context, fresh bool) (got tokenAnswer, err error) {
	method := http.MethodGet
	if fresh {
		method = http.MethodPost
	}
	return got, a.ask(ctx, method, "/token", &got)
}

func (a agent) status(ctx context.Context) (got statusAnswer, err error) {
	return got, a.ask(ctx, http.MethodGet, "/status", &got)
}

func (a agent) whoami(ctx context.Context) (got identity, err error) {
	return got, a.ask(ctx, http.MethodGet, "/whoami", &got)
}
