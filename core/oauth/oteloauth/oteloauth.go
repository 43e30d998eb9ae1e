// Package oteloauth makes OpenTelemetry spans and metrics of a client's effects: requests, stores,
// locks, keys. They contain nothing secret: no token, code or key, and of a URL only the origin and
// path.
//
// It is a separate Go module, so that programs without it do not load OpenTelemetry.
package oteloauth

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Options are all optional.
type Options struct {
	// TracerProvider and MeterProvider default to the global ones.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Client is the name of the client in each span and metric, as attribute oauth2.client.
	Client string
}

const scope = "github.com/oauth2-wasm/oauth2-wasm/core/oauth/oteloauth"

// listener records spans and metrics.
type listener struct {
	tracer   trace.Tracer
	requests metric.Float64Histogram
	effects  metric.Float64Histogram
	retries  metric.Int64Counter
	client   string

	mu     sync.Mutex
	failed map[string]int // by stage and URL: how many requests failed there in a row
}

// New returns a function for oauth.Options.OnEffect. It records:
//
//   - a span for each effect but timers, that of a request with the name and the attributes of HTTP
//     client spans (OpenTelemetry semantic conventions 1.30), the others named "oauth2 KIND";
//   - http.client.request.duration, oauth2.effect.duration (both histograms, in s) and
//     oauth2.request.retries, which counts requests that followed a failed one of their stage.
//
// The parent of a span is the span of the context that the client was called with. If several
// callers wait for one refresh, the first of them counts. If that span ends before the effect does,
// the span begins a new trace, with a link to the ended one. An effect of a timer has neither.
func New(opts Options) (func(oauth.EffectInfo), error) {
	if opts.TracerProvider == nil {
		opts.TracerProvider = otel.GetTracerProvider()
	}
	if opts.MeterProvider == nil {
		opts.MeterProvider = otel.GetMeterProvider()
	}
	meter := opts.MeterProvider.Meter(scope)
	bounds := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
	requests, err1 := meter.Float64Histogram("http.client.request.duration", metric.WithUnit("s"), metric.WithDescription("Duration of HTTP client requests."), bounds)
	effects, err2 := meter.Float64Histogram("oauth2.effect.duration", metric.WithUnit("s"), metric.WithDescription("Duration of what the client has its host do."), bounds)
	retries, err3 := meter.Int64Counter("oauth2.request.retries", metric.WithUnit("{request}"), metric.WithDescription("Requests that followed a failed one of their stage."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	l := &listener{tracer: opts.TracerProvider.Tracer(scope), requests: requests, effects: effects, retries: retries, client: opts.Client, failed: map[string]int{}}
	return l.done, nil
}

func (l *listener) done(e oauth.EffectInfo) {
	if !e.Answered || e.Kind == "timer" {
		return
	}
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	ended := time.Now()
	fault := e.Failed
	if fault == "" && e.Status >= 400 {
		fault = strconv.Itoa(e.Status)
	}
	common := []attribute.KeyValue{}
	add := func(name, value string) {
		if value != "" {
			common = append(common, attribute.String(name, value))
		}
	}
	add("oauth2.client", l.client)
	add("oauth2.stage", string(e.Stage))
	add("error.type", fault)
	name, kind := "oauth2 "+string(e.Kind), trace.SpanKindInternal
	span := []attribute.KeyValue{attribute.String("oauth2.effect", string(e.Kind))}
	if e.Kind == "http" {
		name, kind = e.Method, trace.SpanKindClient
		request := requestAttributes(e)
		again := l.again(e, fault != "")
		if again > 0 {
			span = append(span, attribute.Int("http.request.resend_count", again))
			l.retries.Add(ctx, 1, metric.WithAttributes(common...))
		}
		span = append(append(span, request...), attribute.String("url.full", e.URL))
		l.requests.Record(ctx, e.Took.Seconds(), metric.WithAttributes(append(request, common...)...))
	}
	l.effects.Record(ctx, e.Took.Seconds(), metric.WithAttributes(append(common, attribute.String("oauth2.effect", string(e.Kind)))...))
	options := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithTimestamp(ended.Add(-e.Took)), trace.WithAttributes(append(span, common...)...)}
	if parent := trace.SpanFromContext(ctx); hasEnded(parent) {
		options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: parent.SpanContext()}))
	}
	_, s := l.tracer.Start(ctx, name, options...)
	if fault != "" {
		s.SetStatus(codes.Error, "")
	}
	s.End(trace.WithTimestamp(ended))
}

// hasEnded tells a span of this process that has ended from one that was never recorded.
func hasEnded(span trace.Span) bool {
	c := span.SpanContext()
	return c.IsSampled() && !c.IsRemote() && !span.IsRecording()
}

// requestAttributes are the HTTP attributes of the semantic conventions that spans and metrics
// have.
func requestAttributes(e oauth.EffectInfo) []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.String("http.request.method", e.Method)}
	if u, err := url.Parse(e.URL); err == nil {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			if port = 443; u.Scheme == "http" {
				port = 80
			}
		}
		list = append(list, attribute.String("server.address", u.Hostname()), attribute.Int("server.port", port), attribute.String("url.scheme", u.Scheme))
	}
	if e.Status != 0 {
		list = append(list, attribute.Int("http.response.status_code", e.Status))
	}
	return list
}

// again returns how many requests before this one failed at the same place in a row.
func (l *listener) again(e oauth.EffectInfo, failed bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := string(e.Stage) + " " + e.URL
	before := l.failed[key]
	if delete(l.failed, key); failed {
		l.failed[key] = before + 1
	}
	return before
}
