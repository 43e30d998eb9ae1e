import { type Client, type EffectEntry, openClient, type Store } from '../../js/src/index.js';
import { type Exchange, exchangeOf, hearCommands } from './record.js';
import { struck, withoutSecrets } from './strike.js';

/** What the page lends to a frame that plays another tab. */
export interface Lent {
  config: object;
  module: WebAssembly.Module;
  /** The store that the tabs share. */
  store: Store;
  heard(entry: EffectEntry, exchange: Exchange | undefined): void;
  command(id: string, name: string, message: string): void;
}

/** The actions of the page in that tab. */
export interface Tab {
  refresh(): Promise<unknown>;
  /**
   * Begins a refresh whose answer this tab will not see, because it is closed before. Settles once
   * the server has acted.
   */
  refreshAndHang(): Promise<void>;
  /** Handles a reply of the server, and says how that ended. */
  reply(url: string): Promise<string>;
}

declare global {
  interface Window {
    lend?: () => Lent;
    tab?: Promise<Tab>;
  }
}

const say = (text: string) => {
  document.getElementById('says')!.textContent = text;
};

const open = async (): Promise<Tab> => {
  const { config, module, store, heard, command } = window.parent.lend!();
  let acted = () => {};
  let hanging = false;
  hearCommands((id, name) => command(id, name, withoutSecrets(exchangeOf(id)!.asked!, struck)));
  const client: Client = await openClient(config as never, {
    module,
    store,
    locks: navigator.locks,
    onEffect: (entry) => heard(entry, exchangeOf(entry.id)),
    async fetch(input, init) {
      const answer = await fetch(input, init);
      if (!hanging || !String(input).endsWith('/token')) return answer;
      acted();
      return await new Promise<never>(() => {});
    },
  });
  await client.status();
  say('Another tab of the same session.');
  return {
    async refresh() {
      say('Refreshing.');
      await client.refresh();
      say('It has the new token, too.');
    },
    refreshAndHang() {
      hanging = true;
      say('Refreshing.');
      void client.refresh().catch(() => {});
      return new Promise((resolve) => (acted = resolve));
    },
    async reply(url) {
      say('Opened with that reply.');
      const outcome = await client.callback({ url }).then(
        ({ handled_elsewhere: elsewhere }) => (elsewhere ? 'it is signed in by what came of it before' : 'it was redeemed again'),
        ({ code }: { code?: string }) => `it is refused (${code})`,
      );
      say('Nothing was sent.');
      return outcome;
    },
  };
};

window.tab = open();
