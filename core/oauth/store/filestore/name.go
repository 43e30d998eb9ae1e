package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// longest is chosen so that a name with its prefix stays below the 255 bytes that file systems
// allow.
const longest = 200

// escape converts a key to a part of a file name, a different one for every key. It escapes
// upper-case letters, because some file systems ignore case, and a final full stop, which Windows
// drops.
func escape(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && i < len(key)-1:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > longest {
		sum := sha256.Sum256([]byte(key))
		return name[:longest-2*len(sum)-1] + "~" + hex.EncodeToString(sum[:]) // no escaped name has a tilde
	}
	return name
}
