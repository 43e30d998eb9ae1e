package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// files are the page's files, by path.
type files map[string][]byte

// baseStyle is what the page has in common with the authorization server's pages.
const baseStyle = "core/authserver/pages/base.css"

// findRoot is the checkout around the working directory: the page's sources lie in several of its
// folders, which no go:embed can reach.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/oauth2-wasm/oauth2-wasm\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("start it inside the checkout of oauth2-wasm: go run ./web")
		}
		dir = parent
	}
}

// build reads the page's files and bundles its TypeScript with that of the package.
func build(root string) (files, error) {
	built, err := files{}, error(nil)
	for path, source := range map[string]string{
		"/":            "web/page/index.html",
		"/popup":       "web/page/popup.html",
		"/tab":         "web/page/tab.html",
		"/server":      "web/page/server.html",
		"/style.css":   "web/page/style.css",
		"/icon.svg":    "web/page/icon.svg",
		"/oauth2.wasm": "wasm/oauth2.wasm",

		"/oauth2-edge.wasm": "wasm/oauth2-edge.wasm",
	} {
		b, err := os.ReadFile(filepath.Join(root, source))
		if err != nil {
			return nil, err
		}
		built[path] = b
	}
	base, err := os.ReadFile(filepath.Join(root, baseStyle))
	if err != nil {
		return nil, err
	}
	built["/style.css"] = append(base, built["/style.css"]...)
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: root,
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: "web/src/main.ts", OutputPath: "app"},
			{InputPath: "web/src/popup.ts", OutputPath: "popup"},
			{InputPath: "web/src/tab.ts", OutputPath: "tab"},
			{InputPath: "web/src/server.ts", OutputPath: "server"},
			{InputPath: "web/src/proof-worker.ts", OutputPath: "proof-worker"},
		},
		Splitting:         true,
		ChunkNames:        "part-[hash]",
		Plugins:           []api.Plugin{recorded(root)},
		Outdir:            "build/web", // names the results; nothing is written
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Sourcemap:         api.SourceMapLinked,
		LegalComments:     api.LegalCommentsNone,
	})
	if len(result.Errors) > 0 {
		messages := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return nil, fmt.Errorf("the page's TypeScript does not build:\n\n%s", strings.Join(messages, ""))
	}
	for _, f := range result.OutputFiles {
		built["/"+filepath.Base(f.Path)] = f.Contents
	}
	if built["/transcripts.json"], err = transcripts(root); err != nil {
		return nil, err
	}
	// `make hosts` writes this file; without it the page says so.
	if built["/hosts.json"], err = os.ReadFile(filepath.Join(root, "build", "proof.json")); err != nil {
		built["/hosts.json"] = []byte("{}")
	}
	return built, nil
}

// transcript is a recorded conversation.
type transcript struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// transcripts returns all transcripts of core/contract, by suite, in the order of their names.
func transcripts(root string) ([]byte, error) {
	suites := map[string][]transcript{}
	for _, suite := range []string{"client", "bff", "resource"} {
		suites[suite] = []transcript{}
		names, err := filepath.Glob(filepath.Join(root, "core", "contract", suite, "*.txt"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			suites[suite] = append(suites[suite], transcript{strings.TrimSuffix(filepath.Base(name), ".txt"), string(text)})
		}
	}
	return json.Marshal(suites)
}

// recorded makes the package load the module through web/src/record.ts, which records all messages.
func recorded(root string) api.Plugin {
	from, to := filepath.Join(root, "js", "src"), filepath.Join(root, "web", "src", "record.ts")
	return api.Plugin{Name: "recorded", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: `/wasm_exec\.js$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			if filepath.Dir(a.Importer) != from {
				return api.OnResolveResult{}, nil
			}
			return api.OnResolveResult{Path: to}, nil
		})
	}}
}
