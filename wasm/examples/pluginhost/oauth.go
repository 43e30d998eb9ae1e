package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// run is one run of a plugin. Handles belong to it.
type run struct {
	plugin   *Plugin
	requests int
	answer   []byte // that the plugin has not read yet
}

type runKey struct{}

// request is a plugin's request, and answer the host's answer: status with headers and body, or an
// error.
type (
	request struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	answer struct {
		Status  int               `json:"status,omitempty"`
		Headers map[string]string `json:"headers,omitempty"`
		Body    string            `json:"body,omitempty"`
		Error   string            `json:"error,omitempty"`
	}
)

// provide gives plugins the module "oauth", which is all that they may import in addition to WASI:
//
//	client(name, length) handle   a client of the manifest by its name; 0: there is none
//	request(handle, json, length) length   sends a request with the token of that client; an answer of so many bytes waits
//	read(to)                      writes the answer there
func (h *Host) provide(ctx context.Context) error {
	b := h.runtime.NewHostModuleBuilder("oauth")
	b.NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module, name, n uint32) uint32 {
		text, ok := m.Memory().Read(name, n)
		if !ok {
			return 0
		}
		for i, known := range of(ctx).plugin.names {
			if known == string(text) {
				return uint32(i + 1)
			}
		}
		return 0
	}).Export("client")
	b.NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module, handle, p, n uint32) uint32 {
		r := of(ctx)
		var result answer
		if text, ok := m.Memory().Read(p, n); ok {
			result = r.send(ctx, handle, text)
		} else {
			result.Error = "bad_request"
		}
		raw, err := json.Marshal(result)
		if err != nil {
			panic(err) // it has only texts and numbers
		}
		r.answer = raw
		return uint32(len(raw))
	}).Export("request")
	b.NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module, to uint32) {
		r := of(ctx)
		m.Memory().Write(to, r.answer) // if that is outside its memory, the plugin gets nothing
		r.answer = nil
	}).Export("read")
	_, err := b.Instantiate(ctx)
	return err
}

func of(ctx context.Context) *run { return ctx.Value(runKey{}).(*run) }

// withheld are headers that only the host sets: those that carry tokens and proofs, and those of
// the connection.
var withheld = map[string]bool{
	"Authorization": true, "Dpop": true, "Cookie": true, "Host": true, "Proxy-Authorization": true, "Connection": true,
	"Transfer-Encoding": true, "Content-Length": true, "Upgrade": true, "Te": true, "Trailer": true, "Expect": true,
}

// send carries out a request. Errors are codes, so that a plugin learns nothing about the host.
func (r *run) send(ctx context.Context, handle uint32, text []byte) answer {
	if handle == 0 || int(handle) > len(r.plugin.names) {
		return answer{Error: "no_client"}
	}
	if r.requests++; r.requests > mostRequests {
		return answer{Error: "too_many_requests"}
	}
	var want request
	if json.Unmarshal(text, &want) != nil {
		return answer{Error: "bad_request"}
	}
	req, err := http.NewRequestWithContext(ctx, want.Method, want.URL, strings.NewReader(want.Body))
	if err != nil {
		return answer{Error: "bad_request"}
	}
	for name, value := range want.Headers {
		if withheld[http.CanonicalHeaderKey(name)] || strings.ContainsFunc(name+value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return answer{Error: "header_not_allowed"}
		}
		req.Header.Set(name, value)
	}
	client := r.plugin.clients[r.plugin.names[handle-1]]
	res, err := client.Transport(r.plugin.host.opts.HTTP).RoundTrip(req)
	if err != nil {
		return answer{Error: code(err)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer+1))
	switch {
	case err != nil:
		return answer{Error: "network"}
	case len(body) > mostAnswer:
		return answer{Error: "too_large"}
	}
	got := answer{Status: res.StatusCode, Headers: map[string]string{}, Body: string(body)}
	for _, name := range []string{"Content-Type", "Etag", "Last-Modified", "Link", "Retry-After"} {
		if value := res.Header.Get(name); value != "" {
			got.Headers[strings.ToLower(name)] = value
		}
	}
	return got
}

// code is the error code that a plugin gets.
func code(err error) string {
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Code != "" {
		return e.Code
	}
	return "network"
}

// ended reports whether the plugin ended by itself without an error.
func ended(err error) bool {
	exit, ok := errors.AsType[*sys.ExitError](err)
	return ok && exit.ExitCode() == 0
}
