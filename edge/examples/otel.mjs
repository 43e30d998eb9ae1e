// OpenTelemetry for a server that runs with TELEMETRY=1: node --import ./otel.mjs node.mjs. Put the
// exporter of your collector in the place of the console's.
import process from 'node:process';
import { metrics } from '@opentelemetry/api';
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

const exportIntervalMillis = Number(process.env.METRICS_MS ?? 60_000);
const reader = new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter(), exportIntervalMillis, exportTimeoutMillis: exportIntervalMillis });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
