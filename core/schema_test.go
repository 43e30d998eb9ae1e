package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchema holds every message of every transcript against schema.json: effects and refusals always, inputs where the module took them.
func TestSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	part := func(name string) *jsonschema.Schema {
		s, err := c.Compile("testdata/schema.json#/$defs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	open, refusal, input, effect := part("open"), part("refusal"), part("input"), part("effect")
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatal(err, len(files))
	}
	kinds := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n")
		for n, line := range lines {
			verb, text, _ := strings.Cut(line, " ")
			schema := map[string]*jsonschema.Schema{"open": open, ">": input, "<": effect}[verb]
			next := ""
			if n+1 < len(lines) {
				next = lines[n+1]
			}
			switch {
			case schema == nil, verb != "<" && strings.HasPrefix(next, "= ") && (next == "= 0") == (verb == "open"):
				continue // refused, as it should be
			case verb == "<" && lines[n-1] == "= 0":
				schema = refusal
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatalf("%s:%d: %v", file, n+1, err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s:%d: %v", file, n+1, err)
			}
			if m, _ := v.(map[string]any); verb == "<" && m["kind"] != nil {
				kinds[m["kind"].(string)] = true
			}
		}
	}
	for _, kind := range strings.Fields("http http-cancel timer timer-cancel load store lock unlock hook key sign verify seal unseal recall remember respond proxy event result") {
		if !kinds[kind] {
			t.Errorf("no transcript has the effect %s", kind)
		}
	}
}
