/** Objects for tests, as a person would write them: only what is needed, the rest by default. */
import { parseObject, identityOf, type LvsObject } from '../../src/crd/parse.ts';
import { folderUid } from '../../src/controller/uid.ts';
import { EMPTY_WORLD, type World } from '../../src/controller/world.ts';

const API = 'lvs-director.io/v1alpha1';

interface Options {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Unchecked data of a VirtualService `web` on 192.168.112.152:81, with `spec` laid over it. */
export function virtualServiceObject(spec: object, options: Options = {}): Record<string, unknown> {
  const { name = 'web', namespace } = options;
  return {
    apiVersion: API,
    kind: 'VirtualService',
    metadata: namespace === undefined ? { name } : { name, namespace },
    spec: {
      addresses: ['192.168.112.152'],
      ports: [{ port: 81 }],
      backends: [{ realServers: { matchLabels: { app: 'web' } } }],
      ...spec,
    },
  };
}

/** Unchecked data of a RealServer at 192.168.112.153 with label app=web. */
export function realServerObject(name: string, spec: object, options: Options = {}): Record<string, unknown> {
  const { namespace, labels = { app: 'web' } } = options;
  return {
    apiVersion: API,
    kind: 'RealServer',
    metadata: namespace === undefined ? { name, labels } : { name, namespace, labels },
    spec: { address: '192.168.112.153', ...spec },
  };
}

/** Data that is known to be right, as the type that it then has. */
export function valid(data: unknown): LvsObject {
  const parsed = parseObject(data);
  if (parsed.status !== 'valid') throw new Error(`not a valid object: ${JSON.stringify(parsed)}`);
  return parsed.object;
}

/** Objects as a folder gives them. */
export const folderWorld = (objects: readonly LvsObject[]): World => ({
  ...EMPTY_WORLD,
  objects: objects.map((object) => ({ uid: folderUid(identityOf(object)), object, refused: false, generation: null })),
});
