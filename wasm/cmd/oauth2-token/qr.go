package main

import (
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the width of the white border that ISO/IEC 18004 requires, in modules.
const quiet = 4

// qrCode draws text as a QR code, two modules per character. It sets both colours, so that it is
// dark on light on any terminal: not every reader accepts the inverse. It is empty if width is too
// small.
func qrCode(text string, width int) string {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return "" // too long for any QR code
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
		b.WriteString("\x1b[38;5;16;48;5;231m") // black on white from the fixed part of the 256 colours, which no theme changes
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
