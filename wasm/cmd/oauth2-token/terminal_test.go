//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/oauth2-wasm/oauth2-wasm/wasm/internal/beside"
)

// startOn starts the program on its own terminal.
func (a *account) startOn(size pty.Winsize, args ...string) *process {
	a.t.Helper()
	p := &process{t: a.t, cmd: a.command(args...), more: make(chan struct{}, 1)}
	tty, err := pty.StartWithSize(p.cmd, &size)
	if err != nil {
		a.t.Fatal(err)
	}
	p.in = tty
	go p.read(tty)
	a.t.Cleanup(func() {
		p.cmd.Process.Kill()
		tty.Close()
	})
	return p
}

var wide = pty.Winsize{Rows: 50, Cols: 100}

// On a terminal the QR code can be read, the time counts down, and Ctrl-C ends the program.
func TestTerminal(t *testing.T) {
	t.Parallel()
	peer := ours(t, nil)
	a := newAccount(t, peer.config)
	login := a.startOn(wide, "login")
	page := login.says(`To sign in, open\s+(\S+)\s`)[1]
	first := login.says(`Waiting for you to allow it … (\d+:\d+) min left, (?:next look in 1 s|asking the server)`)[1]
	login.says(`asking the server|next look`)
	if read := readQR(t, login.said()); read != page {
		t.Errorf("the code reads %q, want %q", read, page)
	}
	a.until("a second passes", func() bool {
		return login.says(`Waiting for you to allow it … (\d+:\d+) min left`)[1] != first
	})
	if _, err := login.in.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	login.ends(exitInterrupted)
	if !strings.HasSuffix(login.said(), clearLine+"oauth2-token: given up\r\n") {
		t.Errorf("it ends with %q", login.said()[max(0, len(login.said())-200):])
	}
	if out := a.start("status").ends(exitNotSignedIn); strings.Contains(out, "begun") {
		t.Error(out)
	}
}

// No QR code, because the user wants none, because it would not fit, or because the terminal is a
// simple one.
func TestTerminalWithoutQR(t *testing.T) {
	peer := ours(t, nil)
	for _, row := range []struct {
		name string
		size pty.Winsize
		env  string
		args []string
	}{
		{"-no-qr", wide, "TERM=xterm", []string{"-no-qr", "login"}},
		{"narrow", pty.Winsize{Rows: 24, Cols: 30}, "TERM=xterm", []string{"login"}},
		{"low", pty.Winsize{Rows: 24, Cols: 80}, "TERM=xterm", []string{"login"}},
		{"dumb", wide, "TERM=dumb", []string{"login"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, peer.config, row.env)
			login := a.startOn(row.size, row.args...)
			page := login.says(`To sign in, open\s+(\S+)\s`)[1]
			peer.decide(t, page, "approve")
			login.ends(exitOK)
			if strings.Contains(login.said(), "█") {
				t.Error("there is one")
			}
		})
	}
}

// TestSizes (M80): on a terminal of any usual size the code and the short URL are visible while the
// program waits, with a QR code above them if it fits.
func TestSizes(t *testing.T) {
	t.Parallel()
	peer := ours(t, nil)
	for _, row := range []struct {
		size pty.Winsize
		qr   bool
	}{
		{pty.Winsize{Rows: 24, Cols: 80}, false},
		{pty.Winsize{Rows: 50, Cols: 80}, true},
		{pty.Winsize{Rows: 30, Cols: 120}, false},
		{pty.Winsize{Rows: 18, Cols: 40}, false},
		{pty.Winsize{Rows: 60, Cols: 36}, false},
		{pty.Winsize{Rows: 100, Cols: 300}, true},
	} {
		t.Run(fmt.Sprintf("%dx%d", row.size.Cols, row.size.Rows), func(t *testing.T) {
			t.Parallel()
			login := newAccount(t, peer.config, "TERM=xterm").startOn(row.size, "login")
			login.says(`next look in|asking the server|Waiting for you`)
			said := login.said()
			_, after, _ := strings.Cut(said, "enter the code\r\n\r\n    ")
			code, _, _ := strings.Cut(after, "\r\n")
			seen := visible(said, row.size)
			for _, want := range []string{peer.config.Issuer + "/device", code, "Waiting for you"} {
				if want == "" || !strings.Contains(strings.Join(seen, ""), want) {
					t.Errorf("%q is not on the screen:\n%s", want, strings.Join(seen, "\n"))
				}
			}
			if has := strings.Contains(strings.Join(seen, ""), "▀"); has != row.qr {
				t.Errorf("a QR code: %v", has)
			}
			if strings.LastIndex(said, "▀") > strings.Index(said, "enter the code") {
				t.Error("the QR code pushes the code up")
			}
		})
	}
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// visible is what a terminal of that size shows at the end of a text: the last lines, where a line
// that wraps counts as several.
func visible(text string, size pty.Winsize) []string {
	rows := []string{""}
	text = escape.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, clearLine, "\x00")
	for _, c := range text {
		last := len(rows) - 1
		switch {
		case c == '\n':
			rows = append(rows, "")
		case c == '\r':
		case c == 0:
			rows[last] = ""
		case len([]rune(rows[last])) >= int(size.Cols):
			rows = append(rows, string(c))
		default:
			rows[last] += string(c)
		}
	}
	return rows[max(0, len(rows)-int(size.Rows)):]
}

var qrLine = regexp.MustCompile("\x1b\\[38;5;16;48;5;231m([ ▀▄█]+)\x1b\\[0m")

// readQR plays a camera: it makes a picture of what the terminal shows, and npm jsqr reads it.
func readQR(t *testing.T, screen string) string {
	t.Helper()
	beside.Node(t, "../../..")
	var picture strings.Builder
	for _, line := range qrLine.FindAllStringSubmatch(screen, -1) {
		for _, dark := range []string{"▀█", "▄█"} { // the upper half of a character, then the lower half
			for _, c := range line[1] {
				picture.WriteByte("01"[min(1, strings.Count(dark, string(c)))])
			}
			picture.WriteByte('\n')
		}
	}
	cmd := exec.Command("node", "-e", `
		const jsQR = require('jsqr');
		const rows = require('fs').readFileSync(0, 'utf8').trim().split('\n');
		const scale = 6, width = rows[0].length * scale, height = rows.length * scale;
		const pixels = new Uint8ClampedArray(width * height * 4);
		for (let y = 0; y < height; y += 1)
			for (let x = 0; x < width; x += 1)
				pixels.fill(rows[Math.floor(y / scale)][Math.floor(x / scale)] === '1' ? 0 : 255, (y * width + x) * 4, (y * width + x) * 4 + 4);
		console.log(jsQR(pixels, width, height, { inversionAttempts: 'dontInvert' })?.data);`)
	cmd.Dir = "../../.."
	cmd.Stdin = strings.NewReader(picture.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, out))
	}
	return strings.TrimSpace(string(out))
}
