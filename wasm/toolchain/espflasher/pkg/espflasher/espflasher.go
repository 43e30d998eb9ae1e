// Package espflasher replaces the library of this name with which TinyGo writes programs to
// microcontrollers: this project does not need that, and not every module proxy has the library. It
// has the names that TinyGo's command uses.
package espflasher

import (
	"errors"
	"io"
)

// ResetUSBJTAG is a way to reset a device.
const ResetUSBJTAG = 1

// Options of a Flasher.
type Options struct {
	Compress  bool
	Logger    *StdoutLogger
	ResetMode int
}

// DefaultOptions returns options that New refuses.
func DefaultOptions() *Options { return &Options{} }

// A StdoutLogger is never written to.
type StdoutLogger struct{ W io.Writer }

// A Flasher cannot be made.
type Flasher struct{}

var errNone = errors.New("espflasher: this TinyGo is built without it")

// New fails.
func New(string, *Options) (*Flasher, error) { return nil, errNone }

func (*Flasher) Close() error                                    { return nil }
func (*Flasher) ChipName() string                                { return "" }
func (*Flasher) EraseFlash(func(current, total int)) error       { return errNone }
func (*Flasher) FlashImage([]byte, uint32, func(int, int)) error { return errNone }
func (*Flasher) Reset()                                          {}
