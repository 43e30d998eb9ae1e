// A reverse proxy of workerd's fetch and nothing else: what a backend there costs at the least.
export class Sessions {} // the configuration wants one

export default {
  fetch(request, { BFF: { proxy } }) {
    const { pathname, search } = new URL(request.url);
    return fetch(new URL(proxy[0].target).origin + pathname + search, request);
  },
};
