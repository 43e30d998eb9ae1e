/**
 * How long a test waits for an event, in ms: so long that only a hanging test reaches it. Tests do
 * not measure time, so there is no other limit.
 */
export const PATIENCE = 300_000;
