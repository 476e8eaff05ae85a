/**
 * What is wrong with an object or a file, as a value that names object, field, reason and remedy.
 */
import type { Reason } from './reasons.ts';

/** Where in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly reason: Reason;
  /** `VirtualService default/web`, or null when the object could not be identified. */
  readonly object: string | null;
  /** `spec.ports[0].port`, or null when the whole object or file is meant. */
  readonly field: string | null;
  /** What is wrong, without object and field. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly place: Place | null;
}

/** One line: `web.yaml:7:11: VirtualService default/web: spec.ports[0].port: 70000 is … (Invalid). Remedy.` */
export function problemText(problem: Problem): string {
  const place = problem.place;
  const parts = [
    place === null ? null : `${place.file}:${place.line}:${place.column}`,
    problem.object,
    problem.field,
    `${problem.message} (${problem.reason}). ${problem.remedy}`,
  ];
  return parts.filter((part) => part !== null).join(': ');
}
