package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen is standard error: lines that stay and, on a terminal, one below them that changes.
type screen struct {
	mu   sync.Mutex
	w    io.Writer
	tty  func() (width, height int) // nil if it is not a terminal
	line func() string
}

func newScreen(f *os.File) *screen {
	s := &screen{w: f}
	if term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && understandsEscapes(f) {
		s.tty = func() (width, height int) {
			width, height, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0, 0
			}
			return width, height
		}
	}
	return s
}

// size is the size of the terminal in characters, 0 if it is not one.
func (s *screen) size() (width, height int) {
	if s.tty == nil {
		return 0, 0
	}
	return s.tty()
}

const clearLine = "\r\x1b[K"

func (s *screen) print(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil {
		io.WriteString(s.w, clearLine)
	}
	fmt.Fprintf(s.w, format, args...)
	s.draw()
}

// Write makes a screen the terminal of redirect.SignIn.
func (s *screen) Write(text []byte) (int, error) {
	s.print("%s", text)
	return len(text), nil
}

// keep shows line, and updates it each second, until stop is called. Without a terminal it does
// nothing.
func (s *screen) keep(line func() string) (stop func()) {
	if s.tty == nil {
		return func() {}
	}
	s.mu.Lock()
	s.line = line
	s.draw()
	s.mu.Unlock()
	ticker, done := time.NewTicker(time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				s.print("")
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(done)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.line = nil
		io.WriteString(s.w, clearLine)
	})
}

func (s *screen) draw() {
	if s.line == nil {
		return
	}
	text := []rune(s.line())
	// A line that wraps could not be cleared.
	if width, _ := s.size(); width > 0 && len(text) >= width {
		text = text[:width-1]
	}
	io.WriteString(s.w, clearLine+string(text))
}
