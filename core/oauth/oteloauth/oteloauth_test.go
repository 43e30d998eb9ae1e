package oteloauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oteloauth"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

type peer func(*http.Request) (*http.Response, error)

func (p peer) RoundTrip(r *http.Request) (*http.Response, error) { return p(r) }

// B60: spans and metrics of a refresh whose first answer is lost, with the SDK's own exporters: the
// HTTP client conventions, stage, outcome, retry; and nothing secret.
func TestSpansAndMetrics(t *testing.T) {
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	done, err := oteloauth.New(oteloauth.Options{TracerProvider: traces, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), Client: "app"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
		ClientID: "app", ClientSecret: "secret-of-the-client", TokenEndpoint: "https://as.example:8443/token?tenant=secret-query", UserinfoEndpoint: "https://as.example/userinfo",
	}, oauth.Options{OnEffect: done, HTTP: &http.Client{Transport: peer(func(r *http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return nil, io.ErrUnexpectedEOF
		}
		body, status := fmt.Sprintf(`{"access_token":"secret-access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"secret-refresh-%d"}`, n, n), 200
		if strings.HasSuffix(r.URL.Path, "/userinfo") {
			body, status = `{}`, 503
		}
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "secret-access", TokenType: "Bearer", RefreshToken: "secret-refresh", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Userinfo(t.Context()); err == nil {
		t.Fatal("a 503 is no answer")
	}
	// OnEffect is called after the commands, in the order of effects: an event of Close comes last.
	c.Close()
	deadline := time.Now().Add(30 * time.Second)
	for len(requests(spans)) < 3 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	got := requests(spans)
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	attribute := func(s tracetest.SpanStub, name string) string {
		for _, a := range s.Attributes {
			if string(a.Key) == name {
				return a.Value.Emit()
			}
		}
		return ""
	}
	for i, want := range []map[string]string{
		{"name": "POST", "url.full": "https://as.example:8443/token", "server.address": "as.example", "server.port": "8443", "url.scheme": "https", "http.request.method": "POST", "http.response.status_code": "", "error.type": "network", "oauth2.stage": "refresh", "http.request.resend_count": ""},
		{"name": "POST", "http.response.status_code": "200", "error.type": "", "oauth2.stage": "refresh", "http.request.resend_count": "1", "oauth2.client": "app"},
		{"name": "GET", "server.port": "443", "http.response.status_code": "503", "error.type": "503", "oauth2.stage": "userinfo"},
	} {
		s := got[i]
		for name, text := range want {
			if had := attribute(s, name); name != "name" && had != text || name == "name" && s.Name != text {
				t.Errorf("%d: %s is %q (%s)", i, name, had, s.Name)
			}
		}
		if (s.Status.Code == codes.Error) != (want["error.type"] != "") || s.EndTime.Before(s.StartTime) || s.Parent.IsValid() {
			t.Errorf("%d: %+v", i, s)
		}
	}
	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &metrics); err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				counts[m.Name] += p.Count
			}
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				counts[m.Name] += uint64(p.Value)
			}
		}
	}
	if counts["http.client.request.duration"] != 3 || counts["oauth2.request.retries"] != 1 || counts["oauth2.effect.duration"] <= 3 {
		t.Errorf("%v", counts)
	}
	if all := fmt.Sprintf("%+v %+v", spans.GetSpans(), metrics); strings.Contains(all, "secret-") {
		t.Error("something secret is in it")
	}
}

func requests(spans *tracetest.InMemoryExporter) (list []tracetest.SpanStub) {
	for _, s := range spans.GetSpans() {
		if s.SpanKind == trace.SpanKindClient {
			list = append(list, s)
		}
	}
	return list
}

// B80: the caller's span is the parent of what the client does for it, and of nothing once it has
// ended; what a timer does has no parent.
func TestParents(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	done, err := oteloauth.New(oteloauth.Options{TracerProvider: traces})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan struct{})
	came := make(chan struct{}, 8)
	c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
		ClientID: "app", TokenEndpoint: "https://as.example/token",
	}, oauth.Options{OnEffect: done, HTTP: &http.Client{Transport: peer(func(*http.Request) (*http.Response, error) {
		came <- struct{}{}
		<-answers
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`))}, nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "Bearer", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	tracer := traces.Tracer("test")
	last := func(n int) tracetest.SpanStub {
		deadline := time.Now().Add(30 * time.Second)
		for len(requests(spans)) < n && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if got := requests(spans); len(got) == n {
			return got[n-1]
		}
		t.Fatalf("no request %d", n)
		return tracetest.SpanStub{}
	}
	// Two wait for one refresh: it is the first one's.
	ctx, first := tracer.Start(t.Context(), "first")
	ended := make(chan error, 2)
	go func() { _, err := c.Refresh(ctx); ended <- err }()
	<-came
	other, second := tracer.Start(t.Context(), "second")
	go func() { _, err := c.Refresh(other); ended <- err }()
	answers <- struct{}{}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if s := last(1); s.Parent.SpanID() != first.SpanContext().SpanID() || s.SpanContext.TraceID() != first.SpanContext().TraceID() {
		t.Errorf("the parent is %v", s.Parent)
	}
	select {
	case <-came: // it came too late to wait for the first one's
		answers <- struct{}{}
		last(2)
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
		ended <- nil
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	first.End()
	second.End()
	// Of whoever has given up by the time of the answer it is a trace of its own, with a link.
	n := len(requests(spans))
	ctx, gone := tracer.Start(t.Context(), "gone")
	ctx, cancel := context.WithCancel(ctx)
	go func() { _, err := c.Refresh(ctx); ended <- err }()
	<-came
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("whoever gives up hears so")
	}
	gone.End()
	answers <- struct{}{}
	if s := last(n + 1); s.Parent.IsValid() || len(s.Links) != 1 || s.Links[0].SpanContext.SpanID() != gone.SpanContext().SpanID() {
		t.Errorf("the parent is %v, links are %v", s.Parent, s.Links)
	}
}
