//go:build gc.leaking

package runtime

// The collector of oauth2.wasm: TinyGo's own blocks, mark and sweep, run only between calls of the host. Then the stack is empty and the globals are all the roots, so the
// compiler need not keep every pointer of every function in memory for the collector to find, which made the module 40 % larger. Selected as gc.leaking, for which the
// compiler leaves that out; toolchain.sh puts this file in the place of TinyGo's gc_leaking.go.

// collectAt is the total of allocated bytes at which the next collection is due.
var collectAt uint64

// CollectBetweenCalls collects if as much was allocated since the last collection as was found alive then. It must be called with no Go frame above the export's own.
func CollectBetweenCalls() {
	if gcTotalAlloc < collectAt {
		return
	}
	free := runGC()
	live := uint64(uintptr(metadataStart)-heapStart) - uint64(free)
	collectAt = gcTotalAlloc + max(live, 16<<10)
}

func gcMarkReachable() { findGlobals(markRoots) }

func gcResumeWorld() {}
