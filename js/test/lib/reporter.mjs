// A test reporter that writes one JSON line a finished test, for behaviours.mjs.
export default async function* (source) {
  for await (const { type, data } of source) {
    if (type === 'test:pass' || type === 'test:fail') {
      yield `${JSON.stringify({ name: data.name, pass: type === 'test:pass', skip: Boolean(data.skip || data.todo), suite: data.details?.type === 'suite' })}\n`;
    }
  }
}
