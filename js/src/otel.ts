// Spans and metrics of what a client has its host do. @opentelemetry/api is the application's own.
import { type Attributes, context, isSpanContextValid, type MeterProvider, metrics, type Span, SpanKind, SpanStatusCode, trace, TraceFlags, type TracerProvider } from '@opentelemetry/api';
import type { EffectEntry } from './host.js';

/** All may be left out. */
export interface TelemetryOptions {
  /** Default: the global one. */
  tracerProvider?: TracerProvider;
  /** Default: the global one. */
  meterProvider?: MeterProvider;
  /** Names the client in each span and metric, as attribute `oauth2.client`. */
  client?: string;
}

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What is no span: nobody waits for it, or it is a wait. */
const QUIET = new Set(['event', 'result', 'remember', 'unlock', 'http-cancel', 'timer', 'timer-cancel']);

/** Tells a span of this process that is over from one that was never recorded. */
const hasEnded = (span: Span): boolean => {
  const its = span.spanContext();
  return isSpanContextValid(its) && !its.isRemote && (its.traceFlags & TraceFlags.SAMPLED) !== 0 && !span.isRecording();
};

/**
 * Makes a listener for {@link Options.onEffect}: OpenTelemetry spans and metrics of what the client
 * has its host do. Nothing secret is in them: no token, code or key, and of a URL the origin and
 * path alone.
 *
 * - A span for each effect but timers. That of a request has the name and the attributes of HTTP
 *   client spans (semantic conventions 1.30), the others are named `oauth2 KIND`. A span has that
 *   of the active context that the client was called in as its parent, of the first caller where
 *   several wait for one refresh; that needs a context manager, as the SDK for Node registers one.
 *   Where that span has ended by then, as it has for what a timer does, the span begins a trace of
 *   its own, with a link to the one that has ended.
 * - `http.client.request.duration`, `oauth2.effect.duration` (histograms, in seconds) and
 *   `oauth2.request.retries`, which counts requests that followed a failed one of their stage.
 */
export const telemetry = ({
  tracerProvider = trace.getTracerProvider(),
  meterProvider = metrics.getMeterProvider(),
  client,
}: TelemetryOptions = {}): ((entry: EffectEntry) => void) => {
  const tracer = tracerProvider.getTracer('oauth2-wasm');
  const meter = meterProvider.getMeter('oauth2-wasm');
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: BOUNDS } });
  const requests = histogram('http.client.request.duration', 'Duration of HTTP client requests.');
  const effects = histogram('oauth2.effect.duration', 'Duration of what the client has its host do.');
  const retries = meter.createCounter('oauth2.request.retries', { unit: '{request}', description: 'Requests that followed a failed one of their stage.' });
  /** By stage and URL: how many requests failed there one after the other. */
  const failures = new Map<string, number>();
  return ({ kind, stage, method = '', url = '', status, failed, ms }) => {
    if (ms === undefined || QUIET.has(kind)) return; // the first line of two, or what nobody waits for
    const now = Date.now();
    const fault = failed ?? (status! >= 400 ? String(status) : undefined);
    const common: Attributes = { ...(client && { 'oauth2.client': client }), ...(stage && { 'oauth2.stage': stage }), ...(fault && { 'error.type': fault }) };
    const span: Attributes = { 'oauth2.effect': kind, ...common };
    effects.record(ms / 1000, { ...span });
    if (kind === 'http') {
      const { hostname, port, protocol } = new URL(url);
      const request: Attributes = {
        'http.request.method': method,
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'http:' ? 80 : 443),
        'url.scheme': protocol.slice(0, -1),
        ...(status && { 'http.response.status_code': status }),
      };
      const place = `${stage} ${url}`;
      const before = failures.get(place) ?? 0;
      if (before) retries.add(1, common);
      if (fault) failures.set(place, before + 1);
      else failures.delete(place);
      requests.record(ms / 1000, { ...request, ...common });
      Object.assign(span, request, { 'url.full': url }, before && { 'http.request.resend_count': before });
    }
    const parent = trace.getSpan(context.active());
    const over = parent && hasEnded(parent) && parent.spanContext();
    const began = tracer.startSpan(kind === 'http' ? method : `oauth2 ${kind}`, {
      ...(over && { root: true, links: [{ context: over }] }),
      startTime: now - ms,
      kind: kind === 'http' ? SpanKind.CLIENT : SpanKind.INTERNAL,
      attributes: span,
    });
    if (fault) began.setStatus({ code: SpanStatusCode.ERROR });
    began.end(now);
  };
};
