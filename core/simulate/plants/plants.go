// Package plants holds faults that the core can be given, so that package simulate shows that it
// finds each of them. The released core contains none of this: Overlay writes copies of the core's
// files with all faults in them, for go build -overlay, and On says which of them is switched on.
//
// A fault is a file NAME.txt. Its first line says within how many worlds it must be found. Each
// paragraph after that names a file below core and changes its lines, in the form of a diff: " "
// stays, "-" is removed, "+" is added. The lines that stay or are removed must occur in the file
// exactly once, together. In added lines the word planted means "this fault is switched on".
package plants

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// On is the name of the fault that is switched on, "" for none.
var On string

// Overlaid reports whether this program was built with an overlay of Overlay.
var Overlaid bool

// A Plant is a fault. It must be found within Worlds worlds of 400 steps.
type Plant struct {
	Name   string
	Worlds int
	edits  []edit
}

// An edit replaces one text by another, in a file below core.
type edit struct{ file, old, put string }

//go:embed *.txt
var texts embed.FS

// All returns the faults in the order of their names.
func All() ([]Plant, error) {
	entries, err := texts.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Plant
	for _, e := range entries {
		text, err := texts.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		p, err := parse(strings.TrimSuffix(e.Name(), ".txt"), string(text))
		if err != nil {
			return nil, fmt.Errorf("plants: %s: %w", e.Name(), err)
		}
		all = append(all, p)
	}
	return all, nil
}

var (
	planted = regexp.MustCompile(`\bplanted\b`)
	clause  = regexp.MustCompile(`(?m)^package \w+$`)
)

func parse(name, text string) (Plant, error) {
	head, rest, _ := strings.Cut(text, "\n\n")
	worlds, err := strconv.Atoi(strings.TrimPrefix(head, "worlds "))
	if err != nil {
		return Plant{}, fmt.Errorf("the first line is %q, want worlds and a number", head)
	}
	p := Plant{Name: name, Worlds: worlds}
	for _, paragraph := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		e := edit{file: lines[0]}
		for _, line := range lines[1:] {
			mark, line := line[:1], line[1:]+"\n"
			if mark == " " || mark == "-" {
				e.old += line
			}
			if mark == " " || mark == "+" {
				e.put += planted.ReplaceAllString(line, fmt.Sprintf("(plants.On == %q)", name))
			}
		}
		if e.old == "" || e.old == e.put {
			return Plant{}, fmt.Errorf("%s: nothing is changed", e.file)
		}
		p.edits = append(p.edits, e)
	}
	return p, nil
}

const module = "github.com/oauth2-wasm/oauth2-wasm"

// Overlay writes copies of the files in the folder core, with all faults in them, into the folder
// dir, with the file that go build -overlay reads. It returns that file's name.
func Overlay(core, dir string) (file string, err error) {
	all, err := All()
	if err != nil {
		return "", err
	}
	sources := map[string]string{}
	for _, p := range all {
		for _, e := range p.edits {
			if _, ok := sources[e.file]; !ok {
				text, err := os.ReadFile(filepath.Join(core, e.file))
				if err != nil {
					return "", fmt.Errorf("plants: %s: %w", p.Name, err)
				}
				// The import is added to the package line, so that all lines keep their numbers.
				sources[e.file] = clause.ReplaceAllString(string(text), `$0; import "`+module+`/core/simulate/plants"`)
			}
			text := "\n" + sources[e.file]
			if n := strings.Count(text, "\n"+e.old); n != 1 {
				return "", fmt.Errorf("plants: %s: its lines are %d times in core/%s, want once:\n%s", p.Name, n, e.file, e.old)
			}
			sources[e.file] = strings.Replace(text, "\n"+e.old, "\n"+e.put, 1)[1:]
		}
	}
	sources["simulate/plants/overlaid.go"] = "package plants\n\nfunc init() { Overlaid = true }\n"
	replace := map[string]string{}
	for name, text := range sources {
		copied := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(copied, []byte(text), 0o644); err != nil {
			return "", err
		}
		from, err := filepath.Abs(filepath.Join(core, name))
		if err != nil {
			return "", err
		}
		if replace[from], err = filepath.Abs(copied); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o644)
}
