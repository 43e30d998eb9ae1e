package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

func openClient(l *link, in json.Value) *fault { return &fault{kind: kindClient, code: "bad_value", field: "kind"} }
