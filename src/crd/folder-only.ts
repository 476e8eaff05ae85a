/**
 * What an object from a folder cannot ask for: a folder knows neither Nodes nor EndpointSlices, and a field that changes
 * nothing would be a promise that nobody keeps.
 */
import { type Finding, findingAt, identityOf, type LvsObject } from './parse.ts';

/** What stands against serving a valid object from a folder. */
export function folderFindings(object: LvsObject): readonly Finding[] {
  if (object.kind !== 'VirtualService') return [];
  const identity = identityOf(object);
  const refuse = (path: readonly (string | number)[], message: string, remedy: string): Finding =>
    findingAt(path, identity, message, remedy, 'Invalid');
  const services = object.spec.backends.flatMap((backend, index) =>
    backend.service === undefined
      ? []
      : [
          refuse(
            ['spec', 'backends', index, 'service'],
            'needs the API server: a folder has no EndpointSlices',
            'Write realServers, and a RealServer for each machine.',
          ),
        ],
  );
  if (Object.keys(object.spec.directors.nodeSelector).length === 0) return services;
  const selector = refuse(
    ['spec', 'directors', 'nodeSelector'],
    'needs the API server: a folder has no Nodes, and this machine is its only director',
    'Remove it, and give the file to those machines only that shall serve it.',
  );
  return [...services, selector];
}
