// Package counting makes a module count its work: each function call and each round of a loop
// counts one, and so do 16 bytes that are copied or filled. So a test can measure work, including
// the garbage collector's, without a clock. The count is the module's exported global "work", an
// i64.
package counting

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A reader reads a module in the binary format.
type reader struct {
	b  []byte
	at int
}

func (r *reader) byte() byte {
	r.at++
	return r.b[r.at-1]
}

func (r *reader) uint() int {
	n, size := binary.Uvarint(r.b[r.at:])
	r.at += size
	return int(n)
}

// skip skips n numbers, signed or not.
func (r *reader) skip(n int) {
	for range n {
		for r.byte()&0x80 != 0 {
		}
	}
}

func (r *reader) take(n int) []byte {
	r.at += n
	return r.b[r.at-n : r.at]
}

// Sections of a module, in their order.
const (
	sectionGlobal = 6
	sectionExport = 7
	sectionCode   = 10
)

// Instrument returns the module with two more globals (the work, which is exported, and a place for
// the length of a copy) and with the counting in its code. It understands the operations that the
// compiler of this project emits; of a module with others it returns an error.
func Instrument(module []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("instrument: %v", r)
		}
	}()
	r := &reader{b: module}
	out = append(out, r.take(8)...)
	globals := -1
	for r.at < len(module) {
		id := r.byte()
		body := &reader{b: r.take(r.uint())}
		n := 0
		if id == sectionGlobal || id == sectionExport || id == sectionCode {
			n = body.uint()
		}
		rest := body.b[body.at:]
		var changed []byte
		switch id {
		case sectionGlobal:
			globals = n
			changed = append(binary.AppendUvarint(nil, uint64(n+2)), rest...)
			changed = append(changed, 0x7E, 1, 0x42, 0, 0x0B, 0x7F, 1, 0x41, 0, 0x0B)
		case sectionExport:
			changed = append(binary.AppendUvarint(nil, uint64(n+1)), rest...)
			changed = append(append(changed, 4), "work\x03"...)
			changed = binary.AppendUvarint(changed, uint64(globals))
		case sectionCode:
			changed = binary.AppendUvarint(nil, uint64(n))
			for range n {
				f := function(body.take(body.uint()), uint64(globals))
				changed = append(binary.AppendUvarint(changed, uint64(len(f))), f...)
			}
		default:
			changed = body.b
		}
		out = append(binary.AppendUvarint(append(out, id), uint64(len(changed))), changed...)
	}
	if globals < 0 {
		return nil, errors.New("instrument: a module without globals")
	}
	return out, nil
}

// function is the code of a function that also counts its calls, the rounds of its loops and its
// copies.
func function(code []byte, work uint64) []byte {
	get, set := binary.AppendUvarint([]byte{0x23}, work), binary.AppendUvarint([]byte{0x24}, work)
	getLength, setLength := binary.AppendUvarint([]byte{0x23}, work+1), binary.AppendUvarint([]byte{0x24}, work+1)
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	one := join(get, []byte{0x42, 1, 0x7C}, set)                                               // work += 1
	bulk := join(setLength, get, getLength, []byte{0xAD, 0x42, 4, 0x88, 0x7C}, set, getLength) // work += length >> 4

	r := &reader{b: code}
	for range r.uint() { // declarations of locals
		r.skip(1)
		r.at++
	}
	out := append(append([]byte(nil), code[:r.at]...), one...)
	for r.at < len(code) {
		start := r.at
		loop, copying := false, false
		switch op := r.byte(); {
		case op == 0x03:
			r.skip(1)
			loop = true
		case op == 0x02, op == 0x04, op >= 0x0C && op <= 0x0D, op == 0x10, op >= 0x20 && op <= 0x26, op >= 0x3F && op <= 0x42:
			r.skip(1)
		case op == 0x0E:
			r.skip(r.uint() + 1)
		case op == 0x11, op >= 0x28 && op <= 0x3E:
			r.skip(2)
		case op == 0x43:
			r.at += 4
		case op == 0x44:
			r.at += 8
		case op == 0xFC:
			switch more := r.uint(); {
			case more == 10: // memory.copy
				r.at += 2
				copying = true
			case more == 11: // memory.fill
				r.at++
				copying = true
			case more > 7:
				panic(fmt.Sprintf("unknown operation fc %d", more))
			}
		case op == 0x00, op == 0x01, op == 0x05, op == 0x0B, op == 0x0F, op == 0x1A, op == 0x1B, op >= 0x45 && op <= 0xC4:
		default:
			panic(fmt.Sprintf("unknown operation %x", op))
		}
		if copying {
			out = append(out, bulk...)
		}
		out = append(out, code[start:r.at]...)
		if loop {
			out = append(out, one...)
		}
	}
	return out
}
