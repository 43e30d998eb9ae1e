// Spans and metrics with OpenTelemetry's own SDK and its in-memory exporters.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { installed, library } from './lib/installed.mjs';
import { until } from './lib/provider.mjs';

const { openClient } = await library();
const { telemetry } = await import(pathToFileURL(join(installed(), 'node_modules/oauth2-wasm/dist/otel.js')).href);

test('B61 spans and metrics: the conventions for HTTP clients, stage, outcome and retry, and nothing secret', async (t) => {
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 60_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  t.after(() => meterProvider.shutdown());
  let sent = 0;
  const client = await openClient(
    {
      client_id: 'app',
      client_secret: 'secret-of-the-client',
      token_endpoint: 'https://as.example:8443/token?tenant=secret-query',
      userinfo_endpoint: 'https://as.example/userinfo',
    },
    {
      onEffect: telemetry({ tracerProvider, meterProvider, client: 'app' }),
      fetch: async (input) => {
        if (++sent === 1) throw new TypeError('secret-error');
        if (new URL(input.url ?? input).pathname === '/userinfo') return Response.json({}, { status: 503 });
        return Response.json({ access_token: `secret-access-${sent}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `secret-refresh-${sent}` });
      },
    },
  );
  t.after(() => client.close());
  await client.setToken({ access_token: 'secret-access', token_type: 'Bearer', expires_in: 3600, refresh_token: 'secret-refresh' });
  await client.refresh();
  await assert.rejects(client.userinfo());
  const requests = () => spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
  await until(() => requests().length === 3, 'three requests');
  const [lost, again, refused] = requests();
  const has = (span, name, attributes) => {
    assert.equal(span.name, name);
    for (const [key, value] of Object.entries(attributes)) assert.equal(span.attributes[key], value, key);
    assert.equal(span.status.code === SpanStatusCode.ERROR, 'error.type' in span.attributes);
    assert.equal(span.parentSpanContext, undefined);
  };
  has(lost, 'POST', {
    'url.full': 'https://as.example:8443/token',
    'server.address': 'as.example',
    'server.port': 8443,
    'url.scheme': 'https',
    'http.request.method': 'POST',
    'http.response.status_code': undefined,
    'error.type': 'network',
    'oauth2.stage': 'refresh',
    'http.request.resend_count': undefined,
  });
  has(again, 'POST', { 'http.response.status_code': 200, 'error.type': undefined, 'http.request.resend_count': 1, 'oauth2.client': 'app' });
  has(refused, 'GET', { 'server.port': 443, 'http.response.status_code': 503, 'error.type': '503', 'oauth2.stage': 'userinfo' });
  assert.ok(spans.getFinishedSpans().some(({ name, kind }) => name === 'oauth2 store' && kind === SpanKind.INTERNAL));
  await reader.forceFlush();
  const metrics = exported.getMetrics().at(-1).scopeMetrics[0].metrics;
  const points = (name) => metrics.find(({ descriptor }) => descriptor.name === name).dataPoints;
  assert.equal(
    points('http.client.request.duration').reduce((n, { value }) => n + value.count, 0),
    3,
  );
  assert.deepEqual(
    points('oauth2.request.retries').map(({ value, attributes }) => [value, attributes['oauth2.stage']]),
    [[1, 'refresh']],
  );
  assert.ok(points('oauth2.effect.duration').length > 3);
  const told = spans.getFinishedSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
  assert.ok(!/secret-/.test(JSON.stringify([told, metrics])), 'something secret is in it');
});

test("B81 the span of the caller's active context is the parent, until it has ended; a timer's request is a trace of its own with a link", async (t) => {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  t.after(() => context.disable());
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const tracer = tracerProvider.getTracer('test');
  const waiting = [];
  const client = await openClient(
    { client_id: 'app', token_endpoint: 'https://as.example/token' },
    { onEffect: telemetry({ tracerProvider }), fetch: () => new Promise((resolve) => waiting.push(resolve)) },
  );
  t.after(() => client.close());
  const requests = () => spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
  const answer = async (expires_in = 3600) => {
    await until(() => waiting.length > 0, 'a request');
    waiting.shift()(Response.json({ access_token: 'a', token_type: 'Bearer', expires_in, refresh_token: 'r' }));
  };
  await client.setToken({ access_token: 'a', token_type: 'Bearer', expires_in: 3600, refresh_token: 'r' });
  /** Refreshes within a span. */
  const refresh = (name, options) => tracer.startActiveSpan(name, (span) => ({ span, done: client.refresh(options) }));
  const one = refresh('one');
  const other = refresh('other');
  await answer();
  await one.done;
  if (waiting.length) await answer();
  await other.done;
  const [{ parentSpanContext: parent }] = requests();
  assert.equal(parent.spanId, one.span.spanContext().spanId, 'of the first who waits');
  assert.equal(requests()[0].spanContext().traceId, one.span.spanContext().traceId);
  const effects = spans.getFinishedSpans().filter(({ name, parentSpanContext }) => name === 'oauth2 store' && parentSpanContext?.spanId === parent.spanId);
  assert.ok(effects.length > 0, 'and so is what is stored');
  one.span.end();
  other.span.end();
  // Whoever has given up by then.
  const before = requests().length;
  const gone = new AbortController();
  const given = refresh('gone', { signal: gone.signal });
  await until(() => waiting.length > 0, 'a request');
  gone.abort();
  await assert.rejects(given.done);
  given.span.end();
  await answer();
  await until(() => requests().length > before, 'the span');
  const late = requests().at(-1);
  assert.equal(late.parentSpanContext, undefined);
  assert.deepEqual(
    late.links.map(({ context }) => context.spanId),
    [given.span.spanContext().spanId],
  );
});
