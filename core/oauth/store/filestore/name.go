package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// longest keeps a name with its prefix below the 255 bytes that file systems allow.
const longest = 200

// escape gives the part of a file name that stands for a key, another one for every key. Upper-case
// letters are escaped, since some file systems do not tell them from lower-case ones, and a final
// full stop, which Windows drops.
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
