// Package pluginhost is an example: a host that runs plugins of third parties, which are
// WebAssembly programs on wazero, and gives them an OAuth client without ambient authority.
//
// A plugin can reach only what its manifest names: no file, no environment, no socket, no clock. It
// asks for a client by name and gets a handle, a number that is valid for this plugin alone. With
// the handle it asks the host to send a request. The host adds the token, if the URL is one of the
// manifest's resources, and returns the answer. The plugin never gets a token.
//
// Each plugin is a tenant of a wasm.Pool, so it has its own module instance, limits and sessions.
// This host has no rule of its own about what a plugin may reach: the manifest's resources are the
// token_destinations of its clients, which the module enforces.
package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// Manifest says what a plugin may use. A person agrees to it before the plugin is loaded.
type Manifest struct {
	// Name is the plugin's name, which separates its sessions from those of others.
	Name string
	// Uses are the clients that it may ask for, by the names that it uses.
	Uses map[string]Use
}

// Use is a client that a plugin may use.
type Use struct {
	// Provider is one of Options.Providers.
	Provider string
	// Scope is the scope to which the user is asked to agree.
	Scope string
	// Resources are the URLs below which its requests may be sent with the token: https, or http on
	// loopback.
	Resources []string
}

// Options are the options of a Host.
type Options struct {
	// Providers are the clients as which the host is registered, by the names in manifests.
	Providers map[string]oauth.Config
	// Store stores the sessions of all plugins; nil means memory.
	Store oauth.Store
	// HTTP sends the requests of clients and plugins; nil means http.DefaultTransport.
	HTTP http.RoundTripper
	// Limits are the limits of each plugin's clients.
	Limits wasm.Limits
	// Time is how long one run of a plugin may take; 0 means 10 s.
	Time time.Duration
}

const (
	// pages limits a plugin's memory: 64 MiB.
	pages = 1024
	// mostAnswer limits the body that a plugin gets, and mostOutput its output, in bytes.
	mostAnswer = 1 << 20
	mostOutput = 1 << 20
	// mostRequests limits the requests of one run.
	mostRequests = 100
)

// Host runs plugins.
type Host struct {
	opts    Options
	pool    *wasm.Pool
	runtime wazero.Runtime
}

// New makes a Host.
func New(ctx context.Context, opts Options) (*Host, error) {
	if opts.Store == nil {
		opts.Store = &oauth.MemoryStore{}
	}
	if opts.Time == 0 {
		opts.Time = 10 * time.Second
	}
	pool, err := wasm.NewPool(ctx, wasm.PoolOptions{Limits: opts.Limits})
	if err != nil {
		return nil, err
	}
	h := &Host{opts: opts, pool: pool}
	h.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(pages).WithCloseOnContextDone(true))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, h.runtime); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if err := h.provide(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// Close ends all plugins. Their sessions stay in the Store.
func (h *Host) Close() error {
	h.pool.Close()
	return h.runtime.Close(context.Background())
}

// Plugin is a loaded plugin.
type Plugin struct {
	host     *Host
	compiled wazero.CompiledModule
	tenant   *wasm.Tenant
	clients  map[string]*oauth.Client // by the plugin's names for them
	names    []string                 // handle n is names[n-1]
}

// Load compiles a plugin and opens the clients of its manifest.
func (h *Host) Load(ctx context.Context, program []byte, m Manifest) (*Plugin, error) {
	tenant, err := h.pool.Add(m.Name, nil)
	if err != nil {
		return nil, err
	}
	p := &Plugin{host: h, tenant: tenant, clients: map[string]*oauth.Client{}, names: slices.Sorted(maps.Keys(m.Uses))}
	for _, name := range p.names {
		use := m.Uses[name]
		config, ok := h.opts.Providers[use.Provider]
		if !ok {
			tenant.Close()
			return nil, fmt.Errorf("pluginhost: %s: no provider %q", m.Name, use.Provider)
		}
		config.Name, config.Scope, config.TokenDestinations = m.Name+"/"+name, use.Scope, use.Resources
		client, err := tenant.Open(ctx, config, oauth.Options{Store: h.opts.Store, HTTP: &http.Client{Transport: h.opts.HTTP}})
		if err != nil {
			tenant.Close()
			return nil, fmt.Errorf("pluginhost: %s: %s: %w", m.Name, name, err)
		}
		p.clients[name] = client
	}
	if p.compiled, err = h.runtime.CompileModule(ctx, program); err != nil {
		tenant.Close()
		return nil, fmt.Errorf("pluginhost: %s: %w", m.Name, err)
	}
	return p, nil
}

// Client returns a client of the plugin, with which the host signs the user in.
func (p *Plugin) Client(name string) *oauth.Client { return p.clients[name] }

// Metrics returns what the plugin's clients use.
func (p *Plugin) Metrics() wasm.Metrics { return p.tenant.Metrics() }

// Run starts the plugin with arguments, in a new instance, and returns its output.
func (p *Plugin) Run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.host.opts.Time)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := &bounded{stop: stop}
	config := wazero.NewModuleConfig().WithName("").WithArgs(append([]string{p.tenant.Name()}, args...)...).WithStdout(out)
	instance, err := p.host.runtime.InstantiateModule(context.WithValue(ctx, runKey{}, &run{plugin: p}), p.compiled, config)
	if instance != nil {
		instance.Close(ctx)
	}
	if why := context.Cause(ctx); why != nil {
		err = why // and not the exit code with which it was stopped
	}
	if err != nil && !ended(err) {
		return out.String(), fmt.Errorf("pluginhost: %s: %w", p.tenant.Name(), err)
	}
	return out.String(), nil
}

// Close ends the plugin: its clients, their memory and its code. Its sessions stay in the Store.
func (p *Plugin) Close() error {
	p.tenant.Close()
	return p.compiled.Close(context.Background())
}

// bounded collects output, up to mostOutput. A plugin that ignores the error of a write is stopped.
type bounded struct {
	bytes.Buffer
	stop context.CancelCauseFunc
}

var errOutput = errors.New("it prints too much")

func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > mostOutput {
		b.stop(errOutput)
		return 0, errOutput
	}
	return b.Buffer.Write(text)
}
