/** Exit codes. They are API. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** `plan` only: there is something to do. */
  pending: 2,
  /** Wrong usage or settings. */
  usage: 3,
} as const;
