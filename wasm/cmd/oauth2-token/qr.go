package main

import (
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the white border that ISO/IEC 18004 asks for, in modules.
const quiet = 4

// qrCode draws text as a QR code of two modules a character. It names both of its colours, so that
// it is dark on light whatever the terminal's are: not every reader takes the inverse. It is empty
// where width characters are too few.
func qrCode(text string, width int) string {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return "" // too long for any
	}
	side := code.Bounds().Dx()
	if side+2*quiet > width {
		return ""
	}
	dark := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < side && y < side && code.At(x, y) == color.Color(color.Black)
	}
	var b strings.Builder
	for y := -quiet; y < side+quiet; y += 2 {
		b.WriteString("\x1b[38;5;16;48;5;231m") // black on white of the fixed part of the 256 colours, which no theme changes
		for x := -quiet; x < side+quiet; x++ {
			switch top, bottom := dark(x, y), dark(x, y+1); {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}
