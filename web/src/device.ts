import { type Client, type Device, OAuthError, type Status } from '../../js/src/index.js';
import { busy, remember, remembered } from './dom.js';
import { explain } from './explain.js';
import * as tv from './tv.js';

/** The functions of the page that the flow needs. */
export interface Page {
  client(): Client;
  /** Called when the session has changed. */
  changed(): Promise<unknown>;
  /** Fetches and shows who signed in. */
  whoAmI(): Promise<string | undefined>;
}

/** When the displayed code expires. The message after a reload depends on it. */
const KEY = 'demo.code-ends';
/** The user had paused: after a reload, polling does not start by itself. */
const PAUSED = 'demo.paused';

/** Signs in on the TV (RFC 8628). The buttons of its screen are its own. */
export const deviceFlow = ({ client, changed, whoAmI }: Page) => {
  let device: Device | undefined;
  /** The package follows the flow, also while it is paused. Otherwise it has to be resumed. */
  let followed = false;
  let end: ReturnType<typeof setTimeout> | undefined;
  /** A paused flow is being resumed, to be paused again before it polls. */
  let pausing = false;

  const show = (shown: Device) => {
    const first = !device;
    device = shown;
    remember(KEY, String(shown.expires_at));
    tv.showCode(shown);
    if (first) void changed();
    if (pausing && shown.polling) {
      pausing = false;
      void shown.pause();
    }
    clearTimeout(end);
    // While it does not poll, the module checks the clock only when it gets a command.
    if (!shown.polling) end = setTimeout(resume, shown.expires_at - Date.now());
  };

  const over = () => {
    clearTimeout(end);
    device = undefined;
    remember(KEY, null);
    remember(PAUSED, null);
  };

  const failed = async (error: unknown) => {
    const status = await client()
      .status()
      .catch(() => undefined);
    if (status?.device) return tv.showStopped(explain(error, 'device'));
    const begun = device;
    over();
    tv.showEnd(explain(error, begun ? 'device' : 'device start'));
    await changed().catch(() => {}); // a closed client has reported that already
  };

  /** Follows a flow to its end. */
  const follow = async (work: Promise<Status>) => {
    followed = true;
    try {
      await work;
    } catch (error) {
      return await failed(error);
    } finally {
      followed = false;
    }
    over();
    tv.showApproved();
    await changed();
    tv.showName(await whoAmI());
  };

  const begin = async () => {
    if (followed) return;
    tv.showStarting();
    await busy(tv.start, () => follow(client().deviceSignIn({ show })));
  };

  const pause = async () => {
    remember(PAUSED, 'yes');
    await device?.pause();
  };

  const goOn = () => follow(client().deviceResume({ show }));

  const resume = async () => {
    remember(PAUSED, null);
    // The follower of the flow gets the outcome.
    if (followed) await device?.resume().catch(() => {});
    else await goOn();
  };

  const cancel = async () => {
    if (!device) return;
    const wasFollowed = followed;
    await device.cancel();
    if (!wasFollowed) await failed(new OAuthError({ kind: 'cancelled', code: 'cancelled', op: 'device', retryable: false }));
  };

  tv.start.addEventListener('click', begin);
  tv.pause.addEventListener('click', pause);
  tv.resume.addEventListener('click', resume);
  tv.cancel.addEventListener('click', cancel);

  return {
    /** Ends a flow, because the user signs in in another way. */
    cancel,
    /** After a reload: resumes the flow from the store, or says how it ended. */
    takeUp(status: Status): void {
      const ended = Number(remembered(KEY));
      if (status.status === 'granted') return over();
      if (status.device) {
        pausing = remembered(PAUSED) !== null;
        return void goOn();
      }
      if (!ended) return;
      over();
      tv.showEnd(
        ended <= Date.now()
          ? explain(new OAuthError({ kind: 'expired', code: 'device_code_expired', op: 'device', retryable: false }), 'device')
          : {
              title: 'The code is gone',
              text: 'The page was loaded again, and it had the code in memory only. With “Keep the session” chosen, a reload goes on where it was.',
            },
      );
    },
  };
};
