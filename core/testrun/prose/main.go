// Command prose finds lines of prose and of comments that are longer than 100 columns, in the files
// that git tracks. Code, tables, links, indented lines in comments and the output of examples do
// not count. A tab is four columns.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

const most = 100

var (
	comment  = regexp.MustCompile(`^\s*(//|/?\*)(.*)$`)
	indented = regexp.MustCompile(`^(\t|  )`)
	apart    = regexp.MustCompile(`^\s*(\||#|<|\[[^\]]+\]:|\[[^\]]+\]\(\S+\)(<!-- include -->)?$)`)
)

func main() {
	out, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(1)
	}
	found := 0
	for _, name := range strings.Fields(string(out)) {
		var counts func(line string) bool
		switch filepath.Ext(name) {
		case ".go", ".ts", ".mjs", ".js", ".tsx", ".jsx":
			counts = comments()
		case ".md":
			counts = papers()
		default:
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue // deleted, and not committed yet
		}
		for i, line := range strings.Split(string(text), "\n") {
			n := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if counts(line) && n > most && strings.Contains(strings.TrimSpace(line), " ") {
				fmt.Printf("%s:%d: %d columns, at most %d\n", name, i+1, n, most)
				found++
			}
		}
	}
	if found > 0 {
		os.Exit(1)
	}
}

// comments counts lines that contain nothing but a comment.
func comments() func(line string) bool {
	output := false
	return func(line string) bool {
		m := comment.FindStringSubmatch(line)
		if m == nil {
			output = false
			return false
		}
		said := strings.TrimSpace(m[2])
		output = output || strings.HasSuffix(strings.ToLower(said), "output:")
		return !output && !indented.MatchString(m[2]) && !strings.HasPrefix(m[2], "go:") && !apart.MatchString(m[2])
	}
}

// papers counts lines outside of code, tables, headings and links.
func papers() func(line string) bool {
	code := false
	return func(line string) bool {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
			return false
		}
		return !code && !apart.MatchString(line) && !strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "\t")
	}
}
