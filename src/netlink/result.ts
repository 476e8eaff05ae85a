/**
 * Errors as values: what failed, the kernel's errno when it gave one, and whether the state is now unknown.
 */

export interface NetlinkFailure {
  /**
   * `kernel`: the kernel refused (errno says why).
   * `timeout`, `broken`: no full answer came, the state is unknown and must be observed again.
   * `unavailable`: the socket or the family does not exist (module not loaded, no CAP_NET_ADMIN).
   */
  readonly kind: 'kernel' | 'timeout' | 'broken' | 'unavailable';
  /** Symbolic errno, as `EEXIST`, when the kernel gave one. */
  readonly errno: string | null;
  /** A sentence for a person: what was asked and what came back. */
  readonly message: string;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: NetlinkFailure };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (error: NetlinkFailure): { readonly ok: false; readonly error: NetlinkFailure } => ({
  ok: false,
  error,
});
