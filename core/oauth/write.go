package oauth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// members are the members of a command or of an answer, each preceded by a comma. They may contain
// secrets, so feed wipes them.
type members []byte

// writable writes its own members; for frequent commands.
type writable interface{ members() (members, error) }

func (m members) name(name string) members {
	m = append(m, `,"`...)
	m = append(m, name...)
	return append(m, `":`...)
}

func (m members) text(name, value string) members {
	return appendText(m.name(name), []byte(value))
}

// optional adds a string unless it is empty.
func (m members) optional(name, value string) members {
	if value == "" {
		return m
	}
	return m.text(name, value)
}

func (m members) integer(name string, value int64) members {
	return strconv.AppendInt(m.name(name), value, 10)
}

func (m members) boolean(name string, value bool) members {
	return strconv.AppendBool(m.name(name), value)
}

func (m members) pairs(name string, list []pair) members {
	m = append(m.name(name), '[')
	for i, p := range list {
		if i > 0 {
			m = append(m, ',')
		}
		m = appendText(append(m, '['), []byte(p[0]))
		m = appendText(append(m, ','), []byte(p[1]))
		m = append(m, ']')
	}
	return append(m, ']')
}

// body adds a body: text, or base64 if it is not UTF-8.
func (m members) body(raw []byte) members {
	if utf8.Valid(raw) {
		m = appendText(append(m, `,"body":{"text":`...), raw)
	} else {
		m = base64.StdEncoding.AppendEncode(append(m, `,"body":{"base64":"`...), raw)
		m = append(m, '"')
	}
	return append(m, '}')
}

// object adds value as encoding/json marshals it, unless value is nil.
func (m members) object(name string, value any) (members, error) {
	if value == nil {
		return m, nil
	}
	raw, err := json.Marshal(value)
	return append(m.name(name), raw...), err
}

// marshaled returns the members of the object to which encoding/json marshals a value.
func marshaled(object any) (members, error) {
	raw, ready := object.(door.Object)
	var err error
	if !ready {
		raw, err = json.Marshal(object)
	}
	if err != nil || len(raw) <= len("{}") {
		return nil, err
	}
	raw[0] = ','
	return members(raw[:len(raw)-1]), nil
}

// appendText adds s in quotation marks. Invalid UTF-8 becomes U+FFFD. It allocates enough at once,
// because buffers that append leaves behind are not wiped.
func appendText(b, s []byte) []byte {
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	b = append(slices.Grow(b, len(s)+bytes.Count(s, []byte{'"'})+bytes.Count(s, []byte{'\\'})+8), '"')
	for {
		n := special(s)
		b = append(b, s[:n]...)
		if n == len(s) {
			return append(b, '"')
		}
		if c := s[n]; c < 0x20 {
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
		s = s[n+1:]
	}
}
