package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsEscapes switches escape sequences on, which is necessary on older consoles.
func understandsEscapes(f *os.File) bool {
	var mode uint32
	if windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(windows.Handle(f.Fd()), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
