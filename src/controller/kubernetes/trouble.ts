/** Why a kind cannot be followed, in words for people. */
import type { ApiError } from './client.ts';

type Verb = 'list' | 'watch';

/** `path` is the path of the kind's list. */
export function troubleOf(kind: string, path: string, verb: Verb, error: ApiError): string {
  if (error.status === 404) return `${kind}: the API server does not know this kind (404): ${error.message}`;
  if (error.status === 403) return `${kind}: ${missingRule(path, verb)} (403): ${error.message}`;
  return `${kind}: ${error.message}`;
}

/** The answer cannot be what a Kubernetes API server says. */
export const nonsenseTrouble = (kind: string, path: string, message: string): string =>
  `${kind}: GET ${path} was answered with nonsense: ${message}`;

/** Lists take longer than the server remembers them. */
export const expiryTrouble = (kind: string, path: string): string =>
  `${kind}: GET ${path}: the server forgets the list before all its pages are read (410)`;

/** `/apis/GROUP/VERSION/PLURAL` and `/api/VERSION/PLURAL`, in a namespace or not. */
function missingRule(path: string, verb: Verb): string {
  const parts = path.split('/').filter((part) => part !== '');
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  return `the role lacks a rule with verb "${verb}", resource "${parts.at(-1) ?? ''}" and API group "${group}"`;
}
