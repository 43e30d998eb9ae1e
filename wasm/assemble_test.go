package wasm

// This file assembles minimal modules with the exports of the contract, so that tests have modules
// that misbehave.

// Instructions of WebAssembly that the tests need.
var (
	unreachable = []byte{0x00}
	forever     = []byte{0x03, 0x40, 0x0c, 0x00, 0x0b} // loop br 0 end
	// counted adds 1 to global 0 and returns it.
	counted = []byte{0x23, 0x00, 0x41, 0x01, 0x6a, 0x24, 0x00, 0x23, 0x00}
)

func constant(n int32) []byte { return append([]byte{0x41}, signed(n)...) }

// toy describes a module by its functions' bodies. A missing function does nothing and returns 0.
type toy struct {
	bodies  map[string][]byte
	without string // an export that is omitted
	imports bool
	pages   int
}

func (m toy) bytes() []byte {
	names := []string{"oauth2_abi", "oauth2_alloc", "oauth2_free", "oauth2_open", "oauth2_input", "oauth2_effect", "oauth2_close"}
	var types, functions, exported, code [][]byte
	base := 0
	var imports []byte
	if m.imports {
		types = append(types, []byte{0x60, 0, 0})
		imports = section(2, vector([]byte("\x03env\x03now\x00\x00")))
		base = 1
	}
	exported = append(exported, append(text("memory"), 2, 0))
	for n, name := range names {
		shape := exports[name]
		signature := append([]byte{0x60, byte(shape[0])}, repeat(0x7f, shape[0])...)
		signature = append(append(signature, byte(shape[1])), repeat(0x7f, shape[1])...)
		types = append(types, signature)
		functions = append(functions, []byte{byte(n + base)})
		if name != m.without {
			exported = append(exported, append(text(name), 0, byte(n+base)))
		}
		body, ok := m.bodies[name]
		if !ok {
			switch {
			case name == "oauth2_abi":
				body = constant(1)
			case name == "oauth2_alloc":
				body = constant(1024)
			case name == "oauth2_open":
				body = counted
			case shape[1] == 1:
				body = constant(0)
			}
		}
		body = append(append([]byte{0}, body...), 0x0b)
		code = append(code, append(unsigned(len(body)), body...))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, section(1, vector(types...))...)
	out = append(out, imports...)
	out = append(out, section(3, vector(functions...))...)
	out = append(out, section(5, append([]byte{1, 0}, unsigned(max(1, m.pages))...))...)
	out = append(out, section(6, []byte{1, 0x7f, 1, 0x41, 0, 0x0b})...) // one mutable i32, 0
	out = append(out, section(7, vector(exported...))...)
	return append(out, section(10, vector(code...))...)
}

func section(id byte, content []byte) []byte {
	return append(append([]byte{id}, unsigned(len(content))...), content...)
}

func vector(items ...[]byte) []byte {
	out := unsigned(len(items))
	for _, item := range items {
		out = append(out, item...)
	}
	return out
}

func text(s string) []byte { return append(unsigned(len(s)), s...) }

func repeat(b byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// unsigned and signed are LEB128.
func unsigned(n int) []byte {
	var out []byte
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

func signed(n int32) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
