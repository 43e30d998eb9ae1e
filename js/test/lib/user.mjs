// The steps of a user on the pages of the project's authorization server, over HTTP.

const unescape = (text) =>
  text.replace(/&(#?\w+);/g, (all, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' })[name] ?? all);

const fields = (html) =>
  new URLSearchParams(
    [...html.matchAll(/<input[^>]*>/g)].flatMap(([input]) => {
      const [name, value] = ['name', 'value'].map((of) => new RegExp(` ${of}="([^"]*)"`).exec(input)?.[1]);
      return name ? [[name, unescape(value ?? '')]] : [];
    }),
  );

/**
 * A browser with its own cookies, used by alice.
 *
 * @returns {(url: string | URL, decision?: 'approve' | 'deny') => Promise<{url: URL, form?:
 * URLSearchParams, text?: string}>} goes through the pages from a URL on, and stops where the
 * server sends her away: `url` is that address, `form` the posted form; or at a page without a
 * question: `text`
 */
export const alice = () => {
  const cookies = new Map();
  const request = async (url, form) => {
    const response = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      body: form,
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    return { location: response.headers.get('location'), text: await response.text() };
  };
  return async (start, decision = 'approve') => {
    let url = new URL(start);
    const { origin } = url;
    let form;
    for (let pages = 0; pages < 12; pages += 1) {
      const { location, text } = await request(url, form);
      form = undefined;
      if (location) {
        url = new URL(location, url);
        if (url.origin !== origin) return { url };
        continue;
      }
      const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
      if (!action) return { url, text };
      url = new URL(unescape(action), url);
      form = fields(text);
      if (url.origin !== origin) return { url, form };
      const buttons = [...text.matchAll(/name="action" value="([^"]+)"/g)].map(([, value]) => value);
      form.set(
        'action',
        ['sign-in', 'continue', 'sign-out', decision].find((action) => buttons.includes(action)),
      );
      if (form.has('password')) for (const name of ['username', 'password']) form.set(name, 'alice');
    }
    throw new Error('no end of pages');
  };
};
