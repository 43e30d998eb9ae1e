/** How many bytes a body has. */
const length = ({ text, base64 } = {}) => (base64 ? atob(base64).length : new TextEncoder().encode(text ?? '').length);

/** Repeated names as one, since some hosts join them and others do not. */
const joined = (pairs) => {
  const all = new Map();
  for (const [name, value] of pairs) all.set(name, all.has(name) ? `${all.get(name)}, ${value}` : value);
  return all;
};

const fail = (where, got, want) => {
  throw new Error(`${where}: is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
};

/**
 * Throws where `got` is not what is wanted: objects by the members that are listed, arrays by equality, `{"$bytes": n}` by the length
 * of a body, headers by the names that are listed.
 */
export const match = (where, want, got) => {
  if (want === null || typeof want !== 'object') {
    if (got !== want) fail(where, got, want);
  } else if (Array.isArray(want)) {
    if (where.endsWith('.headers')) {
      const all = joined(got ?? fail(where, got, want));
      for (const [name, value] of want) match(`${where}: ${name}`, value, all.get(name));
    } else {
      if (!Array.isArray(got) || got.length !== want.length) fail(where, got, want);
      want.forEach((value, i) => match(`${where}[${i}]`, value, got[i]));
    }
  } else if ('$bytes' in want) {
    if (length(got) !== want.$bytes) fail(where, length(got), want.$bytes);
  } else {
    if (got === null || typeof got !== 'object' || Array.isArray(got)) fail(where, got, want);
    for (const name in want) match(`${where}.${name}`, want[name], got[name]);
  }
};
