/** How many bytes a body has. */
const length = ({ text, base64 } = {}) => (base64 ? atob(base64).length : new TextEncoder().encode(text ?? '').length);

/** Joins repeated names, because some hosts join them and others do not. */
const joined = (pairs) => {
  const all = new Map();
  for (const [name, value] of pairs) all.set(name, all.has(name) ? `${all.get(name)}, ${value}` : value);
  return all;
};

const fail = (where, got, want) => {
  throw new Error(`${where}: is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
};

/** Whether two values are the same JSON, members in any order. */
const equal = (one, other) => {
  if (one === null || typeof one !== 'object' || other === null || typeof other !== 'object') return one === other;
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every((name) => name in other && equal(one[name], other[name]))
  );
};

/** Values that a case has saved by name. */
export class Kept {
  #values = new Map();

  save(name, value) {
    this.#values.set(name, value);
  }

  get(name) {
    if (!this.#values.has(name)) throw new Error(`nothing is kept as ${name}`);
    return this.#values.get(name);
  }

  /** A value in which each `{"$use": NAME}` is replaced by the saved value. */
  filled(value) {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((one) => this.filled(one));
    if ('$use' in value) return this.get(value.$use);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.filled(one)]));
  }
}

/** The special members of an expected answer. */
const special = {
  $bytes: (where, count, got) => length(got) === count || fail(where, length(got), count),
  $absent: (where, _, got) => got === undefined || fail(where, got, 'absent'),
  $save: (where, name, got, kept) => {
    if (got === undefined || got === null) fail(where, got, 'there');
    kept.save(name, got);
  },
  $same: (where, name, got, kept) => equal(got, kept.get(name)) || fail(where, got, kept.get(name)),
  $other: (where, name, got, kept) => (got === undefined || equal(got, kept.get(name))) && fail(where, got, `other than ${name}`),
};

/**
 * Throws if `got` does not match: objects by the listed members, arrays by equality, `{"$bytes":
 * n}` by the length of a body, headers by the listed names. `{"$absent": true}` requires that there
 * is none; `{"$save": NAME}` requires any value, and saves it for `{"$same": NAME}` (the same
 * value) and `{"$other": NAME}` (another value).
 */
export const match = (where, want, got, kept = new Kept()) => {
  const name = want !== null && typeof want === 'object' && Object.keys(want)[0];
  if (name && Object.hasOwn(special, name)) special[name](where, want[name], got, kept);
  else if (want === null || typeof want !== 'object') {
    if (got !== want) fail(where, got, want);
  } else if (Array.isArray(want)) {
    if (where.endsWith('.headers')) {
      const all = joined(got ?? fail(where, got, want));
      for (const [name, value] of want) match(`${where}: ${name}`, value, all.get(name), kept);
    } else {
      if (!Array.isArray(got) || got.length !== want.length) fail(where, got, want);
      want.forEach((value, i) => match(`${where}[${i}]`, value, got[i], kept));
    }
  } else {
    if (got === null || typeof got !== 'object' || Array.isArray(got)) fail(where, got, want);
    for (const name in want) match(`${where}.${name}`, want[name], got[name], kept);
  }
};
