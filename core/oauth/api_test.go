package oauth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/xoauth2"
)

var update = flag.Bool("update", false, "write testdata/api.txt anew")

// packages are the folders of the packages that programs import.
var packages = []string{
	".", "backend", "guard", "oauthtest", "mcp", "presets", "redirect", "store/filestore", "store/postgresstore", "store/redisstore",
	"store/sealedstore", "store/sqlitestore", "xoauth2", "../../wasm",
}

// sources are the files of a package without its tests.
func sources(t *testing.T, folder string) (files []*ast.File, set *token.FileSet) {
	t.Helper()
	set = token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatal(folder, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files, set
}

// E81: the packages export exactly what testdata/api.txt lists, so nothing is exported by accident.
// -update writes the file.
func TestAPI(t *testing.T) {
	var got []string
	for _, folder := range packages {
		files, _ := sources(t, folder)
		for _, file := range files {
			for _, name := range exported(file) {
				got = append(got, file.Name.Name+" "+name)
			}
		}
	}
	slices.Sort(got)
	text := strings.Join(slices.Compact(got), "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/api.txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/api.txt")
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Split(string(want), "\n")
	for _, name := range strings.Split(text, "\n") {
		if !slices.Contains(before, name) {
			t.Errorf("exported, and not in testdata/api.txt: %s", name)
		}
	}
	for _, name := range before {
		if !slices.Contains(got, name) && name != "" {
			t.Errorf("in testdata/api.txt, and not exported: %s", name)
		}
	}
}

// exported returns the names that a file exports: functions, types with their members and methods,
// variables and constants.
func exported(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch receiver := receiverOf(d); {
			case !d.Name.IsExported():
			case d.Recv == nil:
				names = append(names, "func "+d.Name.Name)
			case ast.IsExported(receiver):
				names = append(names, receiver+"."+d.Name.Name+"()")
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() {
							names = append(names, d.Tok.String()+" "+name.Name)
						}
					}
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						names = append(append(names, "type "+spec.Name.Name), members(spec)...)
					}
				}
			}
		}
	}
	return names
}

// E83: each package has a description in doc.go, and examples that run.
func TestExamplesRun(t *testing.T) {
	for _, folder := range packages {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(folder, "doc.go"), nil, parser.ParseComments)
		if err != nil || file.Doc == nil {
			t.Errorf("%s: no doc.go with a comment: %v", folder, err)
		}
		names, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var tests []*ast.File
		for _, name := range names {
			file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			tests = append(tests, file)
		}
		examples := doc.Examples(tests...)
		if len(examples) == 0 {
			t.Errorf("%s: no example", folder)
		}
		for _, example := range examples {
			if example.Output == "" {
				t.Errorf("%s: Example%s has no output, so it does not run", folder, example.Name)
			}
		}
	}
}

func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func members(spec *ast.TypeSpec) (names []string) {
	var list *ast.FieldList
	switch kind := spec.Type.(type) {
	case *ast.StructType:
		list = kind.Fields
	case *ast.InterfaceType:
		list = kind.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			if name.IsExported() {
				names = append(names, spec.Name.Name+"."+name.Name)
			}
		}
	}
	return names
}

// E82: every error text of a package begins with "oauth2: ", or with the error that it wraps.
func TestErrorTextsBeginAlike(t *testing.T) {
	found := 0
	for _, folder := range packages {
		files, set := sources(t, folder)
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				f, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || f.Sel.Name != "Errorf" && f.Sel.Name != "New" {
					return true
				}
				if from, ok := f.X.(*ast.Ident); !ok || from.Name != "fmt" && from.Name != "errors" {
					return true
				}
				text, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					t.Errorf("%s: an error without a text of its own", set.Position(call.Pos()))
					return true
				}
				begins, err := strconv.Unquote(text.Value)
				if found++; err != nil || !strings.HasPrefix(begins, "oauth2: ") && !strings.HasPrefix(begins, "%w") {
					if folder != "oauthtest" { // its errors are for the log of a test
						t.Errorf("%s: %s", set.Position(call.Pos()), text.Value)
					}
				}
				return true
			})
		}
	}
	if found < 60 {
		t.Errorf("only %d errors were found", found)
	}
}

// E82: so do the errors that a program gets, and they contain it once.
func TestErrorsBeginAlike(t *testing.T) {
	client, err := oauth.Open(t.Context(), native(t), config, oauth.Options{Store: failing{}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		get  func() error
	}{
		{"no engine", func() error { _, err := oauth.Open(t.Context(), nil, config, oauth.Options{}); return err }},
		{"a configuration that is refused", func() error {
			_, err := oauth.Open(t.Context(), native(t), oauth.Config{}, oauth.Options{})
			return err
		}},
		{"a store that cannot be told from others", func() error {
			_, err := oauth.Open(t.Context(), native(t), config, oauth.Options{Store: sliceStore{}})
			return err
		}},
		{"not signed in", func() error { _, err := client.Token(t.Context()); return err }},
		{"given up", func() error { _, err := client.Token(cancelled); return err }},
		{"the store fails", func() error { _, err := client.Authorize(t.Context(), oauth.AuthorizeParams{}); return err }},
		{"a key of no kind", func() error { _, err := oauth.GenerateKey("none"); return err }},
		{"a redirect with a token", func() error {
			_, err := client.Transport(nil).RoundTrip(&http.Request{Response: &http.Response{}})
			return err
		}},
		{"Receive without an endpoint", func() error {
			_, err := oauth.RedirectionEndpoint{}.Receive(client, &http.Request{})
			return err
		}},
		{"filestore", func() error { _, err := filestore.Open(file); return err }},
		{"sqlitestore", func() error { _, err := sqlitestore.Open(file); return err }},
		{"redisstore", func() error { _, err := redisstore.New(nil, redisstore.Options{Lease: 1}); return err }},
		{"postgresstore", func() error { _, err := postgresstore.New(nil, postgresstore.Options{Lease: 1}); return err }},
		{"redirect", func() error {
			_, err := redirect.Listen(redirect.Options{RedirectURI: "http://192.0.2.1/"})
			return err
		}},
		{"redirect with TLS", func() error {
			_, err := redirect.Listen(redirect.Options{RedirectURI: "https://127.0.0.1/", TLS: &tls.Config{}})
			return err
		}},
		{"presets", func() error { _, err := presets.Config("nobody", nil); return err }},
		{"presets, a variable", func() error { _, err := presets.Config("github", map[string]string{"x": "y"}); return err }},
		{"xoauth2", func() error { return xoauth2.ErrBound }},
		{"xoauth2, a client's", func() error { _, err := xoauth2.TokenSource(t.Context(), client).Token(); return err }},
		{"bff, a ring", func() error { _, err := backend.ReadRing("x"); return err }},
		{"bff, no ring", func() error { _, err := backend.New(bff.Engine(), backend.Config{}, backend.Options{}); return err }},
		{"bff, a configuration", func() error {
			_, err := backend.New(bff.Engine(), backend.Config{}, backend.Options{Ring: ring})
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.get()
			if err == nil || !strings.HasPrefix(err.Error(), "oauth2: ") || strings.Contains(err.Error(), ": oauth2: ") {
				t.Errorf("%v", err)
			}
		})
	}
}

// failing is a Store whose errors begin with this module's prefix.
type failing struct{}

func (failing) Load(context.Context, string) (string, string, bool, error) {
	return "", "", false, fmt.Errorf("%w: test", filestore.ErrCorrupt)
}

func (failing) Store(context.Context, string, string, *string) (string, error) {
	return "", errors.New("oauth2: test: no disk")
}
