/** What a folder refuses of valid objects, because it has neither Nodes nor EndpointSlices. */
import { describe, expect, it } from 'vitest';
import { folderFindings } from '../../../src/crd/folder-only.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const found = (object: object) =>
  folderFindings(valid(object)).map(({ path, problem }) => `${path.join('/')} | ${problemText(problem)}`);

const service = { service: { name: 'web' } };
const realServers = { realServers: { matchLabels: { app: 'web' } } };

describe('a folder', () => {
  it.each([
    ['a RealServer', realServerObject('a', {})],
    ['a VirtualService with RealServers', virtualServiceObject({})],
    ['an empty nodeSelector', virtualServiceObject({ directors: { nodeSelector: {} } })],
    ['no announcement', virtualServiceObject({ announce: 'None' })],
  ])('takes %s', (_, object) => {
    expect(found(object)).toEqual([]);
  });

  it('refuses Services as back ends, each of them', () => {
    expect(found(virtualServiceObject({ backends: [service, realServers, service] }))).toEqual(
      [0, 2].map(
        (index) =>
          `spec/backends/${index}/service | VirtualService default/web: spec.backends[${index}].service: needs the API server: a folder has no EndpointSlices (Invalid). Write realServers, and a RealServer for each machine.`,
      ),
    );
  });

  it('refuses to choose among Nodes', () => {
    expect(found(virtualServiceObject({ directors: { nodeSelector: { zone: 'a' } } }))).toEqual([
      'spec/directors/nodeSelector | VirtualService default/web: spec.directors.nodeSelector: needs the API server: a folder has no Nodes, and this machine is its only director (Invalid). Remove it, and give the file to those machines only that shall serve it.',
    ]);
  });

  it('names both at once', () => {
    expect(found(virtualServiceObject({ backends: [service], directors: { nodeSelector: { a: 'b' } } }))).toHaveLength(
      2,
    );
  });
});
