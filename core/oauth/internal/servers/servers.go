//go:build unix

// Package servers starts the servers of stores for tests: Redis, a Redis Cluster, PostgreSQL,
// PgBouncer, and a network that loses answers. All of them listen on loopback, use their own
// folders, and end with the process that started them.
package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience ends a wait. Only a hang reaches it.
const patience = time.Minute

// Server is a server that can be stopped and started again, on the same port and with its data.
type Server struct {
	// Addr is where it listens: host and port.
	Addr string

	command func() *exec.Cmd
	ready   func(context.Context) error
	remove  string // a folder that Close removes, or ""
	also    []*Server

	mu      sync.Mutex
	running *exec.Cmd
	ended   chan struct{}
}

// Missing returns a program that is not installed, or "".
func Missing() string {
	for _, name := range []string{"redis-server", "pgbouncer"} {
		if _, err := program(name); err != nil {
			return name
		}
	}
	if _, err := postgresBinary("postgres"); err != nil {
		return "postgresql"
	}
	return ""
}

func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name) // it is not in everybody's PATH
}

// postgresBinary finds a program of the newest PostgreSQL.
func postgresBinary(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	return exec.LookPath(name)
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// Start starts the server and waits until it answers.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return errors.New("servers: it runs")
	}
	cmd := s.command()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	said := &tail{}
	cmd.Stdout, cmd.Stderr = said, said
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel kills the child when the thread that started it ends.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("servers: %w", err)
	}
	s.running, s.ended = cmd, ended
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			s.running = nil
			return fmt.Errorf("servers: %s ended: %s", cmd.Path, said)
		case <-ctx.Done():
			return fmt.Errorf("servers: %s does not answer: %w: %s", cmd.Path, err, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop shuts the server down in order. Kill kills it.
func (s *Server) Stop() { s.end(syscall.SIGINT) } // PostgreSQL: a fast shutdown
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	if signal == syscall.SIGKILL {
		syscall.Kill(-s.running.Process.Pid, signal) // with the processes that it started
	} else {
		s.running.Process.Signal(signal)
	}
	<-s.ended
	s.running = nil
}

// Close kills the server and removes its folder.
func (s *Server) Close() {
	s.Kill()
	for _, other := range s.also {
		other.Close()
	}
	if s.remove != "" {
		os.RemoveAll(s.remove)
	}
}

// tail keeps the end of a server's output.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text = append(t.text, p...); len(t.text) > 4000 {
		t.text = t.text[len(t.text)-4000:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// freePort returns a port on which nobody listens, and for which port + 10,000 is free, too (the
// bus of a cluster). Another program may take it before it is used.
func freePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		// It is below the range from which connections get their ports, so that other connections
		// do not take it meanwhile.
		port = 20000 + port%12000
		if free(port) && free(port+10000) {
			return port, nil
		}
	}
	return 0, errors.New("servers: no port is free")
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// Redis starts a Redis that persists what it acknowledges. settings are names and values, as in its
// configuration file.
func Redis(settings ...string) (*Server, error) {
	binary, err := program("redis-server")
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
		"--daemonize", "no", "--loglevel", "warning", "--maxmemory-policy", "noeviction",
	}
	for i := 0; i+1 < len(settings); i += 2 {
		args = append(args, "--"+settings[i], settings[i+1])
	}
	s := &Server{Addr: fmt.Sprintf("127.0.0.1:%d", port), remove: dir}
	s.command = func() *exec.Cmd { return exec.Command(binary, args...) }
	s.ready = func(ctx context.Context) error {
		return ask(ctx, s.Addr, "PING\r\n", "+PONG")
	}
	return s, s.startOrClose()
}

func (s *Server) startOrClose() error {
	err := s.Start()
	if err != nil {
		s.Close()
	}
	return err
}

// ask sends a line and expects an answer that begins with want.
func ask(ctx context.Context, addr, line, want string) error {
	answer, err := tell(ctx, addr, line)
	if err == nil && !strings.HasPrefix(answer, want) {
		err = fmt.Errorf("it answers %q", answer)
	}
	return err
}

func tell(ctx context.Context, addr, line string) (string, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, line); err != nil {
		return "", err
	}
	buffer := make([]byte, 4096)
	n, err := c.Read(buffer)
	return string(buffer[:n]), err
}

// RedisCluster starts a cluster of three masters. To close the first one closes all.
func RedisCluster() ([]*Server, error) {
	var nodes []*Server
	closeAll := func(err error) ([]*Server, error) {
		for _, n := range nodes {
			n.Close()
		}
		return nil, err
	}
	for range 3 {
		n, err := Redis("cluster-enabled", "yes", "cluster-node-timeout", "5000")
		if err != nil {
			return closeAll(err)
		}
		nodes = append(nodes, n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i, n := range nodes {
		first, last := i*16384/3, (i+1)*16384/3-1
		if err := ask(ctx, n.Addr, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d\r\n", first, last), "+OK"); err != nil {
			return closeAll(err)
		}
		if err := ask(ctx, n.Addr, fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d\r\n", i+1), "+OK"); err != nil {
			return closeAll(err)
		}
		host, port, _ := net.SplitHostPort(nodes[0].Addr)
		if err := ask(ctx, n.Addr, fmt.Sprintf("CLUSTER MEET %s %s\r\n", host, port), "+OK"); err != nil {
			return closeAll(err)
		}
	}
	for _, n := range nodes {
		for {
			said, err := tell(ctx, n.Addr, "CLUSTER INFO\r\n")
			if err == nil && strings.Contains(said, "cluster_state:ok") && strings.Contains(said, "cluster_known_nodes:3") {
				break
			}
			if ctx.Err() != nil {
				return closeAll(fmt.Errorf("servers: the cluster does not come up: %q %v", said, err))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	nodes[0].also = nodes[1:]
	return nodes, nil
}

// unprivileged is the user as which PostgreSQL runs if root starts it, because it refuses to run as
// root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("servers: root cannot run PostgreSQL, and there is no user postgres or nobody")
}

// as returns a command that runs as that user; if who is nil, as the current user.
func as(who *syscall.Credential, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	return cmd
}

func folderOf(who *syscall.Credential, name string) (string, error) {
	dir, err := os.MkdirTemp("", name)
	if err == nil && who != nil {
		err = os.Chown(dir, int(who.Uid), int(who.Gid))
	}
	return dir, err
}

// Postgres starts a PostgreSQL with a database "postgres", which user "postgres" may use from
// loopback.
func Postgres() (*Server, error) {
	initdb, err := postgresBinary("initdb")
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	binary, err := postgresBinary("postgres")
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := folderOf(who, "postgres")
	if err != nil {
		return nil, err
	}
	s := &Server{remove: dir}
	data := filepath.Join(dir, "data")
	if out, err := as(who, dir, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C").CombinedOutput(); err != nil {
		s.Close()
		return nil, fmt.Errorf("servers: initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	s.command = func() *exec.Cmd {
		return as(who, dir, binary, "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", "", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal")
	}
	s.ready = func(ctx context.Context) error { return postgresReady(ctx, s.Addr) }
	return s, s.startOrClose()
}

// postgresReady opens a session without a password and expects success (AuthenticationOk). While
// the server starts, it refuses (57P03).
func postgresReady(ctx context.Context, addr string) error {
	const parameters = "\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"
	return ask(ctx, addr, string([]byte{0, 0, 0, byte(len(parameters) + 4)})+parameters, "R\x00\x00\x00\x08\x00\x00\x00\x00")
}

// PgBouncer starts a PgBouncer in front of a PostgreSQL, with few connections. After each
// transaction a connection goes to the next client.
func PgBouncer(of *Server) (*Server, error) {
	binary, err := program("pgbouncer")
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := folderOf(who, "pgbouncer")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	host, postgresPort, _ := net.SplitHostPort(of.Addr)
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
postgres = host=%s port=%s user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
`, host, postgresPort, port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	s := &Server{Addr: fmt.Sprintf("127.0.0.1:%d", port), remove: dir}
	s.command = func() *exec.Cmd { return as(who, dir, binary, "-q", config) }
	s.ready = func(ctx context.Context) error { return postgresReady(ctx, s.Addr) }
	return s, s.startOrClose()
}
