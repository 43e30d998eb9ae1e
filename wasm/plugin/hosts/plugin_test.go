package hosts

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	extism "github.com/extism/go-sdk"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

const (
	top      = "../../../"
	contract = top + "core/contract/"
)

// artifact reads a file that `make plugins` built, or the module from which they were built.
func artifact(t *testing.T, path string) (file string, bytes []byte) {
	t.Helper()
	file = filepath.Join(top, path)
	bytes, err := os.ReadFile(file)
	if err != nil {
		t.Fatal("make plugins builds it: ", err)
	}
	return file, bytes
}

// module is the file from which the plugins were built: the first line of their digests names it.
func module(t *testing.T) string {
	_, sums := artifact(t, "build/plugins/SHA256SUMS")
	line, _, _ := strings.Cut(string(sums), "\n")
	return "wasm/" + strings.Fields(line)[1]
}

// replay replays all transcripts, and writes a line for the table of hosts.
func replay(t *testing.T, host string, bytes []byte, open func(testing.TB) oauth.Engine) {
	digest := sha256.Sum256(bytes)
	tally := oauthtest.RunTranscripts(t, contract+"client", open)
	if tally.Total < 100 {
		t.Errorf("%d transcripts", tally.Total)
	}
	oauthtest.Report{Host: host, SHA256: hex.EncodeToString(digest[:]), Transcripts: tally}.Write(t, top+"build/hosts/"+host+".json")
}

// TestExtism (M60): the Extism plugin in Extism's SDK for Go replays all transcripts.
func TestExtism(t *testing.T) {
	_, bytes := artifact(t, "build/plugins/oauth2.extism.wasm")
	compiled, err := extism.NewCompiledPlugin(t.Context(), extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: bytes}}}, extism.PluginConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { compiled.Close(context.Background()) })
	replay(t, "extism-go", bytes, func(t testing.TB) oauth.Engine {
		plugin, err := compiled.Instance(t.Context(), extism.PluginInstanceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { plugin.Close(context.Background()) })
		return &onExtism{t, plugin}
	})
}

// onExtism is the plugin as an engine.
type onExtism struct {
	t      testing.TB
	plugin *extism.Plugin
}

func (e *onExtism) call(name string, input []byte) []byte {
	_, out, err := e.plugin.Call(name, input)
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

func addressed(handle int32, msg []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(handle)), msg...)
}

func (e *onExtism) Open(msg []byte) int32 {
	return int32(binary.LittleEndian.Uint32(e.call("open", msg)))
}

func (e *onExtism) Input(handle int32, msg []byte) int32 {
	return int32(binary.LittleEndian.Uint32(e.call("input", addressed(handle, msg))))
}

func (e *onExtism) Effect(handle int32) []byte {
	out := e.call("effect", addressed(handle, nil))
	if len(out) == 0 {
		return nil
	}
	return append([]byte(nil), out...)
}

func (e *onExtism) Close(handle int32) { e.call("close", addressed(handle, nil)) }

// TestExtismBounds (M61): a message above 1 MiB gives code 3, or a refused handle; a call without a
// handle reaches no session; and the plugin continues to work.
func TestExtismBounds(t *testing.T) {
	_, bytes := artifact(t, "build/plugins/oauth2.extism.wasm")
	plugin, err := extism.NewPlugin(t.Context(), extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: bytes}}}, extism.PluginConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plugin.Close(context.Background())
	e := &onExtism{t, plugin}
	handle := e.Open(opening(t))
	if handle != 1 {
		t.Fatalf("handle %d", handle)
	}
	first := e.Effect(handle)
	for _, row := range []struct {
		name, call string
		input      []byte
		want       uint32
	}{
		{"open: above 1 MiB", "open", make([]byte, oauth.MaxMessage+1), 0},
		{"open: nothing", "open", nil, 0},
		{"input: above 1 MiB", "input", addressed(handle, make([]byte, oauth.MaxMessage+1)), 3},
		{"input: no message", "input", addressed(handle, nil), 2},
		{"input: another handle", "input", addressed(7, []byte("{}")), 1},
		{"input: no handle", "input", []byte("{}"), 1},
		{"input: nothing", "input", nil, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := binary.LittleEndian.Uint32((&onExtism{t, plugin}).call(row.call, row.input)); got != row.want {
				t.Errorf("gave %d, not %d", got, row.want)
			}
		})
	}
	if e.call("close", nil); e.Effect(7) != nil {
		t.Error("an effect of no session")
	}
	if code := e.Input(handle, []byte(`{"now":1,"entropy":"`+strings.Repeat("A", 43)+`","answer":"0:0","ok":{}}`)); first == nil || code != oauth.Taken {
		t.Errorf("the session gave %q and then code %d", first, code)
	}
}

// opening is a message `open`, from a transcript.
func opening(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(contract + "client/about-to-expire.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\nopen ")
	line, _, _ := strings.Cut(rest, "\n")
	return []byte(line)
}

// TestComponent (M62): the component on wasmtime replays all transcripts.
func TestComponent(t *testing.T) {
	file, bytes := artifact(t, "build/plugins/oauth2.component.wasm")
	replay(t, "component-wasmtime", bytes, onWasmtime(t, file, "-DCOMPONENT"))
}

// TestGuide (M63): the host of 60 lines in core/contract/HOSTS.md is enough: compiled unchanged, it
// replays all transcripts on wasmtime with the module itself.
func TestGuide(t *testing.T) {
	file, bytes := artifact(t, module(t))
	replay(t, "c-wasmtime", bytes, onWasmtime(t, file, "-I"+guide(t)))
}

// guide writes the host in HOSTS.md to a folder, as host.c.
func guide(t *testing.T) (folder string) {
	t.Helper()
	page, err := os.ReadFile(contract + "HOSTS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```c\n")
	code, _, found := strings.Cut(rest, "```")
	if lines := strings.Count(code, "\n"); !found || lines > 60 {
		t.Fatalf("the page's host has %d lines, and the page says 60", lines)
	}
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "host.c"), []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

// onWasmtime compiles driver.c and starts it with a program. Each engine is an instance in that
// process, the last one.
func onWasmtime(t *testing.T, program string, flags ...string) func(testing.TB) oauth.Engine {
	t.Helper()
	// Nothing that is built here imports it, so Go has not downloaded it yet.
	download := exec.Command("go", "mod", "download", "-json", "github.com/bytecodealliance/wasmtime-go/v39")
	download.Stderr = os.Stderr
	out, err := download.Output()
	var wasmtime struct{ Dir string }
	if err != nil || json.Unmarshal(out, &wasmtime) != nil || wasmtime.Dir == "" {
		t.Fatalf("wasmtime cannot be downloaded: %v\n%s", err, out)
	}
	build := wasmtime.Dir + "/build"
	goarch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[strings.TrimSpace(goEnv(t, "GOARCH"))]
	binary := filepath.Join(t.TempDir(), "driver")
	args := append([]string{"-O1", "-Wall", "-Werror", "-I" + build + "/include", "-Ic"}, flags...)
	args = append(args, "c/driver.c", "-o", binary, build+"/linux-"+goarch+"/libwasmtime.a", "-lm", "-ldl", "-lpthread")
	if said, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, said)
	}
	cmd := exec.Command(binary, program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	p := &process{in: bufio.NewWriter(in), out: bufio.NewReader(answers)}
	return func(t testing.TB) oauth.Engine {
		p.t = t
		if p.number('n', 0, nil) != 1 {
			t.Fatal("no instance")
		}
		return p
	}
}

func goEnv(t *testing.T, name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// process is an instance in a process of driver.c.
type process struct {
	t   testing.TB
	in  *bufio.Writer
	out *bufio.Reader
}

func (p *process) number(verb byte, handle int32, text []byte) int32 {
	p.t.Helper()
	frame := binary.LittleEndian.AppendUint32([]byte{verb}, uint32(handle))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(text)))
	p.in.Write(frame)
	p.in.Write(text)
	if err := p.in.Flush(); err != nil {
		p.t.Fatal("the host ended: ", err)
	}
	var answer [4]byte
	if _, err := io.ReadFull(p.out, answer[:]); err != nil {
		p.t.Fatal("the host ended: ", err)
	}
	return int32(binary.LittleEndian.Uint32(answer[:]))
}

func (p *process) Open(msg []byte) int32                { return p.number('o', 0, msg) }
func (p *process) Input(handle int32, msg []byte) int32 { return p.number('i', handle, msg) }
func (p *process) Close(handle int32)                   { p.number('c', handle, nil) }

func (p *process) Effect(handle int32) []byte {
	n := p.number('e', handle, nil)
	if n == 0 {
		return nil
	}
	effect := make([]byte, n)
	if _, err := io.ReadFull(p.out, effect); err != nil {
		p.t.Fatal("the host ended: ", err)
	}
	return effect
}
