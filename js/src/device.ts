import type { Run } from './host.js';
import type { DeviceAuthorization, DeviceResumeParameters, DeviceSignInParameters, Status } from './types.js';

/**
 * Runs a device flow (RFC 8628) to its end, and shows the user each `device` event.
 */
export const deviceFlow = async (
  client: EventTarget,
  run: Run,
  command: 'device_start' | 'poll_start',
  { show, signal, ...parameters }: DeviceResumeParameters | DeviceSignInParameters,
): Promise<Status> => {
  signal?.throwIfAborted();
  const stop = (forget?: boolean) => run('poll_stop', { forget }) as Promise<unknown> as Promise<void>;
  const go = () => run('poll_start') as Promise<unknown> as Promise<void>;
  const tell = (device?: Partial<DeviceAuthorization>) =>
    // Once the flow is over there is nothing to show: the promise says how it ended.
    device?.user_code && show({ ...(device as DeviceAuthorization), pause: () => stop(), resume: () => go(), cancel: () => stop(true) });
  let polling = false;
  const changed = (event: Event): void => {
    const { detail } = event as CustomEvent;
    polling = detail.polling;
    tell(detail);
  };
  /**
   * When the network is back, the next poll need not wait as long as after a failed one; and a new
   * vault polls when it is told to.
   */
  const online = () => polling && void go().catch(() => {});
  try {
    // Resuming a flow changes nothing, so there is no event: show the current state.
    if (command === 'poll_start') tell((await run('status', { signal })).device);
    client.addEventListener('device', changed);
    client.addEventListener('restarted', online);
    globalThis.addEventListener?.('online', online);
    await run(command, { ...parameters, signal });
    return await run('device_wait', { signal });
  } catch (error) {
    if (signal?.aborted) void stop(true).catch(() => {}); // the caller gets the signal's reason
    throw error;
  } finally {
    client.removeEventListener('device', changed);
    client.removeEventListener('restarted', online);
    globalThis.removeEventListener?.('online', online);
  }
};
