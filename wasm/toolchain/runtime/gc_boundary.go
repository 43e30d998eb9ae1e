//go:build gc.leaking

package runtime

import (
	"sync/atomic"
	"unsafe"
)

// The memory of oauth2.wasm: a heap of blocks with a byte of state each, marked and swept only
// between calls of the host. Then the stack is empty and the globals are all the roots, so the
// compiler need not keep every pointer of every function in memory for the collector to find, which
// made the module 40 % larger. Selected as gc.leaking, for which the compiler leaves that out;
// toolchain.sh puts this file in the place of TinyGo's gc_leaking.go.
//
// Within a call nothing is freed: an allocation takes the next free blocks behind the last one, and
// where there are none the heap grows.

const needsStaticHeap = true

// What the runtime of several cores has of its collector, and nobody asks for here.
var gcScanState atomic.Uint32

func scanCurrentStack() {}

const blockSize = 16

// States of a block. A head is the first of an object, the others are its tails: a tail's state is
// blockTail plus the largest k with 2^k blocks or more to its head. So the head of an address is
// found in as many steps as the distance has bits set, however large the object is: numbers in a
// large object that look like addresses in another would cost its whole length each.
const (
	blockFree    = 0
	blockHead    = 2
	blockScanned = 4  // a head of an object that may hold pointers
	blockMarked  = 8  // a head that was reached
	blockWaiting = 16 // a head that was reached and did not fit on the marks
	blockTail    = 32
)

var (
	states    unsafe.Pointer // a byte for each block, behind the last of them
	blocks    uintptr
	nextBlock uintptr // the free blocks at hand
	lastBlock uintptr // the first behind them
	largeFrom uintptr // large objects are put below it
	allocated uintptr // blocks, since the last collection
	collectAt uintptr // that is due at so many

	marks    [256]uintptr // heads that were reached and not looked into yet
	marked   uintptr
	overflow bool
)

// leastGarbage is how much is left lying at the least before a collection, in blocks.
const leastGarbage = 48 << 10 / blockSize

// A heap of largeHeap bytes may be near the end of what the host allows: there no call begins
// without leastRoom.
const (
	largeHeap = 8 << 20
	leastRoom = 512 << 10
)

func state(block uintptr) *uint8 { return (*uint8)(unsafe.Add(states, block)) }

func initHeap() {
	layOut()
	largeFrom = blocks
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
	// It grew by a sixteenth at the least, so the new states stand in new memory, which is zero:
	// free.
	memcpy(states, old, n)
	memzero(old, n)
}

//go:noinline
func alloc(size uintptr, layout unsafe.Pointer) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&zeroSizedAlloc)
	}
	n := (size + blockSize - 1) / blockSize
	block, ok := nextBlock, true
	switch {
	case n >= largeObject:
		block, ok = findLarge(n)
	case n > lastBlock-nextBlock:
		ok = findBlocks(n) || grow(n) && findBlocks(n)
		block = nextBlock
	}
	if !ok {
		runtimeFatal("out of memory")
	}
	if n < largeObject {
		nextBlock += n
	}
	allocated += n
	head := uint8(blockHead | blockScanned)
	if l := uintptr(layout); l&1 != 0 && l>>6 == 0 {
		head = blockHead // a layout of 31 bits (gc_precise.go says how) without a pointer
	}
	*state(block) = head
	i, last := block+1, block+n
	for tail, far := uint8(blockTail), uintptr(2); i < last; tail, far = tail+1, far*2 {
		for end := min(block+far, last); i < end; i++ {
			*state(i) = tail
		}
	}
	pointer := unsafe.Pointer(heapStart + block*blockSize)
	memzero(pointer, n*blockSize)
	return pointer
}

// findBlocks looks for n free blocks in a row: behind those at hand, then from the start.
func findBlocks(n uintptr) bool {
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
				return true
			}
			from = to
		}
		if from = 0; again {
			return false
		}
	}
}

// largeObject is how many blocks make an object a large one. These are put from the end of the
// memory downwards: what they leave when they go would else be cut up by the small objects that
// came with them and stay.
const largeObject = 128

// findLarge looks for n free blocks below those that were found last, then from the end of the
// heap, then of a larger one.
func findLarge(n uintptr) (block uintptr, ok bool) {
	for again := 0; ; again++ {
		for to := largeFrom; to >= n; {
			from := to
			for to-from < n && *state(from - 1) == blockFree {
				from--
			}
			if to-from == n {
				largeFrom = from
				if from < lastBlock {
					lastBlock = max(from, nextBlock)
				}
				return from, true
			}
			to = from - 1
		}
		if again == 2 || again == 1 && !grow(n) {
			return 0, false
		}
		largeFrom = blocks
	}
}

// grow makes the heap larger by a half, or as far as n blocks in a row need.
func grow(n uintptr) bool {
	pages := wasm_memory_size(wasmMemoryIndex)
	if n > 1<<24 {
		return false
	}
	// With their states. And a sixteenth at the least: setHeapEnd counts on it.
	more := int32((n+2)*(blockSize+1)/wasmPageSize) + 1 + pages/16
	if half := max(more, pages/2); wasm_memory_grow(wasmMemoryIndex, half) != -1 {
		more = half
	} else if wasm_memory_grow(wasmMemoryIndex, more) == -1 {
		return false
	}
	setHeapEnd(uintptr(pages+more) * wasmPageSize)
	largeFrom = blocks
	return true
}

// CollectBetweenCalls collects if as much was allocated since the last collection as was found
// alive then, or an eighth of the heap, so that a collection's work is paid for by what was
// allocated. It tells whether n bytes can be allocated in this call, row bytes at once at the most:
// within a call nothing is freed, and running out of memory there ends the instance. It must be
// called with no Go frame above the export's own.
func CollectBetweenCalls(n, row uintptr) bool {
	if allocated >= collectAt {
		GC()
	}
	if n < leastRoom && blocks*blockSize >= largeHeap {
		n, row = leastRoom, leastRoom
	}
	n, row = (n+blockSize-1)/blockSize, (row+blockSize-1)/blockSize
	if missing(n, row) == 0 {
		return true
	}
	GC()
	more := missing(n, row)
	return more == 0 || grow(max(more, row))
}

// missing is how many of n blocks are not free, in a row or in rows of some length.
func missing(n, row uintptr) uintptr {
	// The blocks at hand become others only for the room of a small message: small objects of a
	// large one would else begin a row of their own each time, and what stays of them would part
	// it.
	if n <= lastBlock-nextBlock || n <= leastRoom/blockSize && findBlocks(n) {
		return 0
	}
	for from := uintptr(0); from < blocks; from++ {
		to := from
		for to < blocks && *state(to) == blockFree {
			to++
		}
		if to-from >= n {
			return 0
		}
		if to-from >= row {
			free := to - from - (to-from)%row
			if free >= n {
				return 0
			}
			n -= free
		}
		from = to
	}
	return n
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
	kept := false // the last head was reached
	for b := uintptr(0); b < blocks; b++ {
		s := state(b)
		switch {
		case *s == blockFree:
			continue
		case *s&blockTail == 0:
			kept = *s&blockMarked != 0
			*s &^= blockMarked
		}
		if kept {
			alive++
		} else {
			*s = blockFree
		}
	}
	nextBlock, lastBlock, largeFrom = 0, 0, blocks
	allocated, collectAt = 0, max(alive, leastGarbage, blocks/8)
}

// markRoots marks what the words from start to end may point to.
func markRoots(start, end uintptr) {
	for ; start+4 <= end; start += 4 {
		p := *(*uintptr)(unsafe.Pointer(start))
		if p-heapStart >= blocks*blockSize {
			continue
		}
		b := (p - heapStart) / blockSize
		s := state(b)
		for ; *s&blockTail != 0; s = state(b) {
			b -= 1 << (*s - blockTail)
		}
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
	for end < blocks && *state(end)&blockTail != 0 {
		end++
	}
	markRoots(heapStart+block*blockSize, heapStart+end*blockSize)
}

func realloc(ptr unsafe.Pointer, size uintptr) unsafe.Pointer {
	runtimeFatal("realloc")
	return nil
}

func free(ptr unsafe.Pointer) {}

func SetFinalizer(obj interface{}, finalizer interface{}) {}

func ReadMemStats(m *MemStats) {}
