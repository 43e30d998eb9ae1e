// Runs both suites on every JavaScript host and prints the table of all hosts, also those of Go,
// which write their results to build/hosts. Arguments: names of hosts, to run only these. It fails
// if a suite failed or ran nothing, if a host is missing, or if a host ran another module than the
// right one: wasm/oauth2-full.wasm; wasm/oauth2.wasm for the transcripts that it can replay;
// wasm/oauth2-edge.wasm for those of kinds bff and resource. `beyond` lists what no program can do
// on a runtime; the run also fails if the runtime can do it by now. The hosts of plugins (`make
// plugin-test`) run an artifact of build/plugins, and only transcripts.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suiteData } from './lib/data.mjs';
import { hosts, workFolder } from './lib/hosts.mjs';
import { installed, root, sha256 } from './lib/installed.mjs';
import { contractServer } from './lib/process.mjs';

const reports = join(root, 'build/hosts');
/** How many failures of a suite are shown; its file has them all. */
const SHOWN = 5;
const none = { passed: 0, total: 0, failures: [] };

/** Cases of the contract that a runtime keeps from passing, with the reason. */
const beyond = {
  webkit: {
    // If the last chunk of a chunked answer is missing, WebKitGTK 2.50 gives a script the rest as
    // if it were complete (fetch, XMLHttpRequest). A truncated JSON answer is still unreadable.
    'an answer that ends before its last chunk is none': /^step 2: /,
  },
};

/** Removes the cases in `beyond`, so that all others have to pass. */
const excused = (host, contract) => {
  const left = Object.entries(beyond[host] ?? {});
  const failures = (contract.failures ?? []).filter(
    (text) => !left.some(([name, why]) => text.startsWith(`${name}: `) && why.test(text.slice(name.length + 2))),
  );
  const gone = (contract.failures ?? []).length - failures.length;
  const stale = left.length - gone;
  return {
    ...contract,
    total: contract.total - gone,
    failures: stale ? [...failures, `${stale} of what is beyond it passes, or fails otherwise`] : failures,
    ...(stale && { passed: 0 }),
  };
};

/** Runs a host with its own server, because the server counts by ids that every host uses. */
const runHost = async (name, given) => {
  const to = join(reports, `${name}.json`);
  rmSync(to, { force: true });
  const server = await contractServer();
  let report;
  try {
    report = await hosts[name](name, { ...given, data: suiteData(server.url) });
  } catch (error) {
    report = { host: name, sha256: '', transcripts: { ...none, failures: [String(error?.stderr || error?.stack || error)] }, contract: none };
  } finally {
    await server.stop();
  }
  writeFileSync(to, JSON.stringify({ ...report, ...(report.contract && { contract: excused(name, report.contract) }), host: name }, null, 2) + '\n');
};

/** In parallel, because much of the contract is waiting. */
const runAll = async (names) => {
  const folder = installed();
  mkdirSync(reports, { recursive: true });
  await Promise.all(names.map((name) => runHost(name, { folder, work: workFolder(folder) })));
};

const file = (path) => readFileSync(join(root, path));
/**
 * The artifacts that plugin hosts run. The first line of the digests names the module from which
 * they were built.
 */
const artifacts = {
  'extism-go': 'build/plugins/oauth2.extism.wasm',
  'extism-js': 'build/plugins/oauth2.extism.wasm',
  'component-jco': 'build/plugins/oauth2.component.wasm',
  'component-wasmtime': 'build/plugins/oauth2.component.wasm',
  'c-wasmtime': `wasm/${/^\S+ {2}(\S+)/.exec(file('build/plugins/SHA256SUMS'))[1]}`,
};

const suiteFaults = (host, suites) =>
  Object.entries(suites).flatMap(([suite, { passed, total, failures }]) => [
    ...(total > 0 && passed === total ? [] : [`${host}: ${suite}: ${passed} of ${total} passed`]),
    ...(failures ?? []).slice(0, SHOWN).map((failure) => `${host}: ${suite}: ${failure}`),
  ]);

/** What is wrong with a report. */
const faults = ({ host, sha256: digest, transcripts = none, contract = none, page, bff, resource }, module, ofPage, edge) => {
  if (artifacts[host])
    return [
      ...(digest === sha256(file(artifacts[host])) ? [] : [`${host}: ran another module than ${artifacts[host]}`]),
      ...suiteFaults(host, { transcripts }),
    ];
  return [
    // A host that runs the core without the module has no digest; the standard-Go build of the same
    // sources is another module.
    ...(digest === '-' || host === 'go-wasip1' || digest === module ? [] : [`${host}: ran another module: ${digest || 'none'}`]),
    ...(!page || page.sha256 === ofPage || digest === '-' ? [] : [`${host}: ran another module of pages: ${page.sha256}`]),
    ...[bff, resource].flatMap((other) =>
      !other || other.sha256 === edge || digest === '-' ? [] : [`${host}: ran another module of the edge: ${other.sha256}`],
    ),
    // There is one standard-Go build, and a host without a module has no profiles.
    ...suiteFaults(host, {
      transcripts,
      contract,
      ...(digest === module && { page: page ?? none }),
      ...(host === 'go-wasip1' ? {} : { bff: bff ?? none, resource: resource ?? none }),
    }),
  ];
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !hosts[name]);
if (unknown) throw new Error(`no host ${unknown}: ${Object.keys(hosts).join(', ')}`);
await runAll(names.length ? names : Object.keys(hosts));

/** The data of a suite for the demo's proof. */
const proofOf = (suite) => suite?.digest && { conversations: suite.total, inputs: suite.inputs, effects: suite.effects, digest: suite.digest };

const [module, ofPage, edge] = ['oauth2-full', 'oauth2', 'oauth2-edge'].map((name) => sha256(readFileSync(join(root, `wasm/${name}.wasm`))));
const all = readdirSync(reports)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(join(reports, name), 'utf8')));
// The demo loads it: the SHA-256 over all effects, on each host.
const proofs = all.map(({ host, page, transcripts, bff, resource }) => ({
  host,
  page: proofOf(page),
  client: proofOf(transcripts),
  bff: proofOf(bff),
  resource: proofOf(resource),
}));
writeFileSync(join(root, 'build/proof.json'), JSON.stringify({ hosts: proofs.filter(({ client }) => client) }, null, 2) + '\n');
const share = (suite) => (suite ? `${suite.passed}/${suite.total}` : '-');
const rows = [
  ['host', 'module', 'transcripts', 'page', 'contract', 'bff', 'resource'],
  ...all.map((r) => [r.host, r.sha256.slice(0, 12) || 'none', share(r.transcripts), share(r.page), share(r.contract), share(r.bff), share(r.resource)]),
];
const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows)
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );

const missing = names.length ? [] : Object.keys(artifacts).filter((host) => !all.some((report) => report.host === host));
const wrong = [...all.flatMap((report) => faults(report, module, ofPage, edge)), ...missing.map((host) => `${host}: did not run; make plugin-test runs it`)];
for (const fault of wrong) console.error(fault);
const suites = all.flatMap(({ transcripts, page, contract, bff, resource }) => [
  transcripts ?? none,
  page ?? none,
  contract ?? none,
  bff ?? none,
  resource ?? none,
]);
const passed = suites.reduce((sum, suite) => sum + suite.passed, 0);
// A problem outside of the suites' cases, such as a wrong module, counts as one more failure.
const failed = suites.reduce((sum, suite) => sum + suite.total - suite.passed, 0);
console.log(`${passed} passed, ${wrong.length ? Math.max(failed, 1) : failed} failed, 0 skipped`);
process.exitCode = wrong.length ? 1 : 0;
