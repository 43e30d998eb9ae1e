/** A span as a clock shows it: `4:05`. */
export const minutes = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

/** Whole seconds until a Unix time in milliseconds, 0 once it has passed. */
export const secondsTo = (at: number): number => Math.max(0, Math.ceil((at - Date.now()) / 1000));
