package core_test

import (
	"cmp"
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostKnotted is how many files of a package may depend on each other in cycles.
const mostKnotted = 6

// TestLayers measures the largest cycle of files in each package below core, and prints the layers:
// the files in one line depend only on lines above it.
func TestLayers(t *testing.T) {
	found := map[string]int{}
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" {
			return err
		}
		uses := fileUses(t, dir)
		if len(uses) < 2 {
			return nil
		}
		for i, group := range layers(uses) {
			t.Logf("%s %2d: %s", dir, i+1, strings.Join(group, " "))
			found[dir] = max(found[dir], len(group))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range found {
		if n > mostKnotted {
			t.Errorf("core/%s: %d files depend on each other in circles, at most %d may", dir, n, mostKnotted)
		}
	}
}

// mostNested is how deep function literals may be nested: what continues after an effect is a run,
// whose methods are the steps.
const mostNested = 2

// TestNesting measures how deep function literals are nested in the pure packages.
func TestNesting(t *testing.T) {
	dirs, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, ".", "bff", "resource") {
		fset := token.NewFileSet()
		for _, file := range parsed(t, fset, dir) {
			for _, decl := range file.Decls {
				if n := literals(decl); n > mostNested {
					t.Errorf("%s: %d function literals in each other, at most %d may be", fset.Position(decl.Pos()), n, mostNested)
				}
			}
		}
	}
}

// TestNothingEmbedded: no struct embeds another to borrow its fields.
func TestNothingEmbedded(t *testing.T) {
	dirs, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, ".", "bff", "resource") {
		fset := token.NewFileSet()
		for _, file := range parsed(t, fset, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				fields, _ := n.(*ast.StructType)
				if fields == nil {
					return true
				}
				for _, f := range fields.Fields.List {
					if len(f.Names) == 0 {
						t.Errorf("%s: a struct is embedded", fset.Position(f.Pos()))
					}
				}
				return true
			})
		}
	}
}

// literals returns how many function literals are nested below a node.
func literals(node ast.Node) (deepest int) {
	ast.Inspect(node, func(n ast.Node) bool {
		if l, ok := n.(*ast.FuncLit); ok && n != node {
			deepest = max(deepest, 1+literals(l.Body))
			return false
		}
		return true
	})
	return deepest
}

// parsed returns the files of a package without tests, by their names; nil if there is no Go.
func parsed(t *testing.T, fset *token.FileSet, dir string) map[string]*ast.File {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil
	}
	files := map[string]*ast.File{}
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	return files
}

// fileUses returns, for each file of a package without tests, the files whose definitions it uses.
func fileUses(t *testing.T, dir string) map[string]map[string]bool {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, f := range parsed(t, fset, dir) {
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	checked, _ := config.Check(dir, fset, files, info)
	uses := map[string]map[string]bool{}
	file := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	for _, f := range files {
		uses[file(f.Pos())] = map[string]bool{}
	}
	for id, obj := range info.Uses {
		if obj.Pkg() == checked && obj.Pos().IsValid() && file(obj.Pos()) != file(id.Pos()) {
			uses[file(id.Pos())][file(obj.Pos())] = true
		}
	}
	return uses
}

// nothing imports no package, because only a package's own names are needed.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) { return nil, errors.New(path) }

// layers returns the strongly connected sets of files, each after all on which it depends (Tarjan).
func layers(uses map[string]map[string]bool) (groups [][]string) {
	index, low, on := map[string]int{}, map[string]int{}, map[string]bool{}
	var stack []string
	var visit func(v string)
	visit = func(v string) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack, on[v] = append(stack, v), true
		for _, w := range sorted(uses[v]) {
			if index[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if on[w] {
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] != index[v] {
			return
		}
		at := slices.Index(stack, v)
		group := slices.Clone(stack[at:])
		for _, w := range group {
			on[w] = false
		}
		stack = stack[:at]
		slices.Sort(group)
		groups = append(groups, group)
	}
	for _, v := range sorted(uses) {
		if index[v] == 0 {
			visit(v)
		}
	}
	return groups
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
