package wasm

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// BenchmarkSessions measures one operation in one of many sessions, which take turns: a token that
// is still valid, and a refresh (locked, marked in the store, sent, answered, stored). An Engine
// spreads the sessions over instances; "one" has all of them in one instance, whose garbage
// collector marks everything that they hold.
func BenchmarkSessions(b *testing.B) {
	for _, engine := range []string{"engine", "one"} {
		for _, n := range []int{1, 10, 100, 1000, 10000} {
			if engine == "one" && n > 1000 {
				continue // a normal session needs some kilobytes, and an instance has 16 MiB at most
			}
			b.Run(fmt.Sprintf("%s/%d", engine, n), func(b *testing.B) {
				var e oauth.Engine
				if engine == "engine" {
					e = benchEngine(b)
				} else {
					e = newCrowded(b)
				}
				clients := signedIn(b, e, n)
				defer func() {
					for _, c := range clients {
						c.Close()
					}
				}()
				b.Run("token", func(b *testing.B) {
					for k := 0; b.Loop(); k++ {
						if token, err := clients[k%n].Token(b.Context()); err != nil || token.AccessToken != "a" {
							b.Fatal(err)
						}
					}
				})
				b.Run("refresh", func(b *testing.B) {
					for k := 0; b.Loop(); k++ {
						if _, err := clients[k%n].Refresh(context.Background()); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
	}
}

// signedIn opens n clients, each with the tokens of a sign-in.
func signedIn(b *testing.B, e oauth.Engine, n int) []*oauth.Client {
	clients := make([]*oauth.Client, n)
	for k := range clients {
		clients[k] = benchClient(b, e)
		beginFinish(b, b.Context(), clients[k])
	}
	return clients
}

// crowded is an engine with one instance that accepts any number of sessions.
type crowded struct{ *instance }

func newCrowded(b *testing.B) *crowded {
	p, err := embedded(b.Context(), traits{pages: 4096})
	if err != nil {
		b.Fatal(err)
	}
	i, err := p.instantiate(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { i.lose(errShutdown) })
	return &crowded{i}
}

func (c *crowded) Open(msg []byte) int32 {
	handle, ok := c.start(msg)
	if !ok {
		return oauth.Trapped
	}
	return int32(handle)
}

func (c *crowded) Input(handle int32, msg []byte) int32 {
	code, ok := c.send(handle, msg)
	if !ok {
		return oauth.Trapped
	}
	return int32(code)
}

func (c *crowded) Effect(handle int32) []byte { return c.next(handle) }

func (c *crowded) Close(handle int32) { c.rarely("oauth2_close", uint32(handle)) }

// BenchmarkMemory measures the memory of sessions that have signed in once: of an instance with one
// of them, of each further one in the same instance, and of each in its own instance, including
// what the host keeps for them, as the growth of the process that the system reports.
func BenchmarkMemory(b *testing.B) {
	linear := func(i *instance) float64 { return float64(i.module.Memory().Size()) }
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			e := newCrowded(b)
			c := signedIn(b, e, 1)
			b.ReportMetric(linear(e.instance), "instance-B")
			c[0].Close()
		}
	})
	b.Run("handles", func(b *testing.B) {
		const n = 2000
		for b.Loop() {
			e := newCrowded(b)
			before := resident(b)
			first := signedIn(b, e, 1)
			base := linear(e.instance)
			clients := signedIn(b, e, n)
			b.ReportMetric((linear(e.instance)-base)/n, "module-B/session")
			b.ReportMetric((resident(b)-before)/n, "resident-B/session")
			for _, c := range append(first, clients...) {
				c.Close()
			}
		}
	})
	b.Run("instances", func(b *testing.B) {
		const n = 500
		for b.Loop() {
			before := resident(b)
			var clients []*oauth.Client
			for range n {
				c, err := Open(b.Context(), testConfig, Options{Client: oauth.Options{HTTP: &http.Client{Transport: tokens{}}}})
				if err != nil {
					b.Fatal(err)
				}
				beginFinish(b, b.Context(), c)
				clients = append(clients, c)
			}
			b.ReportMetric((resident(b)-before)/n, "resident-B/session")
			for _, c := range clients {
				c.Close()
			}
		}
	})
}

// resident is the resident memory of the process, after free memory was returned to the system.
func resident(b *testing.B) float64 {
	runtime.GC()
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("only Linux tells: ", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}
