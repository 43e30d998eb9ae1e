package wasm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExportsAreTheContract (S14): both modules export exactly what the table in
// core/contract/README.md lists, with the same number of parameters, and import nothing.
func TestExportsAreTheContract(t *testing.T) {
	page, err := os.ReadFile("../core/contract/README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{"_initialize": 0}
	for _, row := range regexp.MustCompile("(?m)^\\| `(oauth2_[a-z]+)\\(([a-z, ]*)\\)` \\|").FindAllStringSubmatch(string(page), -1) {
		named[row[1]] = len(strings.FieldsFunc(row[2], func(r rune) bool { return r == ',' || r == ' ' }))
	}
	if len(named) != 8 || !strings.Contains(string(page), "`memory`, `_initialize()` and seven functions") {
		t.Fatalf("the page names %v", named)
	}
	for _, file := range []string{"oauth2.wasm", "oauth2-full.wasm", "oauth2-edge.wasm"} {
		module, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compile(t.Context(), module, traits{pages: 256}, nil) // it refuses imports
		if err != nil {
			t.Fatal(err)
		}
		defer p.runtime.Close(context.Background())
		found := map[string]int{}
		for name, f := range p.compiled.ExportedFunctions() {
			found[name] = len(f.ParamTypes())
		}
		if !maps.Equal(found, named) {
			t.Errorf("%s exports %v, the contract names %v", file, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(named)))
		}
		if memories := fmt.Sprint(slices.Collect(maps.Keys(p.compiled.ExportedMemories()))); memories != "[memory]" {
			t.Errorf("%s exports the memories %s", file, memories)
		}
	}
}
