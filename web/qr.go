package main

import (
	"fmt"
	"image/color"
	"net/http"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrPath answers with a QR code of its query's text. The package has oauth2-wasm/qr for that, with
// a library from npm; the demo needs only Go.
const qrPath = "/qr.svg"

const quietZone = 4 // modules around the code, as ISO/IEC 18004 asks for

// serveQR draws black on white, whatever the page's colours are, because not every reader accepts
// the inverse.
func serveQR(w http.ResponseWriter, r *http.Request) {
	code, err := qr.Encode(r.URL.Query().Get("text"), qr.M, qr.Auto)
	if err != nil {
		http.Error(w, "too long for a QR code", http.StatusBadRequest)
		return
	}
	side := code.Bounds().Dx()
	var path strings.Builder
	for y := range side {
		for x := 0; x < side; x++ {
			width := 0
			for x+width < side && code.At(x+width, y) == color.Color(color.Black) {
				width++
			}
			if width > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, width, width)
				x += width
			}
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", contentTypes[".svg"])
	whole := side + 2*quietZone
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`,
		whole, whole, whole, whole, path.String())
}
