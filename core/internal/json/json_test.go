package json

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRefused(t *testing.T) {
	for name, src := range map[string]string{
		"nothing":                "",
		"two values":             "1 2",
		"duplicate member":       `{"a":1,"a":2}`,
		"duplicate by escape":    `{"a":1,"\u0061":2}`,
		"33 levels":              strings.Repeat("[", 33) + strings.Repeat("]", 33),
		"bad UTF-8":              "\"\xff\"",
		"overlong UTF-8":         "\"\xc0\x80\"",
		"lone high surrogate":    `"\ud800"`,
		"lone low surrogate":     `"\udc00"`,
		"surrogates in disorder": `"\udc00\ud800"`,
		"control character":      "\"\n\"",
		"unknown escape":         `"\x"`,
		"half an escape":         `"\u12`,
		"leading zero":           "01",
		"bare minus":             "-",
		"no digit after point":   "1.",
		"no digit in exponent":   "1e",
		"trailing comma":         "[1,]",
		"single quotes":          "{'a':1}",
		"unclosed":               `{"a":[1,{"b":2}`,
		"byte order mark":        "\ufeff{}",
		"50001 values":           "[" + strings.Repeat("0,", MaxValues-1) + "0]",
		"1001 members":           members(MaxMembers + 1),
	} {
		if v, ok := Parse(src); ok {
			t.Errorf("%s: read as %q", name, v.Raw())
		}
	}
	for name, src := range map[string]string{
		"32 levels":      strings.Repeat("[", 32) + strings.Repeat("]", 32),
		"1000 members":   members(MaxMembers),
		"same in others": `[{"a":1},{"a":{"a":2}}]`,
		"pair":           `"\ud83d\ude00"`,
	} {
		if _, ok := Parse(src); !ok {
			t.Errorf("%s: refused", name)
		}
	}
}

func members(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"m` + strconv.Itoa(i) + `":0`)
	}
	b.WriteByte('}')
	return b.String()
}

func TestInt(t *testing.T) {
	for src, want := range map[string]int64{
		"0": 0, "-0": 0, "3600": 3600, "2147483648": 1 << 31, "-2147483649": -1<<31 - 1, "9007199254740993": 1<<53 + 1,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "3599.9": 3599,
		"007": 7, "3.6e3": 3600, "3.6E+3": 3600, "36000e-1": 3600, "1.7E9": 1_700_000_000, "12.5e0": 12, "0e99999999999": 0, "1e-1": 0, "-1.5e1": -15,
	} {
		if got, ok := Int(src); !ok || got != want {
			t.Errorf("Int(%s) = %d, %t", src, got, ok)
		}
	}
	for _, src := range []string{"", "-", "9223372036854775808", "-9223372036854775809", "1e19", "1e", "1e+", "1.e3", ".5", "1e3.5", "1.", "0x10", " 1", "1 ", "99999999999999999999"} {
		if got, ok := Int(src); ok {
			t.Errorf("Int(%q) = %d", src, got)
		}
	}
}

// Near gives every number a place, however large, small or negative it is.
func TestNear(t *testing.T) {
	for src, want := range map[string]int64{
		"3600": 3600, "0": 0, "-0": 0, "0.0e7": 0, "0.5": 1, "-0.5": -1, "1e-300": 1, "-1e-300": -1, "1e300": 1<<63 - 1, "-1e300": -1 << 63,
		"99999999999999999999": 1<<63 - 1, "-99999999999999999999": -1 << 63,
	} {
		if got, ok := Near(src); !ok || got != want {
			t.Errorf("Near(%s) = %d, %t", src, got, ok)
		}
	}
	if got, ok := Near("soon"); ok {
		t.Errorf("Near(soon) = %d", got)
	}
}

// FuzzParse compares the reader with encoding/json: it reads what we accept in the same way, and if
// only we refuse a text, we have a reason for it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\u00e9\ud83d\ude00\n",null,true],"b":{}}`, `[]`, `"\u0000"`, `{"a":1,"a":2}`, "\"\xff\"", `-0.0`, ` {"k" : "v"} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		v, ok := Parse(src)
		std := stdjson.Valid([]byte(src))
		if ok && !std {
			t.Fatalf("accepted what encoding/json refuses: %q", src)
		}
		if !ok {
			if std && !ownReason(src) {
				t.Fatalf("refused what encoding/json accepts: %q", src)
			}
			return
		}
		if got, want := canon(t, rewrite(v)), canon(t, src); got != want {
			t.Fatalf("%q: %s, encoding/json: %s", src, got, want)
		}
	})
}

// ownReason reports whether we may refuse a text that encoding/json accepts: a member twice,
// invalid UTF-8, a lone surrogate, too deep, too many members. It is coarse, because it only
// excuses.
func ownReason(src string) bool {
	if !utf8.ValidString(src) || strings.Contains(src, `\u`) || strings.Count(src, ":") > MaxMembers || strings.Count(src, ",") >= MaxValues-1 || strings.Count(src, "[")+strings.Count(src, "{") > MaxDepth {
		return true
	}
	d := stdjson.NewDecoder(strings.NewReader(src))
	var stack []map[string]bool
	key := false
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		switch tok := tok.(type) {
		case stdjson.Delim:
			switch tok {
			case '{':
				stack, key = append(stack, map[string]bool{}), true
			case '[':
				stack, key = append(stack, nil), false
			default:
				stack = stack[:len(stack)-1]
				key = len(stack) > 0 && stack[len(stack)-1] != nil
			}
			continue
		case string:
			if key {
				if top := stack[len(stack)-1]; top[tok] {
					return true
				} else {
					top[tok] = true
				}
				key = false
				continue
			}
		}
		key = len(stack) > 0 && stack[len(stack)-1] != nil
	}
}

// rewrite writes v with the Writer.
func rewrite(v Value) string {
	var w Writer
	var walk func(Value)
	walk = func(v Value) {
		switch v.Kind() {
		case Object:
			w.Open('{')
			for it := v.Each(); it.Next(); {
				name, _ := stdjson.Marshal(it.Name())
				w.Key(string(name[1 : len(name)-1]))
				walk(it.Value())
			}
			w.Close('}')
		case Array:
			w.Open('[')
			for it := v.Each(); it.Next(); {
				walk(it.Value())
			}
			w.Close(']')
		case String:
			w.Str(v.Str())
		default:
			w.Raw(v.Raw())
		}
	}
	walk(v)
	return w.String()
}

func canon(t *testing.T, src string) string {
	d := stdjson.NewDecoder(strings.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	b, _ := stdjson.Marshal(v)
	return string(bytes.TrimSpace(b))
}

// FuzzStr: whatever string is written, encoding/json reads it back.
func FuzzStr(f *testing.F) {
	f.Add("a\"b\\c\n\x00\u2028é")
	f.Fuzz(func(t *testing.T, s string) {
		var w Writer
		w.Str(s)
		var back string
		if utf8.ValidString(s) {
			if err := stdjson.Unmarshal(w.Bytes(), &back); err != nil || back != s {
				t.Fatalf("%q: %q, %v", s, back, err)
			}
			if v, ok := Parse(w.String()); !ok || v.Str() != s {
				t.Fatalf("%q: read back as %q", s, v.Str())
			}
		}
	})
}

// FuzzInt compares Int with strconv.
func FuzzInt(f *testing.F) {
	f.Add("-9223372036854775808")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Int(s)
		want, err := strconv.ParseInt(s, 10, 64)
		if strings.HasPrefix(s, "+") || strings.ContainsAny(s, ".eE") {
			return
		}
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %d %t, strconv: %d %v", s, got, ok, want, err)
		}
		if ok && string(AppendInt(nil, got)) != strconv.FormatInt(want, 10) {
			t.Fatalf("%q written as %s", s, AppendInt(nil, got))
		}
	})
}

// TestTwiceAmongMany (S19): a duplicate name is found at every place and in every spelling; names
// that only begin alike are not duplicates.
func TestTwiceAmongMany(t *testing.T) {
	const n = 500
	for order, name := range map[string]func(i int) string{
		"rising":  func(i int) string { return strconv.Itoa(1000 + i) },
		"falling": func(i int) string { return strconv.Itoa(9000 - i) },
		"longer":  func(i int) string { return strings.Repeat("a", i) },
		"mixed":   func(i int) string { return strconv.Itoa(i * 7919 % 1009) },
		"beyond ASCII, escaped and not": func(i int) string {
			if i%2 == 0 {
				return `\u00` + strconv.FormatInt(int64(0xc0+i%64), 16) + strconv.Itoa(i)
			}
			return string(rune(0xc0+i%64)) + strconv.Itoa(i)
		},
	} {
		names := make([]string, n)
		for i := range names {
			names[i] = name(i)
		}
		text := func() string { return `{"` + strings.Join(names, `":0,"`) + `":0}` }
		if _, ok := Parse(text()); !ok {
			t.Errorf("%s: names that are all different are refused", order)
		}
		for _, pair := range [][2]int{{0, 1}, {0, n - 1}, {n - 1, 0}, {n / 2, n/2 + 1}, {17, 401}} {
			kept := names[pair[0]]
			names[pair[0]] = names[pair[1]]
			if _, ok := Parse(text()); ok {
				t.Errorf("%s: %q twice, at %v", order, names[pair[0]], pair)
			}
			names[pair[0]] = kept
		}
	}
}

// TestNodesAreReserved (S20): the reserved memory grows with the number of values that were read,
// and not with the number of commas in a text.
func TestNodesAreReserved(t *testing.T) {
	for name, row := range map[string]struct {
		src  string
		most int64 // bytes
	}{
		"commas in a string":  {`"` + strings.Repeat(",", 60_000) + `"`, 4 << 10},
		"commas without more": {"[" + strings.Repeat(",", 60_000), 4 << 10},
		"a few values":        {`[1,2,"` + strings.Repeat(",", 60_000) + `"]`, 4 << 10},
		"values":              {"[" + strings.Repeat("1,", 30_000) + "1]", 30_000 * 20},
	} {
		least := int64(math.MaxInt64) // of several: the runtime allocates now and then, too
		for range 5 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			Parse(row.src)
			runtime.ReadMemStats(&after)
			least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
		}
		if least > row.most {
			t.Errorf("%s: %d bytes, want at most %d", name, least, row.most)
		}
	}
}

// TestEscapedNames: names with escapes are decoded once each, not at each comparison.
func TestEscapedNames(t *testing.T) {
	var b strings.Builder
	for i := range 990 {
		b.WriteString(`,"\n` + strconv.Itoa(1000+i) + `xxxxxxxxxxxxxxxx":0`)
	}
	src := "{" + b.String()[1:] + "}"
	if n := testing.AllocsPerRun(1, func() { Parse(src) }); n > 3000 {
		t.Errorf("%v allocations", n)
	}
}
