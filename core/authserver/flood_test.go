package authserver_test

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkFlood floods a server from one address without any secret. It reports how much memory
// that takes (MB), how many requests were accepted, and the status that another client gets
// afterwards for the same kind of request.
func BenchmarkFlood(b *testing.B) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	large := with(request("pushes"), "login_hint", strings.Repeat("x", 60<<10)).Encode()
	small := with(request("pushes"), "login_hint", strings.Repeat("x", 6<<10)).Encode()
	for _, flood := range []struct {
		name string
		n    int
		send func(*bench) (status int)
		// other is the request of another client.
		other func(*bench) (status int)
	}{
		{"3,000 pushed requests of 60 KB", 3000,
			func(s *bench) int { return s.send("POST", "/par", form, large).Status },
			func(s *bench) int { return s.send("POST", "/par", form, request("pushes").Encode()).Status }},
		{"30,000 pushed requests of 6 KB", 30000,
			func(s *bench) int { return s.send("POST", "/par", form, small).Status },
			func(s *bench) int { return s.send("POST", "/par", form, request("pushes").Encode()).Status }},
		{"100,000 device authorizations", 100000,
			func(s *bench) int { return s.send("POST", "/device_authorization", form, "client_id=tv").Status },
			func(s *bench) int { return s.send("POST", "/device_authorization", form, "client_id=tv").Status }},
		{"140,000 proofs with a code that is none", 140000, proofFlood(b),
			func(s *bench) int {
				return s.postWith("/token", s.prover().proof("POST", "/token"), exchange("spa", s.code(request("spa")))).Status
			}},
	} {
		b.Run(flood.name, func(b *testing.B) {
			for b.Loop() {
				s := newBench(b)
				s.source = "192.0.2.1"
				before, taken := heap(), 0
				for range flood.n {
					if flood.send(s) < 300 {
						taken++
					}
				}
				b.ReportMetric(float64(heap()-before)/1e6, "MB")
				b.ReportMetric(float64(taken), "taken")
				s.source, s.cookie = "198.51.100.1", ""
				b.ReportMetric(float64(flood.other(s)), "status")
			}
		})
	}
}

// proofFlood sends a new proof each time.
func proofFlood(b testing.TB) func(*bench) int {
	signer := (&bench{t: b, now: start}).prover()
	n := 0
	body := exchange("spa", "x").Encode()
	return func(s *bench) int {
		n++
		claims := map[string]any{"jti": strconv.Itoa(n), "htm": "POST", "htu": issuer + "/token", "iat": s.now.Unix()}
		h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Dpop": {signWith(b, "ES256", signer.key, "dpop+jwt", true, claims)}}
		return s.send("POST", "/token", h, body).Status
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
