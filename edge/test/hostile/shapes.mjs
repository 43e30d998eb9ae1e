// Big but legal texts of about that many bytes, each the worst case of one kind.

const many = (bytes, of) => {
  const parts = [];
  for (let length = 0; length < bytes; ) {
    const part = of(parts.length);
    parts.push(part);
    length += part.length + 1;
  }
  return parts;
};

/** JSON values. */
export const json = {
  'a string of letters': (n) => `"${'x'.repeat(n)}"`,
  'a string of commas': (n) => `"${','.repeat(n)}"`,
  'a string of brackets': (n) => `"${'[{'.repeat(n / 2)}"`,
  'a string of escapes': (n) => `"${'\\n'.repeat(n / 2)}"`,
  'a string of long escapes': (n) => `"${'\\u0041'.repeat(n / 6)}"`,
  'a long number': (n) => `1${'0'.repeat(n)}`,
  'an array of numbers': (n) => `[${many(n, () => '1')}]`,
  'an array of short strings': (n) => `[${many(n, () => '"a"')}]`,
  'an array of escapes': (n) => `[${many(n, () => '"\\n"')}]`,
  'an array of small objects': (n) => `[${many(n, () => '{"a":1}')}]`,
  'an array of empty objects': (n) => `[${many(n, () => '{}')}]`,
  'deep arrays': (n) => `[${many(n, () => '['.repeat(24) + ']'.repeat(24))}]`,
  'deep objects': (n) => `[${many(n, () => '{"a":'.repeat(24) + '1' + '}'.repeat(24))}]`,
  'objects of 900 members': (n) => `[${many(n, () => `{${Array.from({ length: 900 }, (_, i) => `"${i}":1`)}}`)}]`,
  'names that are escaped': (n) => `[${many(n, () => `{${Array.from({ length: 300 }, (_, i) => `"\\n\\n\\n\\n${i}":1`)}}`)}]`,
  'a long name': (n) => `{"${'n'.repeat(n)}":1}`,
  'white space': (n) => `[${' '.repeat(n)}1]`,
};

/** Forms and queries. */
export const forms = {
  'parameters without values': (n) => many(n, () => 'a').join('&'),
  'parameters of other names': (n) => many(n, (i) => `p${i}=1`).join('&'),
  'empty parameters': (n) => '&'.repeat(n),
  escapes: (n) => `a=${'%41'.repeat(n / 3)}`,
  'a scope of many words': (n) => `scope=${many(n, (i) => `s${i}`).join('+')}`,
  commas: (n) => ','.repeat(n),
  brackets: (n) => '[{'.repeat(n / 2),
  letters: (n) => 'x'.repeat(n),
  'a long value': (n) => `a=${'x'.repeat(n)}`,
};

/** Headers of a request, or of an answer, as pairs. */
export const headers = {
  'short headers': (n) => many(n, (i) => `x-${i}: 1 `).map((text) => text.trim().split(': ')),
  'headers of one name': (n) => many(n, () => 'x-a: 1 ').map(() => ['x-a', '1']),
  'a Connection of many names': (n) => [['connection', many(n, (i) => `x${i}`).join()]],
  'a Connection of commas': (n) => [['connection', ','.repeat(n)]],
  'many Connections, and headers': (n) =>
    many(n / 2, (i) => `connection: x-${i}: 1 .`).flatMap((_, i) => [
      ['connection', `x-${i}`],
      [`x-${i}`, '1'],
    ]),
  'a Vary of many names': (n) => [['vary', many(n, (i) => `x${i}`).join()]],
  'a challenge of many schemes': (n) => [['www-authenticate', many(n, (i) => `S${i} a="b"`).join()]],
  'a challenge of many parameters': (n) => [['www-authenticate', `Bearer ${many(n, (i) => `p${i}="\\a"`).join()}`]],
  'a long header': (n) => [['x-a', 'x'.repeat(n)]],
};

/** Values of a Cookie header. */
export const cookies = {
  'short cookies': (n) => many(n, () => 'a=b').join('; '),
  'cookies without a name': (n) => ';'.repeat(n),
  attempts: (n) => many(n, (i) => `__Host-oauth2.${String(i).padStart(12, '0')}=x`).join('; '),
  sessions: (n) => many(n, () => '__Host-oauth2=x').join('; '),
};

/** Paths below one. */
export const paths = {
  'many segments': (n) => '/a'.repeat(n / 2),
  'escapes in a path': (n) => `/${'%41'.repeat(n / 3)}`,
  'a long segment': (n) => `/${'a'.repeat(n)}`,
};
