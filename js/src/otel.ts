// Spans and metrics of a client's effects. @opentelemetry/api is the application's own.
import {
  type Attributes,
  context,
  isSpanContextValid,
  type MeterProvider,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type TracerProvider,
} from '@opentelemetry/api';
import type { EffectEntry } from './entry.js';

/** All options may be left out. */
export interface TelemetryOptions {
  /** Default: the global one. */
  tracerProvider?: TracerProvider;
  /** Default: the global one. */
  meterProvider?: MeterProvider;
  /** Names the client in each span and metric, as attribute `oauth2.client`. */
  client?: string;
}

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Kinds of effects without a span: nobody waits for them, or they are a wait. */
const QUIET = new Set(['event', 'result', 'remember', 'unlock', 'http-cancel', 'timer', 'timer-cancel']);

/** Tells a span of this process that is over from one that was never recorded. */
const hasEnded = (span: Span): boolean => {
  const its = span.spanContext();
  return isSpanContextValid(its) && !its.isRemote && (its.traceFlags & TraceFlags.SAMPLED) !== 0 && !span.isRecording();
};

/**
 * Makes a listener for {@link Options.onEffect}: OpenTelemetry spans and metrics of the client's
 * effects. They contain no secret: no token, code or key, and only the origin and path of a URL.
 *
 * - A span for each effect except timers. The span of a request has the name and the attributes of
 *   HTTP client spans (semantic conventions 1.30), the others are named `oauth2 KIND`. The parent of
 *   a span is the active span of the caller; this needs a context manager, such as the one of the
 *   SDK for Node. If several callers wait for one refresh, the first of them counts. If the caller's
 *   span has ended by then, as for a timer that it led to, the span begins a new trace, with a link
 *   to the ended one.
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
  /** The number of consecutive failed requests, by stage and URL. */
  const failures = new Map<string, number>();
  return ({ kind, stage, method = '', url = '', status, failed, ms }) => {
    if (ms === undefined || QUIET.has(kind)) return; // the first of two entries, or an effect that nobody waits for
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
