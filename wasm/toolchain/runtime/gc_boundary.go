//go:build gc.leaking

package runtime

import "unsafe"

// The memory of oauth2.wasm: a heap of blocks with a byte of state each, marked and swept only between calls of the host. Then the stack is empty and the globals are all the
// roots, so the compiler need not keep every pointer of every function in memory for the collector to find, which made the module 40 % larger. Selected as gc.leaking, for
// which the compiler leaves that out; toolchain.sh puts this file in the place of TinyGo's gc_leaking.go.
//
// Within a call nothing is freed: an allocation takes the next free blocks behind the last one, and where there are none the heap grows.

const needsStaticHeap = true

const blockSize = 16

// States of a block. A head is the first of an object, the others are its tails.
const (
	blockFree    = 0
	blockTail    = 1
	blockHead    = 2
	blockScanned = 4  // a head of an object that may hold pointers
	blockMarked  = 8  // a head that was reached
	blockWaiting = 16 // a head that was reached and did not fit on the marks
)

var (
	zeroSizedAlloc byte

	states    unsafe.Pointer // a byte for each block, behind the last of them
	blocks    uintptr
	nextBlock uintptr // the free blocks at hand
	lastBlock uintptr // the first behind them
	allocated uintptr // blocks, since the last collection
	collectAt uintptr // that is due at so many

	marks    [256]uintptr // heads that were reached and not looked into yet
	marked   uintptr
	overflow bool
)

// leastGarbage is how much is left lying at the least before a collection, in blocks.
const leastGarbage = 48 << 10 / blockSize

func state(block uintptr) *uint8 { return (*uint8)(unsafe.Add(states, block)) }

func initHeap() {
	layOut()
	collectAt = leastGarbage
}

// layOut divides the memory up to heapEnd, a seventeenth for the states.
func layOut() {
	blocks = (heapEnd - heapStart) / (blockSize + 1)
	states = unsafe.Pointer(heapStart + blocks*blockSize)
}

func setHeapEnd(end uintptr) {
	old, n := states, blocks
	heapEnd = end
	layOut()
	// It grew by a sixteenth at the least, so the new states stand in new memory, which is zero: free.
	memcpy(states, old, n)
	memzero(old, n)
}

//go:noinline
func alloc(size uintptr, layout unsafe.Pointer) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&zeroSizedAlloc)
	}
	n := (size + blockSize - 1) / blockSize
	if n > lastBlock-nextBlock {
		findBlocks(n)
	}
	block := nextBlock
	nextBlock += n
	allocated += n
	head := uint8(blockHead | blockScanned)
	if l := uintptr(layout); l&1 != 0 && l>>6 == 0 {
		head = blockHead // a layout of 31 bits (gc_precise.go says how) without a pointer
	}
	*state(block) = head
	for i := block + 1; i < nextBlock; i++ {
		*state(i) = blockTail
	}
	pointer := unsafe.Pointer(heapStart + block*blockSize)
	memzero(pointer, n*blockSize)
	return pointer
}

// findBlocks looks for n free blocks in a row: behind those at hand, then from the start, then in a larger heap.
func findBlocks(n uintptr) {
	from := lastBlock
	for again := false; ; again = true {
		for from < blocks {
			for from < blocks && *state(from) != blockFree {
				from++
			}
			to := from
			for to < blocks && *state(to) == blockFree {
				to++
			}
			if to-from >= n {
				nextBlock, lastBlock = from, to
				return
			}
			from = to
		}
		if from = 0; again {
			grow(n)
		}
	}
}

// grow makes the heap larger by a half, or as far as n blocks in a row need.
func grow(n uintptr) {
	pages := wasm_memory_size(wasmMemoryIndex)
	// A sixteenth at the least: setHeapEnd counts on it.
	more := int32(n/(wasmPageSize/blockSize)*17/16) + 2 + pages/16
	if n > 1<<24 {
		runtimePanic("out of memory")
	}
	if half := max(more, pages/2); wasm_memory_grow(wasmMemoryIndex, half) != -1 {
		more = half
	} else if wasm_memory_grow(wasmMemoryIndex, more) == -1 {
		runtimePanic("out of memory")
	}
	setHeapEnd(uintptr(pages+more) * wasmPageSize)
}

// CollectBetweenCalls collects if as much was allocated since the last collection as was found alive then. It must be called with no Go frame above the export's own.
func CollectBetweenCalls() {
	if allocated >= collectAt {
		GC()
	}
}

// GC marks and sweeps.
func GC() {
	findGlobals(markRoots)
	look()
	for overflow {
		overflow = false
		for b := uintptr(0); b < blocks; b++ {
			if s := state(b); *s&blockWaiting != 0 {
				*s &^= blockWaiting
				lookInto(b)
				look()
			}
		}
	}
	alive := uintptr(0)
	kept := uint8(blockFree) // what the tails of the last head become
	for b := uintptr(0); b < blocks; b++ {
		s := state(b)
		switch {
		case *s == blockFree:
			continue
		case *s == blockTail:
			*s = kept
		case *s&blockMarked != 0:
			*s &^= blockMarked
			kept = blockTail
		default:
			*s, kept = blockFree, blockFree
		}
		if kept == blockTail {
			alive++
		}
	}
	nextBlock, lastBlock = 0, 0
	allocated, collectAt = 0, max(alive, leastGarbage)
}

// markRoots marks what the words from start to end may point to.
func markRoots(start, end uintptr) {
	for ; start+4 <= end; start += 4 {
		p := *(*uintptr)(unsafe.Pointer(start))
		if p-heapStart >= blocks*blockSize {
			continue
		}
		b := (p - heapStart) / blockSize
		for *state(b) == blockTail {
			b--
		}
		s := state(b)
		if *s == blockFree || *s&blockMarked != 0 {
			continue
		}
		*s |= blockMarked
		switch {
		case *s&blockScanned == 0:
		case marked < uintptr(len(marks)):
			marks[marked] = b
			marked++
		default:
			*s |= blockWaiting
			overflow = true
		}
	}
}

// look looks into everything that was reached.
func look() {
	for marked > 0 {
		marked--
		lookInto(marks[marked])
	}
}

// lookInto marks what an object may point to.
func lookInto(block uintptr) {
	end := block + 1
	for end < blocks && *state(end) == blockTail {
		end++
	}
	markRoots(heapStart+block*blockSize, heapStart+end*blockSize)
}

func realloc(ptr unsafe.Pointer, size uintptr) unsafe.Pointer {
	runtimePanic("realloc")
	return nil
}

func free(ptr unsafe.Pointer) {}

func SetFinalizer(obj interface{}, finalizer interface{}) {}

func ReadMemStats(m *MemStats) {}
