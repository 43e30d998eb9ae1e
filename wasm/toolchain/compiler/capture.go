package compiler

import "golang.org/x/tools/go/ssa"

// A variable that a function literal uses is an object of its own on the heap, and the function's
// context has its address, although most such variables are set once, before the literal, and never
// again. Those are kept as the value that they have: the context has a copy, and there is no
// object. toolchain.sh puts this file, and the calls of byValue, into TinyGo's compiler.

// byValue tells whether v, a variable or one that a function literal has of the functions around
// it, is a copy of its value.
func (c *compilerContext) byValue(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Alloc:
		return v.Heap && setOnce(v)
	case *ssa.FreeVar:
		return c.byValue(captured(v))
	}
	return false
}

// captured is the variable of the function around that v stands for, nil where v is none, as in the
// wrapper of a method value.
func captured(v *ssa.FreeVar) ssa.Value {
	fn := v.Parent()
	if fn.Parent() == nil {
		return nil
	}
	at := 0
	for fn.FreeVars[at] != v {
		at++
	}
	for _, block := range fn.Parent().Blocks {
		for _, instr := range block.Instrs {
			if closure, ok := instr.(*ssa.MakeClosure); ok && closure.Fn == fn {
				return closure.Bindings[at]
			}
		}
	}
	return nil
}

// setOnce tells whether v gets its one value before anything reads it or has a copy.
func setOnce(v *ssa.Alloc) bool {
	var set *ssa.Store
	captures := false
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.Store:
			if ref.Addr != v || ref.Val == v || set != nil {
				return false
			}
			set = ref
		case *ssa.MakeClosure:
			captures = true
		}
	}
	if set == nil || !captures || !readOnly(v, set) {
		return false
	}
	for _, ref := range *v.Referrers() {
		if ref != set && !isDebug(ref) && !precedes(set, ref) {
			return false
		}
	}
	return !again(v, set)
}

func isDebug(instr ssa.Instruction) bool {
	_, ok := instr.(*ssa.DebugRef)
	return ok
}

// readOnly tells whether v is read and captured only, but for set.
func readOnly(v ssa.Value, set *ssa.Store) bool {
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.DebugRef, *ssa.UnOp: // an address has no other operation than to be read from
		case *ssa.Store:
			if ref != set {
				return false
			}
		case *ssa.MakeClosure:
			for i, bound := range ref.Bindings {
				if bound == v && !readOnly(ref.Fn.(*ssa.Function).FreeVars[i], nil) {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// precedes tells whether a is always carried out before b.
func precedes(a, b ssa.Instruction) bool {
	if a.Block() != b.Block() {
		return a.Block().Dominates(b.Block())
	}
	for _, instr := range a.Block().Instrs {
		switch instr {
		case a:
			return true
		case b:
			return false
		}
	}
	return false
}

// again tells whether set may be carried out twice for one variable: in a loop that does not make
// it anew.
func again(v *ssa.Alloc, set *ssa.Store) bool {
	if v.Block() == set.Block() {
		return false
	}
	seen := map[*ssa.BasicBlock]bool{v.Block(): true}
	var reaches func(from *ssa.BasicBlock) bool
	reaches = func(from *ssa.BasicBlock) bool {
		for _, next := range from.Succs {
			if next == set.Block() {
				return true
			}
			if !seen[next] {
				seen[next] = true
				if reaches(next) {
					return true
				}
			}
		}
		return false
	}
	return reaches(set.Block())
}
