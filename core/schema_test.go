package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchema checks every message of every transcript against schema.json: effects and refusals
// always, inputs if the module accepted them, and the parameters of commands that had a result.
func TestSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	parts := map[string]*jsonschema.Schema{}
	part := func(name string) *jsonschema.Schema {
		if parts[name] == nil {
			s, err := c.Compile("contract/schema.json#/$defs/" + name)
			if err != nil {
				t.Fatal(err)
			}
			parts[name] = s
		}
		return parts[name]
	}
	open, refusal, input, effect := part("open"), part("refusal"), part("input"), part("effect")
	files, err := filepath.Glob("contract/client/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatal(err, len(files))
	}
	more, err := filepath.Glob("contract/resource/*.txt")
	if err != nil || len(more) < 10 {
		t.Fatal(err, len(more))
	}
	files = append(files, more...)
	kinds := map[string]bool{}
	type command struct {
		name       string
		line       int
		parameters map[string]any
	}
	for _, file := range files {
		session, commands := "", map[string]command{} // by session and id
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n")
		for n, line := range lines {
			verb, text, _ := strings.Cut(line, " ")
			if verb == "open" || verb == "@" {
				session = verb + text
			}
			schema := map[string]*jsonschema.Schema{"open": open, ">": input, "<": effect}[verb]
			next := ""
			if n+1 < len(lines) {
				next = lines[n+1]
			}
			switch {
			case schema == nil, verb != "<" && strings.HasPrefix(next, "= ") && (next == "= 0") == (verb == "open"):
				continue // refused, as expected
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
			m, _ := v.(map[string]any)
			if verb == "<" && m["kind"] != nil {
				kinds[m["kind"].(string)] = true
			}
			if name, ok := m["command"].(string); ok && verb == ">" {
				id := fmt.Sprint(session, m["id"])
				for _, common := range []string{"now", "entropy", "command", "id"} {
					delete(m, common)
				}
				commands[id] = command{name, n + 1, m}
			}
			if ok := m["ok"]; ok != nil && m["kind"] == "result" {
				cmd, known := commands[fmt.Sprint(session, m["command"])]
				if !known {
					t.Fatalf("%s:%d: a result of no command", file, n+1)
				}
				// Parameters that no host sends are skipped there.
				if err := part("commands/" + cmd.name + "/parameters").Validate(cmd.parameters); err != nil && file != "contract/client/challenge.txt" {
					t.Errorf("%s:%d: %v", file, cmd.line, err)
				}
				if err := part("commands/" + cmd.name + "/ok").Validate(ok); err != nil {
					t.Errorf("%s:%d: %v", file, n+1, err)
				}
			}
		}
	}
	for _, kind := range strings.Fields("http http-cancel timer timer-cancel load store lock unlock hook key sign verify seal unseal recall remember respond proxy event result") {
		if !kinds[kind] {
			t.Errorf("no transcript has the effect %s", kind)
		}
	}
}
